import { Button, Group, List, Modal, Skeleton, Stack, Table, Text, UnstyledButton } from "@mantine/core";
import { IconAdjustments, IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { gradebookQuery, submissionQuery } from "@/api/courses";
import { EmptyState } from "@/components/EmptyState";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { apiBase } from "@/lib/paths";
import { fullTime } from "@/lib/time";
import { GradingDialog } from "./GradingDialog";
import { atRisk, distribution, nameOf, percent } from "./scores";

/** The gradebook: every student, every assignment; each number says where it comes from. */
export function GradebookTab({ courseId, mayExport }: { courseId: string; mayExport: boolean }) {
  const { data, error, refetch } = useQuery(gradebookQuery(courseId));
  const [explained, setExplained] = useState<number | null>(null);
  const [isGrading, setGrading] = useState(false);
  if (error) return <ProblemAlert error={error} onRetry={refetch} />;
  if (!data) return <Skeleton h={300} />;
  const [first] = data.rows;
  if (!first) return <EmptyState title="No students yet">Enrol students on the tab “People”.</EmptyState>;
  const risky = atRisk(data.rows);
  return (
    <Stack>
      <Section
        title="Gradebook"
        note="Choose a score to see what it follows from."
        action={
          mayExport && (
            <Group gap="sm">
              <Button
                variant="default"
                leftSection={<IconAdjustments size={18} />}
                onClick={() => setGrading(true)}
              >
                How the grade is made
              </Button>
              <Button
                component="a"
                href={`${apiBase}/courses/${courseId}/gradebook/xlsx`}
                variant="default"
                leftSection={<IconDownload size={18} />}
              >
                Excel
              </Button>
            </Group>
          )
        }
      >
        <Table.ScrollContainer minWidth={560} maxHeight={640}>
          <Table stickyHeader striped>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Student</Table.Th>
                {first.cells.map((cell) => (
                  <Table.Th key={cell.assignment}>{cell.assignment}</Table.Th>
                ))}
                <Table.Th>Total</Table.Th>
                <Table.Th>Grade</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {data.rows.map((row) => (
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
                          onClick={() => setExplained(cell.submission_id)}
                          style={{ textDecoration: "underline dotted" }}
                        >
                          {cell.score ?? "…"}
                          {cell.needs_manual && " *"}
                        </UnstyledButton>
                      )}
                    </Table.Td>
                  ))}
                  <Table.Td>{percent(row.total)}</Table.Td>
                  <Table.Td>{row.letter}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
        <Text size="xs" c="dimmed" mt="xs">
          * a person has to look
        </Text>
      </Section>
      <Section title="Distribution" note="How many students have which part of the points.">
        <Bars counts={distribution(data.rows)} />
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
      {isGrading && <GradingDialog courseId={courseId} onClose={() => setGrading(false)} />}
      <Modal
        opened={explained !== null}
        onClose={() => setExplained(null)}
        title="Where this score comes from"
        size="lg"
      >
        {explained !== null && <Explanation courseId={courseId} submission={explained} />}
      </Modal>
    </Stack>
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
    </Stack>
  );
}
