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
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconLink, IconUserPlus } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { enrolRoster, makeEnrolmentLink, peopleInCourseQuery, useInCourse } from "@/api/courses";
import { ProblemAlert } from "@/components/ProblemAlert";
import { notifyDone, notifyProblem } from "@/lib/notify";
import { nameOf } from "./scores";

/** Who is in a course; instructors enrol a roster. */
export function PeopleTab({ courseId, mayManage }: { courseId: string; mayManage: boolean }) {
  const { data, error, refetch } = useQuery(peopleInCourseQuery(courseId));
  const [enrolling, dialog] = useDisclosure(false);
  const link = useMutation({ mutationFn: makeEnrolmentLink(courseId) });
  if (error) return <ProblemAlert error={error} onRetry={refetch} />;
  if (!data) return <Skeleton h={200} />;
  return (
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
            <Button leftSection={<IconUserPlus size={18} />} onClick={dialog.open}>
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
            {data.items.map((person) => (
              <Table.Tr key={person.user_name}>
                <Table.Td>{nameOf(person)}</Table.Td>
                <Table.Td>{person.user_name}</Table.Td>
                <Table.Td>
                  <Badge variant="light" color={person.role === "student" ? "gray" : "blue"}>
                    {person.role}
                  </Badge>
                </Table.Td>
                <Table.Td>{person.section}</Table.Td>
                <Table.Td>{person.group_name}</Table.Td>
                <Table.Td>{person.student_id}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <RosterDialog courseId={courseId} opened={enrolling} onClose={dialog.close} />
    </Paper>
  );
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
