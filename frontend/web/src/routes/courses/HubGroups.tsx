import {
  ActionIcon,
  Button,
  Group,
  Modal,
  Select,
  Stack,
  Table,
  Text,
  TextInput,
  VisuallyHidden,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconLinkPlus, IconRefresh, IconUnlink } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  hubGroupsQuery,
  linkHubGroup,
  synchroniseHubGroups,
  unlinkHubGroup,
  type CourseRole,
  type HubGroup,
  type HubGroupsSynchronised,
} from "@/api/coursePeople";
import { useInCourse } from "@/api/courses";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { TimeAgo } from "@/components/TimeAgo";
import { notifyDone, notifyProblem } from "@/lib/notify";

const BECOME = [
  { value: "student", label: "Students" },
  { value: "grader", label: "Graders" },
  { value: "auditor", label: "Auditors" },
];

/** Groups of the platform whose members are in a course, kept in step by themselves. */
export function HubGroups({ courseId }: { courseId: string }) {
  const { data, error, refetch } = useQuery(hubGroupsQuery(courseId));
  const [linking, dialog] = useDisclosure(false);
  const [leaving, setLeaving] = useState<HubGroup | null>(null);
  const update = useInCourse(courseId, synchroniseHubGroups(courseId));
  const unlink = useInCourse(courseId, unlinkHubGroup(courseId));
  const items = data?.items ?? [];
  return (
    <Section
      title="Groups of the platform"
      note="Their members come into the course by themselves. Who leaves a group is deactivated here; their work and marks stay."
    >
      {error && <ProblemAlert error={error} onRetry={refetch} />}
      {data && items.length === 0 && (
        <Text size="sm" c="dimmed">
          No group is linked with this course.
        </Text>
      )}
      {items.length > 0 && (
        <Table.ScrollContainer minWidth={520}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Group</Table.Th>
                <Table.Th>Members become</Table.Th>
                <Table.Th>In the course</Table.Th>
                <Table.Th>Last updated</Table.Th>
                <Table.Th>
                  <VisuallyHidden>End the link</VisuallyHidden>
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {items.map((group) => (
                <Table.Tr key={group.name}>
                  <Table.Td style={{ overflowWrap: "anywhere" }}>
                    {group.name}
                    {group.problem && (
                      <Text size="sm" c="orange.8">
                        {group.problem}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td>
                    {BECOME.find(({ value }) => value === group.role)?.label ?? group.role}
                    {group.section && `, section ${group.section}`}
                  </Table.Td>
                  <Table.Td>
                    {group.enrolled} of {group.members}
                  </Table.Td>
                  <Table.Td>
                    {group.synchronised_at ? <TimeAgo at={group.synchronised_at} /> : "not yet"}
                  </Table.Td>
                  <Table.Td>
                    <ActionIcon
                      variant="subtle"
                      color="red"
                      aria-label={`End the link with ${group.name}`}
                      onClick={() => setLeaving(group)}
                    >
                      <IconUnlink size={18} />
                    </ActionIcon>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      <Group gap="sm" mt="md">
        {items.length > 0 && (
          <Button
            variant="default"
            leftSection={<IconRefresh size={18} />}
            loading={update.isPending}
            onClick={() =>
              update.mutate(undefined, {
                onSuccess: (done) => notifyDone(inWords(done)),
                onError: notifyProblem,
              })
            }
          >
            Update now
          </Button>
        )}
        <Button variant="default" leftSection={<IconLinkPlus size={18} />} onClick={dialog.open}>
          Link a group
        </Button>
      </Group>
      {linking && <LinkDialog courseId={courseId} onClose={dialog.close} />}
      <ConfirmDialog
        opened={leaving !== null}
        title={`End the link with “${leaving?.name ?? ""}”`}
        action="End the link"
        onConfirm={() => unlink.mutateAsync(leaving?.name ?? "")}
        onClose={() => setLeaving(null)}
      >
        Who is in the course stays in it. From now on the group changes nothing here.
      </ConfirmDialog>
    </Section>
  );
}

function LinkDialog({ courseId, onClose }: { courseId: string; onClose: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<CourseRole>("student");
  const [section, setSection] = useState("");
  const link = useInCourse(courseId, linkHubGroup(courseId));
  return (
    <Modal opened onClose={onClose} title="Link a group">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          link.mutate(
            { name: name.trim(), role, section: section.trim() },
            {
              onSuccess: (done) => {
                notifyDone(inWords(done));
                onClose();
              },
            },
          );
        }}
      >
        <Stack>
          {link.error && <ProblemAlert error={link.error} />}
          <TextInput
            label="Name of the group"
            description="As it is called on the platform. You can link groups that you are in; administrators link any."
            required
            data-autofocus
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Group grow align="flex-start">
            <Select
              label="Members become"
              data={BECOME}
              allowDeselect={false}
              value={role}
              onChange={(value) => setRole((value as CourseRole | null) ?? "student")}
            />
            <TextInput
              label="Section"
              value={section}
              onChange={(event) => setSection(event.currentTarget.value)}
            />
          </Group>
          <Button type="submit" loading={link.isPending} disabled={!name.trim()}>
            Link and enrol
          </Button>
        </Stack>
      </form>
    </Modal>
  );
}

/** What a synchronisation changed, for people. */
export function inWords({ enrolled, deactivated, missing }: HubGroupsSynchronised): string {
  const parts = [
    enrolled.length > 0 ? `${people(enrolled.length)} came in` : "",
    deactivated.length > 0 ? `${people(deactivated.length)} left` : "",
    missing.length > 0 ? `the platform has no group ${missing.map((name) => `“${name}”`).join(", ")}` : "",
  ].filter(Boolean);
  return parts.length > 0 ? `${parts.join(", ")}.` : "Nobody came or left.";
}

function people(count: number): string {
  return count === 1 ? "1 person" : `${count} people`;
}
