import {
  Alert,
  Badge,
  Button,
  FileButton,
  Group,
  List,
  Modal,
  Paper,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { IconDownload, IconFolderOpen, IconSend, IconUpload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import {
  assignmentsQuery,
  courseWorkQuery,
  fetchAssignment,
  handInFiles,
  handInWork,
  submissionsQuery,
  useInCourse,
  type Assignment,
  type Course,
  type Receipt,
} from "@/api/courses";
import { EmptyState } from "@/components/EmptyState";
import { LinkButton, TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { TimeAgo } from "@/components/TimeAgo";
import { notifyDone, notifyProblem } from "@/lib/notify";
import { DueTime } from "./DueTime";
import { ReceiptView } from "./ReceiptView";

/** The assignments of a course as a student has them: fetch, work, hand in, look at what came back. */
export function StudentAssignments({ course, current }: { course: Course; current: string | undefined }) {
  const { data, error, refetch } = useQuery(assignmentsQuery(course.id));
  if (error) return <ProblemAlert error={error} onRetry={refetch} />;
  if (data?.items.length === 0)
    return (
      <EmptyState title="Nothing to do yet">
        Assignments appear here as soon as your instructor releases them.
      </EmptyState>
    );
  return (
    <Stack>
      {data?.items.map((assignment) => (
        <OneAssignment
          key={assignment.name}
          course={course}
          assignment={assignment}
          isCurrent={assignment.name === current}
        />
      ))}
    </Stack>
  );
}

interface OneAssignmentProps {
  course: Course;
  assignment: Assignment;
  /** Whether somebody came for it, from a link in a learning platform. */
  isCurrent: boolean;
}

function OneAssignment({ course, assignment, isCurrent }: OneAssignmentProps) {
  const { name } = assignment;
  const isStudent = course.role === "student";
  const work = useQuery({ ...courseWorkQuery(course.id, name), enabled: isStudent });
  const submissions = useQuery({ ...submissionsQuery(course.id, name), enabled: isStudent });
  const fetching = useInCourse(course.id, fetchAssignment(course.id));
  const handing = useInCourse(course.id, handInWork(course.id));
  const uploading = useInCourse(course.id, handInFiles(course.id, name));
  const [receipt, setReceipt] = useState<Receipt | null>(null);
  const project = work.data?.project_id ?? null;
  const isThere = (work.data?.files.length ?? 0) > 0;
  const counted = submissions.data?.items.find((submission) => submission.is_counted);
  const received = (given: Receipt) => setReceipt(given);
  const card = useRef<HTMLElement>(null);
  useEffect(() => {
    if (isCurrent) card.current?.scrollIntoView({ block: "start" });
  }, [isCurrent]);
  return (
    <Paper
      ref={card}
      p="lg"
      component="section"
      aria-label={name}
      {...(isCurrent && { "aria-current": true })}
    >
      <Group justify="space-between" align="flex-start">
        <div>
          <Title order={2} size="h3">
            {name}
          </Title>
          <DueTime dueAt={assignment.due_at} closesAt={assignment.closes_at} />
        </div>
        <Group gap="xs">
          <Badge variant="light">{assignment.points} points</Badge>
          {counted ? (
            <Badge color="green" variant="light">
              handed in
            </Badge>
          ) : (
            <Badge color="gray" variant="light">
              not handed in
            </Badge>
          )}
        </Group>
      </Group>
      {work.data && work.data.problems.length > 0 && isThere && (
        <Alert color="yellow" mt="sm" title="Before you hand in">
          <List size="sm">
            {work.data.problems.map((problem) => (
              <List.Item key={problem.text}>{problem.text}</List.Item>
            ))}
          </List>
        </Alert>
      )}
      {isStudent && (
        <Group mt="md" gap="sm">
          <Button
            variant={isThere ? "default" : "filled"}
            leftSection={<IconDownload size={18} />}
            loading={fetching.isPending}
            onClick={() =>
              fetching.mutate(name, {
                onError: notifyProblem,
                onSuccess: ({ files }) => {
                  const beside = files.filter(({ step }) => step === "beside");
                  notifyDone(
                    beside.length > 0
                      ? `Your changed files stay; the new ones are beside them: ${beside.map(({ target }) => target).join(", ")}`
                      : `The files are in the folder “${name}” of your project.`,
                  );
                },
              })
            }
          >
            {isThere ? "Fetch again" : "Fetch the assignment"}
          </Button>
          {project !== null && isThere && (
            <>
              <LinkButton
                to="/projects/$projectId/open"
                params={{ projectId: project }}
                search={{ path: firstNotebook(name, work.data?.files ?? []) }}
                variant="default"
                leftSection={<IconFolderOpen size={18} />}
              >
                Open
              </LinkButton>
              <Button
                leftSection={<IconSend size={18} />}
                loading={handing.isPending}
                onClick={() => handing.mutate(name, { onSuccess: received, onError: notifyProblem })}
              >
                Hand in
              </Button>
            </>
          )}
          <FileButton
            multiple
            onChange={(files) => {
              if (files.length > 0) uploading.mutate(files, { onSuccess: received, onError: notifyProblem });
            }}
          >
            {(props) => (
              <Button
                {...props}
                variant="subtle"
                leftSection={<IconUpload size={18} />}
                loading={uploading.isPending}
              >
                Hand in files from this computer
              </Button>
            )}
          </FileButton>
        </Group>
      )}
      {submissions.data && submissions.data.items.length > 0 && (
        <Stack gap={4} mt="md">
          {submissions.data.items.map((submission) => (
            <Group key={submission.id} gap="xs">
              <TextLink
                size="sm"
                to="/courses/$courseId/submissions/$submissionId"
                params={{ courseId: course.id, submissionId: String(submission.id) }}
              >
                Submission {submission.id}
              </TextLink>
              <Text size="sm" c="dimmed">
                <TimeAgo at={submission.received_at} />
                {submission.late_seconds > 0 && ", late"}
                {submission.is_counted && ", counts"}
              </Text>
              {submission.score !== null && (
                <Text size="sm" fw={600}>
                  {submission.score} of {submission.points}
                </Text>
              )}
            </Group>
          ))}
        </Stack>
      )}
      <Modal opened={receipt !== null} onClose={() => setReceipt(null)} title="Received" size="lg">
        {receipt && <ReceiptView receipt={receipt} />}
      </Modal>
    </Paper>
  );
}

function firstNotebook(folder: string, files: readonly { path: string }[]): string {
  const found = files.find(({ path }) => path.endsWith(".ipynb"));
  return found ? `${folder}/${found.path}` : folder;
}
