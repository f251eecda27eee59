import {
  ActionIcon,
  Button,
  Checkbox,
  Group,
  Modal,
  NumberInput,
  Select,
  Stack,
  Table,
  Text,
  TextInput,
} from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  accommodationsQuery,
  peopleInCourseQuery,
  setAccommodation,
  useInCourse,
  type Accommodation,
  type Assignment,
  type Course,
} from "@/api/courses";
import { ProblemAlert } from "@/components/ProblemAlert";
import { notifyDone, notifyProblem } from "@/lib/notify";
import { fullTime } from "@/lib/time";
import { utcTime } from "./localTime";

const HOUR = 3600;
const SECTION = "section:";

/** More time for a student or a section, in an exam too; and who is excused. */
export function ExtensionsDialog({
  course,
  assignment,
  opened,
  onClose,
}: {
  course: Course;
  assignment: Assignment;
  opened: boolean;
  onClose: () => void;
}) {
  const { data, error } = useQuery({ ...accommodationsQuery(course.id, assignment.name), enabled: opened });
  const people = useQuery({ ...peopleInCourseQuery(course.id), enabled: opened });
  const save = useInCourse(course.id, setAccommodation(course.id));
  const students = people.data?.items.filter(({ role }) => role === "student") ?? [];
  const sections = [...new Set(students.map(({ section }) => section).filter(Boolean))].sort();
  const names = new Map(
    students.map((s) => [s.user_name, [s.first_name, s.last_name].filter(Boolean).join(" ") || s.user_name]),
  );
  const takeBack = ({ user_name = "", section = "" }: Accommodation) =>
    save.mutate(
      { name: assignment.name, granted: { user_name, section } },
      { onSuccess: () => notifyDone("Taken back."), onError: notifyProblem },
    );
  return (
    <Modal opened={opened} onClose={onClose} title={`Extensions for “${assignment.name}”`} size="lg">
      <Stack>
        {error && <ProblemAlert error={error} />}
        {data?.items.length === 0 && (
          <Text size="sm" c="dimmed">
            Nobody has more time than the others.
          </Text>
        )}
        {data && data.items.length > 0 && (
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Who</Table.Th>
                <Table.Th>What is granted</Table.Th>
                <Table.Th />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {data.items.map((granted) => {
                const who = granted.section
                  ? `Section ${granted.section}`
                  : (names.get(granted.user_name ?? "") ?? granted.user_name ?? "");
                return (
                  <Table.Tr key={who}>
                    <Table.Td>{who}</Table.Td>
                    <Table.Td>{inWords(granted)}</Table.Td>
                    <Table.Td>
                      <ActionIcon
                        variant="subtle"
                        color="red"
                        aria-label={`Take back what ${who} was granted`}
                        onClick={() => takeBack(granted)}
                      >
                        <IconTrash size={18} />
                      </ActionIcon>
                    </Table.Td>
                  </Table.Tr>
                );
              })}
            </Table.Tbody>
          </Table>
        )}
        <GrantForm
          isExam={Boolean(assignment.schedule.time_limit_seconds)}
          choices={[
            ...(sections.length
              ? [{ group: "Sections", items: sections.map((s) => ({ value: SECTION + s, label: s })) }]
              : []),
            {
              group: "Students",
              items: students.map(({ user_name }) => ({
                value: user_name,
                label: names.get(user_name) ?? user_name,
              })),
            },
          ]}
          isSaving={save.isPending}
          onGrant={(granted) =>
            save.mutate(
              { name: assignment.name, granted },
              { onSuccess: () => notifyDone("Granted."), onError: notifyProblem },
            )
          }
        />
      </Stack>
    </Modal>
  );
}

interface Choices {
  group: string;
  items: { value: string; label: string }[];
}

function GrantForm({
  isExam,
  choices,
  isSaving,
  onGrant,
}: {
  isExam: boolean;
  choices: Choices[];
  isSaving: boolean;
  onGrant: (granted: Accommodation) => void;
}) {
  const [who, setWho] = useState<string | null>(null);
  const [hours, setHours] = useState<number | string>(24);
  const [due, setDue] = useState("");
  const [factor, setFactor] = useState<number | string>(1);
  const [isExcused, setExcused] = useState(false);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!who) return;
        const named = who.startsWith(SECTION) ? { section: who.slice(SECTION.length) } : { user_name: who };
        onGrant({
          ...named,
          extension_seconds: isExcused ? 0 : Number(hours) * HOUR,
          due_at: isExcused ? null : utcTime(due),
          time_multiplier: isExcused ? 1 : Number(factor),
          is_excused: isExcused,
        });
      }}
    >
      <Stack>
        <Select
          label="Who"
          placeholder="A student or a section"
          searchable
          required
          data={choices}
          value={who}
          onChange={setWho}
        />
        <Group grow align="flex-start">
          <NumberInput
            label="More time, in hours"
            description="Added to the due time"
            min={0}
            disabled={isExcused}
            value={hours}
            onChange={setHours}
          />
          <TextInput
            label="Another due time"
            description="Empty: that of all"
            type="datetime-local"
            disabled={isExcused}
            value={due}
            onChange={(event) => setDue(event.currentTarget.value)}
          />
        </Group>
        {isExam && (
          <NumberInput
            label="Time in the exam, times"
            description="1.5: half as much time again"
            min={1}
            max={10}
            step={0.25}
            disabled={isExcused}
            value={factor}
            onChange={setFactor}
          />
        )}
        <Checkbox
          label="Excused: the assignment does not count for them"
          checked={isExcused}
          onChange={(event) => setExcused(event.currentTarget.checked)}
        />
        <Button type="submit" loading={isSaving} disabled={!who}>
          Grant
        </Button>
      </Stack>
    </form>
  );
}

/** What an accommodation grants, for people. */
export function inWords(granted: Accommodation): string {
  if (granted.is_excused) return "excused";
  const hours = (granted.extension_seconds ?? 0) / HOUR;
  const parts = [
    granted.due_at ? `due ${fullTime(new Date(granted.due_at))}` : "",
    hours > 0 ? `${hours} h more` : "",
    (granted.time_multiplier ?? 1) > 1 ? `${granted.time_multiplier} times the time of the exam` : "",
  ];
  return parts.filter(Boolean).join(", ");
}
