import { Badge, Table, Text } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { shown, sorted, type ResultRow, type Sorting } from "./results";

interface Props {
  rows: readonly ResultRow[];
  columns: readonly string[];
  label: string;
  link?: (row: ResultRow) => ReactNode;
}

/** Everything that was tried, one row each; a click on a heading sorts. */
export function ResultsTable({ rows, columns, label, link }: Props) {
  const [sorting, setSorting] = useState<Sorting>();
  const ordered = sorting ? sorted(rows, sorting) : rows;
  const sortBy = (column: string) =>
    setSorting((old) => ({ column, descending: old?.column === column ? !old.descending : false }));
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a wide table is scrolled by keyboard, too
    <div className="results" tabIndex={0} role="region" aria-label={label}>
      <Table verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>#</Table.Th>
            {columns.map((column) => (
              <Table.Th key={column} aria-sort={order(sorting, column)}>
                <button type="button" onClick={() => sortBy(column)}>
                  {column} {arrow(sorting, column)}
                </button>
              </Table.Th>
            ))}
            <Table.Th>Result</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {ordered.map((row) => (
            <Table.Tr key={row.id}>
              <Table.Td>{link ? link(row) : row.label}</Table.Td>
              {columns.map((column) => (
                <Table.Td key={column}>{shown(row.values[column])}</Table.Td>
              ))}
              <Table.Td>
                {row.isBest && <Badge color="green">best</Badge>}
                <Text span size="sm" c={row.status === "failed" ? "red" : "dimmed"}>
                  {row.note}
                </Text>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function order(sorting: Sorting | undefined, column: string): "ascending" | "descending" | "none" {
  if (sorting?.column !== column) return "none";
  return sorting.descending ? "descending" : "ascending";
}

function arrow(sorting: Sorting | undefined, column: string): string {
  if (sorting?.column !== column) return "";
  return sorting.descending ? "↓" : "↑";
}
