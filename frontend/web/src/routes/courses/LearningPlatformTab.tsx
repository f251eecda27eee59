import { Alert, Badge, Button, Group, Select, Skeleton, Stack, Table, Text } from "@mantine/core";
import { IconSchool, IconUsers } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { assignmentsQuery, useInCourse } from "@/api/courses";
import {
  ltiLinksQuery,
  sendLtiScores,
  setLtiLink,
  takeLtiRoster,
  type LtiConnection,
  type LtiLink,
} from "@/api/lti";
import { EmptyState } from "@/components/EmptyState";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { notifyDone, notifyProblem } from "@/lib/notify";

/** What ties a course to a learning platform: who is in it over there, and which link takes which scores. */
export function LearningPlatformTab({ courseId }: { courseId: string }) {
  const { data, error, refetch } = useQuery(ltiLinksQuery(courseId));
  if (error) return <ProblemAlert error={error} onRetry={refetch} />;
  if (!data) return <Skeleton h={200} />;
  if (data.connections.length === 0) {
    return (
      <EmptyState title="Not linked with a learning platform" icon={<IconSchool size={44} stroke={1.2} />}>
        Add an activity that opens this platform to your course in Moodle, Canvas or another learning
        platform, and open it as an instructor: you are asked which course here it is. An administrator has to
        register the learning platform once.
      </EmptyState>
    );
  }
  return (
    <Stack>
      <People courseId={courseId} connections={data.connections} />
      <Links courseId={courseId} links={data.items} />
    </Stack>
  );
}

function People({ courseId, connections }: { courseId: string; connections: LtiConnection[] }) {
  const roster = useInCourse(courseId, takeLtiRoster(courseId));
  const taken = roster.data;
  const hasRoster = connections.some(({ has_roster }) => has_roster);
  return (
    <Section
      title="People"
      note={`Linked with a course in ${connections.map(({ platform }) => platform).join(" and ")}.`}
      action={
        <Button
          leftSection={<IconUsers size={18} />}
          disabled={!hasRoster}
          loading={roster.isPending}
          onClick={() => roster.mutate(undefined)}
        >
          Update the roster
        </Button>
      }
    >
      {roster.error && <ProblemAlert error={roster.error} />}
      {!hasRoster && (
        <Text size="sm" c="dimmed">
          The learning platform does not tell who is in the course. Switch “Names and Roles” on for this tool
          over there, then open the activity once more. Until then people are enrolled when they first open
          it.
        </Text>
      )}
      {hasRoster && !taken && (
        <Text size="sm" c="dimmed">
          Enrols who is in the course over there and not here. Nobody is removed, and nobody&apos;s role
          changes.
        </Text>
      )}
      {taken && (
        <Stack gap="xs" role="status">
          <Text>
            {taken.members} people over there, {taken.enrolled.length} of them new here
            {taken.enrolled.length > 0 && `: ${taken.enrolled.join(", ")}`}.
          </Text>
          {taken.missing.length > 0 && (
            <Alert color="yellow" title="Here, but no longer in the course over there">
              {taken.missing.join(", ")}
            </Alert>
          )}
          {taken.problems.length > 0 && (
            <Alert color="red" title="Not enrolled">
              {taken.problems.map((problem) => (
                <Text key={problem} size="sm">
                  {problem}
                </Text>
              ))}
            </Alert>
          )}
        </Stack>
      )}
    </Section>
  );
}

function Links({ courseId, links }: { courseId: string; links: LtiLink[] }) {
  const { data } = useQuery(assignmentsQuery(courseId));
  return (
    <Section
      title="Activities"
      note="Each activity over there that opens this course. One that leads to an assignment takes its scores."
    >
      {links.length === 0 ? (
        <Text c="dimmed">
          Nobody has opened an activity since the courses were linked. Open each once over there.
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={520}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Activity</Table.Th>
                <Table.Th>Leads to</Table.Th>
                <Table.Th>Scores</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {links.map((link) => (
                <LinkRow
                  key={`${link.platform_id} ${link.resource_id}`}
                  courseId={courseId}
                  link={link}
                  names={data?.items.map(({ name }) => name) ?? []}
                />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Section>
  );
}

function LinkRow({ courseId, link, names }: { courseId: string; link: LtiLink; names: string[] }) {
  const change = useInCourse(courseId, setLtiLink(courseId));
  const send = useMutation({ mutationFn: sendLtiScores(courseId) });
  const { platform_id, resource_id, assignment, takes_scores } = link;
  const name = link.title || resource_id;
  const sendScores = () => {
    if (assignment === null) return;
    send.mutate(assignment, {
      onSuccess: ({ sent, problems }) => {
        notifyDone(`${String(sent)} ${sent === 1 ? "score" : "scores"} sent.`);
        if (problems.length > 0) notifyProblem(new Error(problems.join("\n")));
      },
      onError: notifyProblem,
    });
  };
  return (
    <Table.Tr>
      <Table.Td style={{ overflowWrap: "anywhere" }}>{name}</Table.Td>
      <Table.Td>
        <Select
          aria-label={`Where ${name} leads`}
          placeholder="the course"
          clearable
          data={names}
          value={assignment}
          onChange={(chosen) =>
            change.mutate({ platform_id, resource_id, assignment: chosen }, { onError: notifyProblem })
          }
        />
      </Table.Td>
      <Table.Td>
        {takes_scores && assignment !== null ? (
          <Button size="xs" variant="default" loading={send.isPending} onClick={sendScores}>
            Send scores
          </Button>
        ) : (
          <Group>
            <Badge variant="light" color="gray">
              {takes_scores ? "choose an assignment" : "takes none"}
            </Badge>
          </Group>
        )}
      </Table.Td>
    </Table.Tr>
  );
}
