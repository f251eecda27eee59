import { Paper, Skeleton, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { auditQuery } from "@/api/courses";
import { ProblemAlert } from "@/components/ProblemAlert";
import { fullTime } from "@/lib/time";

/** Who changed what in a course, the newest first. */
export function AuditTab({ courseId }: { courseId: string }) {
  const { data, error, refetch } = useQuery(auditQuery(courseId));
  if (error) return <ProblemAlert error={error} onRetry={refetch} />;
  if (!data) return <Skeleton h={300} />;
  return (
    <Paper p="lg">
      <Table.ScrollContainer minWidth={860}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>When</Table.Th>
              <Table.Th>Who</Table.Th>
              <Table.Th>What</Table.Th>
              <Table.Th>Before</Table.Th>
              <Table.Th>After</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.items.map((line) => (
              <Table.Tr key={line.id}>
                <Table.Td>{fullTime(new Date(line.at))}</Table.Td>
                <Table.Td>{line.actor}</Table.Td>
                <Table.Td>
                  {line.action}: {line.subject}
                </Table.Td>
                <Table.Td>{line.before.slice(0, 80)}</Table.Td>
                <Table.Td>{line.after.slice(0, 80)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Paper>
  );
}
