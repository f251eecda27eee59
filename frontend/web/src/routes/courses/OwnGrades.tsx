import { Paper, Skeleton, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ownGradesQuery } from "@/api/courses";
import { TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { CategoryTotals } from "./gradebook/CategoryTotals";
import { percent } from "./scores";

/** One's own line of the gradebook. */
export function OwnGrades({ courseId }: { courseId: string }) {
  const { data, error, refetch } = useQuery(ownGradesQuery(courseId));
  if (error) return <ProblemAlert error={error} onRetry={refetch} />;
  if (!data) return <Skeleton h={160} />;
  const [row] = data.rows;
  if (!row) return <Text>There are no grades of yours in this course.</Text>;
  return (
    <Paper p="lg">
      <Text mb="sm">
        Course grade so far: <strong>{percent(row.total)}</strong> {row.letter}
      </Text>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Assignment</Table.Th>
            <Table.Th>Score</Table.Th>
            <Table.Th>State</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {row.cells.map((cell) => (
            <Table.Tr key={cell.assignment}>
              <Table.Td>
                {cell.submission_id === null ? (
                  cell.assignment
                ) : (
                  <TextLink
                    to="/courses/$courseId/submissions/$submissionId"
                    params={{ courseId, submissionId: String(cell.submission_id) }}
                  >
                    {cell.assignment}
                  </TextLink>
                )}
              </Table.Td>
              <Table.Td>{cell.score === null ? "–" : `${cell.score} of ${cell.points}`}</Table.Td>
              <Table.Td>{cell.state}</Table.Td>
            </Table.Tr>
          ))}
          {row.columns.map((column) => (
            <Table.Tr key={column.column_id}>
              <Table.Td>{column.name}</Table.Td>
              <Table.Td>{column.score === null ? "–" : `${column.score} of ${column.points}`}</Table.Td>
              <Table.Td>{column.is_excused ? "excused" : column.score === null ? "" : "graded"}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {row.categories.length > 0 && (
        <>
          <Title order={2} size="h4" mt="lg" mb="xs">
            How it is made
          </Title>
          <CategoryTotals row={row} />
        </>
      )}
    </Paper>
  );
}
