import { ActionIcon, Badge, Button, Group, List, Select, Skeleton, Stack, Text } from "@mantine/core";
import { IconPencil, IconPlus, IconTrash, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useInCourse } from "@/api/courses";
import { offerRubric, removeRubric, rubricsQuery, type CourseRubric, type RubricUse } from "@/api/rubrics";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { EmptyState } from "@/components/EmptyState";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { notifyProblem } from "@/lib/notify";
import { RubricDialog } from "./RubricDialog";

/** The rubrics of a course, and at which questions each is offered. */
export function RubricsTab({ courseId, mayManage }: { courseId: string; mayManage: boolean }) {
  const { data, error, refetch } = useQuery(rubricsQuery(courseId));
  const [editing, setEditing] = useState<number | "new" | null>(null);
  const [leaving, setLeaving] = useState<CourseRubric | null>(null);
  const remove = useInCourse(courseId, removeRubric(courseId));
  if (error) return <ProblemAlert error={error} onRetry={refetch} />;
  if (!data) return <Skeleton h={240} />;
  const add = (
    <Button leftSection={<IconPlus size={18} />} onClick={() => setEditing("new")}>
      Add a rubric
    </Button>
  );
  return (
    <Stack>
      {data.items.length === 0 ? (
        <EmptyState title="No rubrics yet" action={add}>
          A rubric is a list of reasons with the points that each takes. Questions of several assignments can
          share one, and when its points change, all marks follow.
        </EmptyState>
      ) : (
        <Group justify="space-between" align="flex-end">
          <Text size="sm" c="dimmed">
            Reasons with the points that each takes. When they change, all marks that name them follow.
          </Text>
          {add}
        </Group>
      )}
      {data.items.map((rubric) => (
        <Section
          key={rubric.id}
          title={rubric.name}
          note={rubric.marks === 1 ? "One mark uses it." : `${rubric.marks} marks use it.`}
          action={
            <Group gap={4} wrap="nowrap">
              <ActionIcon
                variant="subtle"
                aria-label={`Change ${rubric.name}`}
                onClick={() => setEditing(rubric.id)}
              >
                <IconPencil size={18} />
              </ActionIcon>
              <ActionIcon
                variant="subtle"
                color="red"
                aria-label={`Remove ${rubric.name}`}
                onClick={() => setLeaving(rubric)}
              >
                <IconTrash size={18} />
              </ActionIcon>
            </Group>
          }
        >
          <List size="sm" mb="sm">
            {rubric.items.map((item) => (
              <List.Item key={item.id}>
                {item.text} ({item.points > 0 && "+"}
                {item.points})
              </List.Item>
            ))}
          </List>
          {rubric.items.length === 0 && (
            <Text size="sm" c="dimmed" mb="sm">
              It has no items yet.
            </Text>
          )}
          <Uses courseId={courseId} rubric={rubric} cells={data.cells} />
        </Section>
      ))}
      {editing !== null && (
        <RubricDialog
          courseId={courseId}
          rubricId={editing === "new" ? null : editing}
          mayChangeReturned={mayManage}
          onClose={() => setEditing(null)}
        />
      )}
      <ConfirmDialog
        opened={leaving !== null}
        title={`Remove “${leaving?.name ?? ""}”?`}
        action="Remove"
        onConfirm={() => (leaving ? remove.mutateAsync(leaving.id) : Promise.resolve())}
        onClose={() => setLeaving(null)}
      >
        <Text size="sm">It is gone from every question. A rubric that marks use cannot be removed.</Text>
      </ConfirmDialog>
    </Stack>
  );
}

function Uses({
  courseId,
  rubric,
  cells,
}: {
  courseId: string;
  rubric: CourseRubric;
  cells: readonly RubricUse[];
}) {
  const offer = useInCourse(courseId, offerRubric(courseId));
  const taken = new Set(rubric.uses.map(keyOf));
  const free = cells.filter((cell) => !taken.has(keyOf(cell)));
  return (
    <Group gap="xs">
      <Text size="sm" c="dimmed">
        Offered at
      </Text>
      {rubric.uses.map((use) => (
        <Badge
          key={keyOf(use)}
          variant="light"
          tt="none"
          rightSection={
            <ActionIcon
              variant="transparent"
              size="xs"
              aria-label={`Offer ${rubric.name} no more at ${labelOf(use)}`}
              onClick={() =>
                offer.mutate({ rubric: rubric.id, isOffered: false, ...use }, { onError: notifyProblem })
              }
            >
              <IconX size={12} />
            </ActionIcon>
          }
        >
          {labelOf(use)}
        </Badge>
      ))}
      <Select
        size="xs"
        w={200}
        searchable
        aria-label={`Offer ${rubric.name} at another question`}
        placeholder="another question"
        nothingFoundMessage="No other question"
        data={free.map((cell) => ({ value: keyOf(cell), label: labelOf(cell) }))}
        value={null}
        onChange={(value) => {
          const cell = free.find((one) => keyOf(one) === value);
          if (cell) offer.mutate({ rubric: rubric.id, isOffered: true, ...cell }, { onError: notifyProblem });
        }}
      />
    </Group>
  );
}

const keyOf = (use: RubricUse) => JSON.stringify([use.assignment, use.notebook, use.grade_id]);
const labelOf = (use: RubricUse) => `${use.assignment}: ${use.grade_id}`;
