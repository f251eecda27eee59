import {
  Badge,
  Button,
  Group,
  Modal,
  Paper,
  Skeleton,
  Stack,
  Table,
  Text,
  Textarea,
  TextInput,
  UnstyledButton,
} from "@mantine/core";
import { IconLink, IconListDetails, IconUserPlus } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  enrolRoster,
  makeEnrolmentLink,
  peopleInCourseQuery,
  useInCourse,
  type Enrolment,
} from "@/api/courses";
import type { Person } from "@/api/types";
import { PersonPicker } from "@/components/PersonPicker";
import { ProblemAlert } from "@/components/ProblemAlert";
import { notifyDone, notifyProblem } from "@/lib/notify";
import { HubGroups } from "./HubGroups";
import { PersonDialog, type Part } from "./PersonDialog";
import { limitsInWords } from "./gradingLimits";
import { nameOf } from "./scores";

/** Who is in a course; instructors enrol people and change their parts. */
export function PeopleTab({ courseId, mayManage }: { courseId: string; mayManage: boolean }) {
  const { data, error, refetch } = useQuery(peopleInCourseQuery(courseId));
  const [dialog, setDialog] = useState<"person" | "roster" | null>(null);
  const [shown, setShown] = useState<Part | null>(null);
  const link = useMutation({ mutationFn: makeEnrolmentLink(courseId) });
  if (error) return <ProblemAlert error={error} onRetry={refetch} />;
  if (!data) return <Skeleton h={200} />;
  const open = (part: Part) => {
    setDialog(null);
    setShown(part);
  };
  return (
    <Stack>
      <Paper p="lg">
        <Group justify="space-between" mb="sm">
          <Text>{data.items.length} people</Text>
          {mayManage && (
            <Group gap="sm">
              <Button
                variant="default"
                leftSection={<IconLink size={18} />}
                loading={link.isPending}
                onClick={() => link.mutate(undefined, { onError: notifyProblem })}
              >
                Enrolment link
              </Button>
              <Button
                variant="default"
                leftSection={<IconUserPlus size={18} />}
                onClick={() => setDialog("person")}
              >
                Enrol a person
              </Button>
              <Button leftSection={<IconListDetails size={18} />} onClick={() => setDialog("roster")}>
                Enrol a roster
              </Button>
            </Group>
          )}
        </Group>
        {link.data && (
          <TextInput
            mb="md"
            label="Whoever follows this link becomes a student, for two weeks"
            readOnly
            value={link.data.url}
            onFocus={(event) => event.currentTarget.select()}
          />
        )}
        <PeopleTable people={data.items} {...(mayManage ? { onChoose: setShown } : {})} />
        {mayManage && (
          <Text size="xs" c="dimmed" mt="xs">
            Choose a person to change their role, section or group, or what a grader grades.
          </Text>
        )}
      </Paper>
      {mayManage && <HubGroups courseId={courseId} />}
      <RosterDialog courseId={courseId} opened={dialog === "roster"} onClose={() => setDialog(null)} />
      <Modal opened={dialog === "person"} onClose={() => setDialog(null)} title="Enrol a person">
        <PersonPicker
          label="Who"
          exclude={new Set(data.items.map(({ user_name }) => user_name))}
          onPick={(person) => open(newPart(person))}
        />
      </Modal>
      {shown && (
        <PersonDialog
          key={shown.user_name}
          courseId={courseId}
          person={shown}
          people={data.items}
          onClose={() => setShown(null)}
        />
      )}
    </Stack>
  );
}

function PeopleTable({
  people,
  onChoose,
}: {
  people: readonly Enrolment[];
  onChoose?: (person: Enrolment) => void;
}) {
  return (
    <Table.ScrollContainer minWidth={520}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Name</Table.Th>
            <Table.Th>Account</Table.Th>
            <Table.Th>Role</Table.Th>
            <Table.Th>Section</Table.Th>
            <Table.Th>Group</Table.Th>
            <Table.Th>Student number</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {people.map((person) => (
            <Table.Tr key={person.user_name}>
              <Table.Td>
                {onChoose ? (
                  <UnstyledButton
                    aria-label={`Change the part of ${nameOf(person)}`}
                    style={{ textDecoration: "underline dotted" }}
                    onClick={() => onChoose(person)}
                  >
                    {nameOf(person)}
                  </UnstyledButton>
                ) : (
                  nameOf(person)
                )}
              </Table.Td>
              <Table.Td>{person.user_name}</Table.Td>
              <Table.Td>
                <Badge variant="light" color={person.role === "student" ? "gray" : "blue"}>
                  {person.role}
                </Badge>
                {person.role === "grader" && limitsInWords(person) && (
                  <Text size="xs" c="dimmed">
                    only {limitsInWords(person)}
                  </Text>
                )}
              </Table.Td>
              <Table.Td>{person.section}</Table.Td>
              <Table.Td>{person.group_name}</Table.Td>
              <Table.Td>{person.student_id}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function newPart({ name, display_name }: Person): Part {
  return { user_name: name, first_name: display_name || name, last_name: "" };
}
function RosterDialog({
  courseId,
  opened,
  onClose,
}: {
  courseId: string;
  opened: boolean;
  onClose: () => void;
}) {
  const [csv, setCsv] = useState("user_name,first_name,last_name,section\n");
  const enrol = useInCourse(courseId, enrolRoster(courseId));
  return (
    <Modal opened={opened} onClose={onClose} title="Enrol a roster" size="lg">
      <Stack>
        {enrol.error && <ProblemAlert error={enrol.error} />}
        <Textarea
          label="Roster as CSV"
          description="With a header line; user_name is needed, role, section, group, student_id, first_name, last_name and email may be there. When one line is wrong, nobody is enrolled."
          autosize
          minRows={6}
          maxRows={20}
          value={csv}
          onChange={(event) => setCsv(event.currentTarget.value)}
        />
        <Button
          loading={enrol.isPending}
          onClick={() =>
            enrol.mutate(csv, {
              onSuccess: ({ items }) => {
                notifyDone(`Enrolled ${items.length}.`);
                onClose();
              },
            })
          }
        >
          Enrol
        </Button>
      </Stack>
    </Modal>
  );
}
