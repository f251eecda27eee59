import { Table, Text } from "@mantine/core";
import type { ExplainedRow } from "@/api/gradebook";
import { percent } from "../scores";

/** How the course grade follows from the categories, and each category from what counts in it. */
export function CategoryTotals({ row }: { row: ExplainedRow }) {
  const weights = row.categories.reduce(
    (sum, { weight, fraction }) => sum + (fraction === null ? 0 : weight),
    0,
  );
  if (row.categories.length === 0) return null;
  return (
    <Table.ScrollContainer minWidth={460}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Category</Table.Th>
            <Table.Th>Weight</Table.Th>
            <Table.Th>Reached</Table.Th>
            <Table.Th>From</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {row.categories.map((category) => (
            <Table.Tr key={category.name}>
              <Table.Td>{category.name}</Table.Td>
              <Table.Td>
                {category.fraction === null || weights === 0
                  ? "–"
                  : `${Math.round((100 * category.weight) / weights)} %`}
              </Table.Td>
              <Table.Td>{percent(category.fraction)}</Table.Td>
              <Table.Td>
                <Text size="sm">{category.counted.join(", ") || "nothing yet"}</Text>
                {category.dropped.length > 0 && (
                  <Text size="sm" c="dimmed">
                    dropped: {category.dropped.join(", ")}
                  </Text>
                )}
                {category.left_out.length > 0 && (
                  <Text size="sm" c="dimmed">
                    does not count yet, or excused: {category.left_out.join(", ")}
                  </Text>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
