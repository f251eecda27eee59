import { Code, Stack, Table, Text } from "@mantine/core";
import type { Receipt } from "@/api/courses";
import { fullTime } from "@/lib/time";

/** What was received, as it can be shown in an appeal. */
export function ReceiptView({ receipt }: { receipt: Receipt }) {
  return (
    <Stack gap="sm">
      <Text size="sm">
        “{receipt.assignment}” was received on {fullTime(new Date(receipt.received_at))} as submission{" "}
        {receipt.submission}, {receipt.timeliness === "late" ? "late" : "in time"}. You may hand in again
        until the assignment closes; the last one counts unless you choose another.
      </Text>
      <Table.ScrollContainer minWidth={420}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>File</Table.Th>
              <Table.Th>Bytes</Table.Th>
              <Table.Th>SHA-256</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {receipt.files.map((file) => (
              <Table.Tr key={file.path}>
                <Table.Td>{file.path}</Table.Td>
                <Table.Td>{file.size}</Table.Td>
                <Table.Td>
                  <Code>{file.sha256.slice(0, 16)}…</Code>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
        Signature of the platform: {receipt.signature}
      </Text>
    </Stack>
  );
}
