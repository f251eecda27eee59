import { Button, Group, Kbd, List, Menu, Modal, Skeleton, Stack, Table, Text } from "@mantine/core";
import {
  IconAdjustments,
  IconArrowBackUp,
  IconChevronDown,
  IconDownload,
  IconPlus,
  IconUpload,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  gradebookQuery,
  submissionQuery,
  useInCourse,
  type Gradebook,
  type GradebookRow,
} from "@/api/courses";
import {
  columnsQuery,
  removeColumn,
  restoreColumn,
  submissionHistoryQuery,
  type ColumnCell,
  type ManualColumn,
} from "@/api/gradebook";
import { EmptyState } from "@/components/EmptyState";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { notifyProblem } from "@/lib/notify";
import { notifyUndo } from "@/lib/notifyUndo";
import { apiBase } from "@/lib/paths";
import { fullTime } from "@/lib/time";
import { ColumnDialog } from "./gradebook/ColumnDialog";
import { GradebookTable, change } from "./gradebook/GradebookTable";
import { GradeExplained } from "./gradebook/GradeExplained";
import { ImportDialog } from "./gradebook/ImportDialog";
import { ScoreHistory } from "./gradebook/ScoreHistory";
import { told, useScores } from "./gradebook/useScores";
import { GradingDialog } from "./GradingDialog";
import { atRisk, distribution, nameOf } from "./scores";

type Shown =
  | { kind: "grading" | "import" | "add" }
  | { kind: "column"; column: ManualColumn }
  | { kind: "submission"; submission: number }
  | { kind: "total"; row: GradebookRow }
  | { kind: "score"; row: GradebookRow; cell: ColumnCell };

/** The gradebook: every student, every assignment; each number says where it comes from. */
export function GradebookTab({ courseId, mayExport }: { courseId: string; mayExport: boolean }) {
  const { data, error, refetch } = useQuery(gradebookQuery(courseId));
  const columns = useQuery(columnsQuery(courseId));
  if (error) return <ProblemAlert error={error} onRetry={refetch} />;
  if (columns.error) return <ProblemAlert error={columns.error} onRetry={columns.refetch} />;
  if (!data || !columns.data) return <Skeleton h={300} />;
  if (data.rows.length === 0) {
    return <EmptyState title="No students yet">Enrol students on the tab “People”.</EmptyState>;
  }
  return <Book courseId={courseId} mayManage={mayExport} book={data} columns={columns.data.items} />;
}

function Book({
  courseId,
  mayManage,
  book,
  columns,
}: {
  courseId: string;
  mayManage: boolean;
  book: Gradebook;
  columns: readonly ManualColumn[];
}) {
  const [shown, setShown] = useState<Shown | null>(null);
  const scores = useScores(courseId);
  const remove = useInCourse(courseId, removeColumn(courseId));
  const restore = useInCourse(courseId, restoreColumn(courseId));
  const close = () => setShown(null);
  const risky = atRisk(book.rows);
  const actions = {
    onEdit: (column: ManualColumn) => setShown({ kind: "column", column }),
    onFill: (column: ManualColumn) =>
      scores.set(
        book.rows.flatMap((row) =>
          row.columns
            .filter((cell) => cell.column_id === column.id && cell.score === null && !cell.is_excused)
            .map((cell) => change(row.user_name, cell, { score: 0, is_excused: false }, cell.revision)),
        ),
      ),
    onRemove: (column: ManualColumn) =>
      remove.mutate(column.id, {
        onError: notifyProblem,
        onSuccess: () =>
          notifyUndo(`“${column.name}” is removed; its scores are kept.`, () =>
            restore.mutate(column.id, { onError: notifyProblem }),
          ),
      }),
  };
  return (
    <Stack>
      <Section
        title="Gradebook"
        note="Choose a score to see what it follows from."
        action={
          <Group gap="sm" justify="flex-end">
            {scores.last && (
              <Button
                variant="default"
                leftSection={<IconArrowBackUp size={18} />}
                onClick={scores.undo}
                aria-label={`Undo ${told(scores.last)}`}
              >
                Undo
              </Button>
            )}
            {mayManage && <ManageMenu courseId={courseId} onShow={(kind) => setShown({ kind })} />}
          </Group>
        }
      >
        {columns.length > 0 && (
          <Text size="sm" c="dimmed" mb="xs" visibleFrom="sm">
            Type scores into the cells: <Kbd>Enter</Kbd> and arrows go on, <Kbd>Esc</Kbd> takes back what is
            typed, <Kbd>Ctrl</Kbd> <Kbd>Z</Kbd> what was saved, <Kbd>?</Kbd> tells where a score comes from.
            “ex” excuses. Columns of a spreadsheet can be pasted.
          </Text>
        )}
        <GradebookTable
          rows={book.rows}
          columns={columns}
          scores={scores}
          actions={mayManage ? actions : null}
          onSubmission={(submission) => setShown({ kind: "submission", submission })}
          onTotal={(row) => setShown({ kind: "total", row })}
          onScore={(row, cell) => setShown({ kind: "score", row, cell })}
        />
        <Text size="xs" c="dimmed" mt="xs">
          * a person has to look
        </Text>
      </Section>
      <Section title="Distribution" note="How many students have which part of the points.">
        <Bars counts={distribution(book.rows)} />
      </Section>
      {risky.length > 0 && (
        <Section title="May need help" note="Below half of the points, or two and more assignments missing.">
          <List>
            {risky.map(({ row, why }) => (
              <List.Item key={row.user_name}>
                {nameOf(row)}: {why}
              </List.Item>
            ))}
          </List>
        </Section>
      )}
      {shown?.kind === "grading" && <GradingDialog courseId={courseId} onClose={close} />}
      {shown?.kind === "import" && <ImportDialog courseId={courseId} onClose={close} />}
      {shown?.kind === "add" && <ColumnDialog courseId={courseId} known={null} onClose={close} />}
      {shown?.kind === "column" && <ColumnDialog courseId={courseId} known={shown.column} onClose={close} />}
      {shown?.kind === "total" && (
        <GradeExplained
          courseId={courseId}
          user={shown.row.user_name}
          name={nameOf(shown.row)}
          onClose={close}
        />
      )}
      {shown?.kind === "score" && (
        <ScoreHistory
          courseId={courseId}
          user={shown.row.user_name}
          name={nameOf(shown.row)}
          cell={shown.cell}
          onClose={close}
        />
      )}
      {shown?.kind === "submission" && (
        <Modal opened onClose={close} title="Where this score comes from" size="lg">
          <Explanation courseId={courseId} submission={shown.submission} />
        </Modal>
      )}
    </Stack>
  );
}

function ManageMenu({
  courseId,
  onShow,
}: {
  courseId: string;
  onShow: (kind: "grading" | "import" | "add") => void;
}) {
  return (
    <>
      <Button leftSection={<IconPlus size={18} />} onClick={() => onShow("add")}>
        Add a column
      </Button>
      <Button variant="default" leftSection={<IconAdjustments size={18} />} onClick={() => onShow("grading")}>
        How the grade is made
      </Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" rightSection={<IconChevronDown size={16} />}>
            Files
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconUpload size={18} />} onClick={() => onShow("import")}>
            Scores from a file
          </Menu.Item>
          <Menu.Item
            component="a"
            href={`${apiBase}/courses/${courseId}/gradebook/xlsx`}
            leftSection={<IconDownload size={18} />}
          >
            Download for Excel
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}

function Bars({ counts }: { counts: readonly number[] }) {
  const most = Math.max(1, ...counts);
  return (
    <Group
      align="flex-end"
      gap={6}
      wrap="nowrap"
      role="img"
      aria-label={`Students per tenth: ${counts.join(", ")}`}
    >
      {counts.map((count, tenth) => (
        <Stack key={tenth} gap={2} align="center" flex={1}>
          <Text size="xs">{count || ""}</Text>
          <div
            style={{
              width: "100%",
              height: `${(120 * count) / most}px`,
              background: "var(--mantine-primary-color-filled)",
              borderRadius: 3,
            }}
          />
          <Text size="xs" c="dimmed">
            {tenth * 10}
          </Text>
        </Stack>
      ))}
    </Group>
  );
}

function Explanation({ courseId, submission }: { courseId: string; submission: number }) {
  const { data, error } = useQuery(submissionQuery(courseId, submission));
  const history = useQuery(submissionHistoryQuery(courseId, submission));
  if (error) return <ProblemAlert error={error} />;
  if (!data) return <Skeleton h={160} />;
  return (
    <Stack gap="sm">
      <Text size="sm">
        {data.user_name}, submission {data.id}, received {fullTime(new Date(data.received_at))}, graded
        against version {data.version}
        {data.seed !== null && ` with seed ${data.seed}`}.
      </Text>
      <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
        SHA-256 of the submission: {data.sha256}
      </Text>
      <Table>
        <Table.Tbody>
          {data.scores.map((score) => (
            <Table.Tr key={`${score.notebook} ${score.grade_id}`}>
              <Table.Td>{score.grade_id}</Table.Td>
              <Table.Td>
                {score.score ?? "–"} of {score.points}
              </Table.Td>
              <Table.Td>
                {score.manual_score === null
                  ? `machine${score.reason ? `: ${score.reason}` : ""}`
                  : `${score.marked_by}, machine had ${score.auto_score ?? "none"}`}
                {score.extra_credit !== 0 && `, ${score.extra_credit} extra`}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text size="sm">
        Sum {data.raw_score ?? "–"}
        {data.penalty_fraction > 0 &&
          `, less ${Math.round(data.penalty_fraction * 100)} % for lateness`}:{" "}
        <strong>
          {data.score ?? "–"} of {data.points}
        </strong>
      </Text>
      {history.data && history.data.items.length > 0 && (
        <>
          <Text fw={600} size="sm">
            Who changed what
          </Text>
          <List size="sm">
            {history.data.items.map((line) => (
              <List.Item key={line.id}>
                {fullTime(new Date(line.at))}, {line.actor}: {line.action}
                {line.subject.split(", ").slice(2).join(", ") &&
                  ` ${line.subject.split(", ").slice(2).join(", ")}`}
                {line.after && `, ${line.before || "none"} → ${line.after}`}
              </List.Item>
            ))}
          </List>
        </>
      )}
    </Stack>
  );
}
