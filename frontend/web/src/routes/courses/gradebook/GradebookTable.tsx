import { ActionIcon, Group, Menu, Table, Text, Tooltip, UnstyledButton } from "@mantine/core";
import { IconDots, IconEyeOff } from "@tabler/icons-react";
import { useCallback, useEffect, useRef } from "react";
import type { GradebookRow } from "@/api/courses";
import type { ColumnCell, ManualColumn } from "@/api/gradebook";
import { notifyProblem } from "@/lib/notify";
import { nameOf, percent } from "../scores";
import "./gradebook.css";
import { ScoreCell } from "./ScoreCell";
import { parseScore, type Score } from "./scoreText";
import type { CellChange, useScores } from "./useScores";

export interface ColumnActions {
  onEdit: (column: ManualColumn) => void;
  onFill: (column: ManualColumn) => void;
  onRemove: (column: ManualColumn) => void;
}

interface Props {
  rows: readonly GradebookRow[];
  columns: readonly ManualColumn[];
  scores: ReturnType<typeof useScores>;
  /** What may be done with a column; nothing for graders. */
  actions: ColumnActions | null;
  onSubmission: (submission: number) => void;
  onTotal: (row: GradebookRow) => void;
  onScore: (row: GradebookRow, cell: ColumnCell) => void;
}

/** Every student, every assignment, and the columns in which scores are typed. */
export function GradebookTable({ rows, columns, scores, actions, onSubmission, onTotal, onScore }: Props) {
  const [first] = rows;
  const latest = useRef({ rows, scores, onScore });
  useEffect(() => {
    latest.current = { rows, scores, onScore };
  });

  const onSet = useCallback((user: string, cell: ColumnCell, score: Score, revision: number) => {
    latest.current.scores.set([change(user, cell, score, revision)]);
  }, []);
  const onUndo = useCallback(() => latest.current.scores.undo(), []);
  const onExplain = useCallback((user: string, cell: ColumnCell) => {
    const row = latest.current.rows.find(({ user_name }) => user_name === user);
    if (row) latest.current.onScore(row, cell);
  }, []);
  const onPaste = useCallback((at: number, place: number, table: string[][]) => {
    const step = pasted(latest.current.rows, at, place, table);
    if (typeof step === "string") notifyProblem(new Error(step));
    else latest.current.scores.set(step);
  }, []);

  return (
    <Table.ScrollContainer minWidth={560} maxHeight={640}>
      <Table stickyHeader striped>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Student</Table.Th>
            {first?.cells.map((cell) => (
              <Table.Th key={cell.assignment}>{cell.assignment}</Table.Th>
            ))}
            {columns.map((column) => (
              <ColumnHead key={column.id} column={column} actions={actions} />
            ))}
            <Table.Th>Total</Table.Th>
            <Table.Th>Grade</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row, at) => (
            <Table.Tr key={row.user_name}>
              <Table.Td>{nameOf(row)}</Table.Td>
              {row.cells.map((cell) => (
                <Table.Td key={cell.assignment}>
                  {cell.submission_id === null ? (
                    <Text size="sm" c="dimmed">
                      {cell.state}
                    </Text>
                  ) : (
                    <UnstyledButton
                      className="explained"
                      onClick={() => cell.submission_id !== null && onSubmission(cell.submission_id)}
                    >
                      {cell.score ?? "…"}
                      {cell.needs_manual && " *"}
                    </UnstyledButton>
                  )}
                </Table.Td>
              ))}
              {row.columns.map((cell, place) => (
                <Table.Td key={cell.column_id} py={2}>
                  <ScoreCell
                    cell={cell}
                    user={row.user_name}
                    name={nameOf(row)}
                    row={at}
                    place={place}
                    problem={scores.problemOf(cell.column_id, row.user_name)}
                    onSet={onSet}
                    onPaste={onPaste}
                    onExplain={onExplain}
                    onUndo={onUndo}
                  />
                </Table.Td>
              ))}
              <Table.Td>
                <UnstyledButton className="explained" onClick={() => onTotal(row)}>
                  {percent(row.total)}
                </UnstyledButton>
              </Table.Td>
              <Table.Td>{row.letter}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function ColumnHead({ column, actions }: { column: ManualColumn; actions: ColumnActions | null }) {
  return (
    <Table.Th>
      <Group gap={4} wrap="nowrap">
        <span>{column.name}</span>
        {!column.is_returned && (
          <Tooltip label="Students do not see it">
            <IconEyeOff size={14} aria-label="Students do not see it" />
          </Tooltip>
        )}
        {actions && (
          <Menu>
            <Menu.Target>
              <ActionIcon variant="subtle" color="gray" size="sm" aria-label={`More for ${column.name}`}>
                <IconDots size={16} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => actions.onEdit(column)}>Change the column</Menu.Item>
              <Menu.Item onClick={() => actions.onFill(column)}>Set empty cells to 0</Menu.Item>
              <Menu.Item color="red" onClick={() => actions.onRemove(column)}>
                Remove the column
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        )}
      </Group>
      <Text size="xs" c="dimmed" fw={400}>
        of {column.points}
        {column.is_extra_credit && ", extra"}
      </Text>
    </Table.Th>
  );
}

/** A step that sets one cell. */
export function change(user: string, cell: ColumnCell, score: Score, revision: number): CellChange {
  const before = { score: cell.score, is_excused: cell.is_excused };
  return { column: cell.column_id, user, ...score, before, revision };
}

/** What a table sets that is pasted at a cell, or why it cannot be. */
function pasted(
  rows: readonly GradebookRow[],
  at: number,
  place: number,
  table: string[][],
): CellChange[] | string {
  const step: CellChange[] = [];
  for (const [down, line] of table.entries()) {
    for (const [right, text] of line.entries()) {
      const row = rows[at + down];
      const cell = row?.columns[place + right];
      if (!row || !cell) return "What was copied does not fit below and beside this cell.";
      const score = parseScore(text, cell.points);
      if (typeof score === "string") return `${nameOf(row)}: ${score}`;
      if (score.score !== cell.score || score.is_excused !== cell.is_excused) {
        step.push(change(row.user_name, cell, score, cell.revision));
      }
    }
  }
  return step;
}
