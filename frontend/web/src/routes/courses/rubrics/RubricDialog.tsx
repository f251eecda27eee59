import {
  ActionIcon,
  Alert,
  Button,
  Checkbox,
  Group,
  Modal,
  NumberInput,
  Skeleton,
  Stack,
  Table,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useInCourse } from "@/api/courses";
import {
  changeRubric,
  makeRubric,
  rubricEffectsQuery,
  rubricsQuery,
  type CourseRubric,
  type MarkEffect,
  type RubricDraft,
} from "@/api/rubrics";
import { ProblemAlert } from "@/components/ProblemAlert";
import { DialogForm } from "../FormDialog";

interface Line {
  key: number;
  id: number | null;
  text: string;
  points: number | string;
}

const LOOK_AFTER_MS = 400;
const SHOWN = 50;

interface Props {
  courseId: string;
  /** The rubric to change, by its id; none for a new one. */
  rubricId: number | null;
  mayChangeReturned: boolean;
  onClose: () => void;
}

/** A rubric's items; which marks a change would change is shown before it is saved. */
export function RubricDialog({ courseId, rubricId, ...rest }: Props) {
  const library = useQuery({ ...rubricsQuery(courseId), enabled: rubricId !== null });
  // What was read before the dialog opened may be of an earlier revision.
  const known = library.isFetchedAfterMount
    ? library.data?.items.find(({ id }) => id === rubricId)
    : undefined;
  return (
    <Modal
      opened
      onClose={rest.onClose}
      title={rubricId === null ? "Add a rubric" : `Rubric “${known?.name ?? ""}”`}
      size="xl"
    >
      {library.error && <ProblemAlert error={library.error} onRetry={library.refetch} />}
      {rubricId !== null && !known && !library.error && <Skeleton h={200} />}
      {(rubricId === null || known) && <RubricForm courseId={courseId} known={known} {...rest} />}
    </Modal>
  );
}

function RubricForm({
  courseId,
  known,
  mayChangeReturned,
  onClose,
}: Omit<Props, "rubricId"> & { known: CourseRubric | undefined }) {
  const [name, setName] = useState(known?.name ?? "");
  const [lines, setLines] = useState<Line[]>(
    () => known?.items.map((item) => ({ key: item.id, ...item })) ?? [newLine()],
  );
  const [includeReturned, setIncludeReturned] = useState(false);
  const [revision] = useState(known?.revision ?? 0); // of what is being changed, whatever is read meanwhile
  const save = useInCourse(courseId, async (draft: RubricDraft) => {
    if (!known) return makeRubric(courseId)(draft);
    const change = { ...draft, revision, include_returned: includeReturned };
    return (await changeRubric(courseId, known.id)(change)).rubric;
  });
  const draft = draftOf(name, lines);
  const [settled] = useDebouncedValue(draft, LOOK_AFTER_MS);
  const effects = useQuery({
    ...rubricEffectsQuery(courseId, known?.id, settled),
    placeholderData: keepPreviousData,
  });
  const change = (key: number, values: Partial<Line>) =>
    setLines(lines.map((line) => (line.key === key ? { ...line, ...values } : line)));
  return (
    <DialogForm
      action={known ? "Save" : "Add"}
      save={save}
      value={() => draft}
      done={known ? "Saved; the marks follow." : "The rubric is in the library."}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        required
        maxLength={120}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Text size="sm" c="dimmed">
        A cell that is marked by a rubric gets its full points, and what the items that apply add or take:
        usually less than 0. It never gets less than 0, nor more than its points.
      </Text>
      {lines.map((line, index) => (
        <Group key={line.key} align="flex-start" wrap="nowrap" gap="xs">
          <Textarea
            flex={1}
            autosize
            minRows={1}
            required
            aria-label={`Item ${index + 1}`}
            placeholder="What holds of an answer"
            value={line.text}
            onChange={(event) => change(line.key, { text: event.currentTarget.value })}
          />
          <NumberInput
            w={96}
            required
            step={0.5}
            aria-label={`Points of item ${index + 1}`}
            value={line.points}
            onChange={(points) => change(line.key, { points })}
          />
          <ActionIcon
            variant="subtle"
            color="red"
            mt={4}
            aria-label={`Remove item ${index + 1}`}
            onClick={() => setLines(lines.filter(({ key }) => key !== line.key))}
          >
            <IconTrash size={18} />
          </ActionIcon>
        </Group>
      ))}
      <Button
        variant="default"
        leftSection={<IconPlus size={18} />}
        onClick={() => setLines([...lines, newLine()])}
      >
        Add an item
      </Button>
      {effects.error && <ProblemAlert error={effects.error} />}
      {effects.data && effects.data.changes.length > 0 && (
        <Effects
          changes={effects.data.changes}
          mayChangeReturned={mayChangeReturned}
          includeReturned={includeReturned}
          onIncludeReturned={setIncludeReturned}
        />
      )}
      {known && known.marks > 0 && effects.data?.changes.length === 0 && (
        <Text size="sm" c="dimmed">
          {known.marks === 1 ? "One mark uses" : `${known.marks} marks use`} this rubric; none changes.
        </Text>
      )}
    </DialogForm>
  );
}

function Effects({
  changes,
  mayChangeReturned,
  includeReturned,
  onIncludeReturned,
}: {
  changes: readonly MarkEffect[];
  mayChangeReturned: boolean;
  includeReturned: boolean;
  onIncludeReturned: (value: boolean) => void;
}) {
  const returned = changes.filter(({ is_returned }) => is_returned).length;
  const following = includeReturned ? changes : changes.filter(({ is_returned }) => !is_returned);
  return (
    <Alert
      color="yellow"
      title={following.length === 1 ? "One mark changes" : `${following.length} marks change`}
    >
      <Stack gap="xs">
        {returned > 0 && (
          <Checkbox
            label={`Change also ${returned} that students have seen`}
            description={
              mayChangeReturned
                ? "They stay as they are otherwise."
                : "They stay as they are: only instructors can change what students have seen."
            }
            disabled={!mayChangeReturned}
            checked={includeReturned}
            onChange={(event) => onIncludeReturned(event.currentTarget.checked)}
          />
        )}
        {following.length > 0 && (
          <Table.ScrollContainer minWidth={360} maxHeight={220}>
            <Table>
              <Table.Tbody>
                {following.slice(0, SHOWN).map((mark) => (
                  <Table.Tr key={`${mark.submission_id} ${mark.notebook} ${mark.grade_id}`}>
                    <Table.Td>{mark.label}</Table.Td>
                    <Table.Td>
                      {mark.assignment}, {mark.grade_id}
                    </Table.Td>
                    <Table.Td>
                      {mark.before ?? "–"} → <strong>{mark.after}</strong>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
        {following.length > SHOWN && <Text size="sm">and {following.length - SHOWN} more</Text>}
      </Stack>
    </Alert>
  );
}

let keys = 0;
const newLine = (): Line => ({ key: --keys, id: null, text: "", points: -1 });

/** What would be saved; nothing while something is missing. */
function draftOf(name: string, lines: readonly Line[]): RubricDraft | null {
  if (!name.trim() || lines.some(({ text, points }) => !text.trim() || points === "" || points === "-")) {
    return null;
  }
  return { name, items: lines.map(({ id, text, points }) => ({ id, text, points: Number(points) })) };
}
