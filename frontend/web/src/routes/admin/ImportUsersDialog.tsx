import { Alert, Badge, Button, FileButton, Group, Modal, Stack, Table, Text, Textarea } from "@mantine/core";
import { IconDownload, IconUpload } from "@tabler/icons-react";
import { useState } from "react";
import { useImportUsers, type UserTableResult } from "@/api/accounts";
import { ProblemAlert } from "@/components/ProblemAlert";
import { saveAs } from "@/lib/saveAs";

const EXAMPLE = "name,display_name,email\nmaria.sanchez,María Sánchez,maria@example.org\n";
const ACTIONS = { create: "new", update: "changed", unchanged: "as it is", error: "error" } as const;
const COLORS = { create: "green", update: "ink", unchanged: "gray", error: "red" } as const;

/** Make or change many accounts from a table: preview, then do it. */
export function ImportUsersDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Users from CSV" size="xl">
      <ImportUsersForm onClose={onClose} />
    </Modal>
  );
}

function ImportUsersForm({ onClose }: { onClose: () => void }) {
  const [csv, setCsv] = useState("");
  const preview = useImportUsers();
  const doIt = useImportUsers();
  const result = doIt.data?.is_done ? doIt.data : preview.data;
  const change = (text: string) => {
    setCsv(text);
    preview.reset();
    doIt.reset();
  };
  const load = (file: File | null) => {
    if (!file) return;
    void file.text().then((text) => {
      change(text);
      preview.mutate({ csv: text, is_preview: true });
    });
  };
  if (doIt.data?.is_done) return <Done result={doIt.data} onClose={onClose} />;
  const canDo = result?.errors === 0 && result.created + result.updated > 0;
  return (
    <Stack>
      <Text size="sm">
        One line per person; the first line names the columns: <b>name</b> (the user name), display_name,
        email, admin (yes or no). Accounts that exist are changed where the table says something else, so the
        same table can be given twice. Nothing is deleted.
      </Text>
      <Textarea
        label="Table"
        placeholder={EXAMPLE}
        autosize
        minRows={5}
        maxRows={12}
        value={csv}
        data-autofocus
        onChange={(event) => change(event.currentTarget.value)}
        styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
      />
      <Group>
        <FileButton onChange={load} accept=".csv,.tsv,.txt,text/csv">
          {(props) => (
            <Button {...props} variant="default" leftSection={<IconUpload size={18} />}>
              Open a file
            </Button>
          )}
        </FileButton>
        <Button
          variant="default"
          disabled={csv.trim() === ""}
          loading={preview.isPending}
          onClick={() => preview.mutate({ csv, is_preview: true })}
        >
          Preview
        </Button>
      </Group>
      {(preview.isError || doIt.isError) && <ProblemAlert error={doIt.error ?? preview.error} />}
      {result && <Preview result={result} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button
          disabled={!canDo}
          loading={doIt.isPending}
          onClick={() => doIt.mutate({ csv, is_preview: false })}
        >
          {canDo ? `Make ${result.created}, change ${result.updated}` : "Make the accounts"}
        </Button>
      </Group>
    </Stack>
  );
}

function Preview({ result }: { result: UserTableResult }) {
  const rows = [...result.rows].sort((a, b) => Number(b.action === "error") - Number(a.action === "error"));
  return (
    <>
      <Alert color={result.errors > 0 ? "red" : "green"} role="status">
        {result.created} new, {result.updated} changed, {result.unchanged} as they are
        {result.errors > 0 && `, ${result.errors} with errors: nothing is done until these are right`}.
      </Alert>
      <Table.ScrollContainer minWidth={360} mah="18rem">
        <Table aria-label="What the table does" verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={60}>Line</Table.Th>
              <Table.Th>User</Table.Th>
              <Table.Th w={90} />
              <Table.Th>Note</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={row.line}>
                <Table.Td>{row.line}</Table.Td>
                <Table.Td>{row.name}</Table.Td>
                <Table.Td>
                  <Badge color={COLORS[row.action]}>{ACTIONS[row.action]}</Badge>
                </Table.Td>
                <Table.Td>{row.message}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </>
  );
}

function Done({ result, onClose }: { result: UserTableResult; onClose: () => void }) {
  const fresh = result.rows.filter((row) => row.sign_in_link);
  const table = ["name,sign_in_link", ...fresh.map((row) => `${row.name},${row.sign_in_link?.url ?? ""}`)];
  return (
    <Stack>
      <Alert color="green" role="status">
        {result.created} accounts made, {result.updated} changed.
      </Alert>
      {fresh.length > 0 && (
        <>
          <Text size="sm">
            Each new person needs their own sign-in link. They work once, for 24 hours, and are not shown
            again; later links can be made one by one.
          </Text>
          <Group>
            <Button
              leftSection={<IconDownload size={18} />}
              onClick={() => saveAs("sign-in-links.csv", `${table.join("\n")}\n`, "text/csv")}
            >
              Save the links as CSV
            </Button>
            <Button variant="default" onClick={onClose}>
              Done
            </Button>
          </Group>
        </>
      )}
      {fresh.length === 0 && (
        <Group>
          <Button onClick={onClose}>Done</Button>
        </Group>
      )}
    </Stack>
  );
}
