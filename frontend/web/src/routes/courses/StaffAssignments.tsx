import {
  Alert,
  Badge,
  Button,
  FileInput,
  Group,
  Menu,
  Modal,
  Paper,
  Progress,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconCalendar,
  IconChecklist,
  IconDots,
  IconPlus,
  IconSettings,
  IconUserPlus,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  addAssignment,
  assignmentsQuery,
  collectWork,
  deliverAssignment,
  gradeAgain,
  progressQuery,
  releaseAssignment,
  returnScores,
  submissionsQuery,
  useInCourse,
  type Assignment,
  type Course,
} from "@/api/courses";
import { EmptyState } from "@/components/EmptyState";
import { LinkButton } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { fullTime } from "@/lib/time";
import { notifyDone, notifyProblem } from "@/lib/notify";
import { AssignmentSettingsDialog } from "./AssignmentSettingsDialog";
import { ExtensionsDialog } from "./ExtensionsDialog";
import { TimesDialog } from "./TimesDialog";

/** The assignments of a course as its staff have them. */
export function StaffAssignments({ course, mayManage }: { course: Course; mayManage: boolean }) {
  const { data, error, refetch } = useQuery(assignmentsQuery(course.id));
  const [adding, dialog] = useDisclosure(false);
  if (error) return <ProblemAlert error={error} onRetry={refetch} />;
  return (
    <Stack>
      {mayManage && (
        <Group justify="flex-end">
          <Button leftSection={<IconPlus size={18} />} onClick={dialog.open}>
            Add an assignment
          </Button>
        </Group>
      )}
      {data?.items.length === 0 && (
        <EmptyState title="No assignments yet">
          An assignment is one or more notebooks in nbgrader’s format, with their data files.
        </EmptyState>
      )}
      {data?.items.map((assignment) => (
        <OneAssignment key={assignment.name} course={course} assignment={assignment} mayManage={mayManage} />
      ))}
      <AddDialog course={course} opened={adding} onClose={dialog.close} />
    </Stack>
  );
}

function OneAssignment({
  course,
  assignment,
  mayManage,
}: {
  course: Course;
  assignment: Assignment;
  mayManage: boolean;
}) {
  const { name } = assignment;
  const [timing, times] = useDisclosure(false);
  const [extending, extensions] = useDisclosure(false);
  const [setting, settings] = useDisclosure(false);
  const release = useInCourse(course.id, releaseAssignment(course.id));
  const deliver = useInCourse(course.id, deliverAssignment(course.id));
  const collect = useInCourse(course.id, collectWork(course.id));
  const grade = useInCourse(course.id, gradeAgain(course.id));
  const giveBack = useInCourse(course.id, returnScores(course.id));
  const isReleased = assignment.version !== null;
  const isGraded = assignment.is_graded_by_caller ?? true;
  const isBusy = [release, deliver, collect, grade, giveBack].some(({ isPending }) => isPending);
  return (
    <Paper p="lg" component="section" aria-label={name}>
      <Group justify="space-between" align="flex-start">
        <div>
          <Title order={2} size="h3">
            {name}
          </Title>
          <Text size="sm" c="dimmed">
            {assignment.category}
            {assignment.due_at && ` · due ${fullTime(new Date(assignment.due_at))}`}
            {assignment.schedule.time_limit_seconds &&
              ` · ${assignment.schedule.time_limit_seconds / 60} minutes from opening`}
          </Text>
        </div>
        <Group gap="xs">
          {isReleased ? (
            <Badge variant="light" color="green">
              version {assignment.version} · {assignment.points} points
            </Badge>
          ) : (
            <Badge variant="light" color="gray">
              not released
            </Badge>
          )}
          {assignment.settings.is_group && <Badge variant="light">groups</Badge>}
          {assignment.settings.collect_at_deadline && assignment.due_at && (
            <Badge variant="light" color="gray">
              collected when due
            </Badge>
          )}
          {assignment.feedback_released_at && <Badge variant="light">returned</Badge>}
        </Group>
      </Group>
      {assignment.check && <CheckNote check={assignment.check} />}
      {isReleased && isGraded && <GradingProgress courseId={course.id} name={name} />}
      {!isGraded && (
        <Text size="sm" c="dimmed" mt="sm">
          Others grade this assignment.
        </Text>
      )}
      <Group mt="md" gap="sm">
        {!isReleased && mayManage && (
          <Button
            loading={release.isPending}
            onClick={() =>
              release.mutate(name, {
                onSuccess: () => notifyDone(`“${name}” is released.`),
                onError: notifyProblem,
              })
            }
          >
            Release
          </Button>
        )}
        {isReleased && isGraded && (
          <LinkButton
            to="/courses/$courseId/assignments/$assignment/marking"
            params={{ courseId: course.id, assignment: name }}
            leftSection={<IconChecklist size={18} />}
          >
            Mark
          </LinkButton>
        )}
        {isReleased && mayManage && !assignment.feedback_released_at && (
          <Button
            variant="default"
            loading={giveBack.isPending}
            onClick={() =>
              giveBack.mutate(name, {
                onSuccess: () => notifyDone("Students see their scores and feedback now."),
                onError: notifyProblem,
              })
            }
          >
            Return scores
          </Button>
        )}
        {mayManage && (
          <Button variant="default" leftSection={<IconCalendar size={18} />} onClick={times.open}>
            Times
          </Button>
        )}
        {mayManage && (
          <Button variant="default" leftSection={<IconUserPlus size={18} />} onClick={extensions.open}>
            Extensions
          </Button>
        )}
        {mayManage && (
          <Button variant="default" leftSection={<IconSettings size={18} />} onClick={settings.open}>
            Settings
          </Button>
        )}
        {isReleased && isGraded && (
          <Menu>
            <Menu.Target>
              <Button variant="subtle" aria-label={`More for ${name}`} loading={isBusy}>
                <IconDots size={18} />
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {mayManage && (
                <>
                  <Menu.Item
                    onClick={() =>
                      release.mutate(name, {
                        onSuccess: () => notifyDone("Released."),
                        onError: notifyProblem,
                      })
                    }
                  >
                    Release the newest version
                  </Menu.Item>
                  <Menu.Item
                    onClick={() =>
                      deliver.mutate(name, {
                        onSuccess: ({ projects, kept_work }) =>
                          notifyDone(
                            `It is in ${projects} projects; in ${kept_work} of them changed work was kept beside it.`,
                          ),
                        onError: notifyProblem,
                      })
                    }
                  >
                    Put it into all projects now
                  </Menu.Item>
                  <Menu.Item
                    onClick={() =>
                      collect.mutate(name, {
                        onSuccess: ({ items }) => notifyDone(`Collected ${items.length} from projects.`),
                        onError: notifyProblem,
                      })
                    }
                  >
                    Collect what was not handed in
                  </Menu.Item>
                </>
              )}
              <Menu.Item
                onClick={() =>
                  grade.mutate(name, { onSuccess: () => notifyDone("Queued."), onError: notifyProblem })
                }
              >
                Grade all again
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        )}
      </Group>
      {timing && <TimesDialog course={course} assignment={assignment} onClose={times.close} />}
      <ExtensionsDialog
        course={course}
        assignment={assignment}
        opened={extending}
        onClose={extensions.close}
      />
      {setting && (
        <AssignmentSettingsDialog course={course} assignment={assignment} onClose={settings.close} />
      )}
    </Paper>
  );
}

/** Whether the author's own solution passes the tests of the newest version. */
function CheckNote({ check }: { check: NonNullable<Assignment["check"]> }) {
  if (check.state === "queued" || check.state === "running") {
    return (
      <Text size="sm" c="dimmed" mt="sm">
        The newest version is being checked against its own solution…
      </Text>
    );
  }
  if (check.problems.length === 0) {
    return (
      <Text size="sm" c="dimmed" mt="sm">
        Checked: the solution passes all tests ({check.points} points), an empty hand-in gets{" "}
        {check.release_score}.
      </Text>
    );
  }
  return (
    <Alert color="yellow" mt="sm" title="The newest version needs a look">
      {check.problems.map((problem) => (
        <Text key={problem} size="sm">
          {problem}
        </Text>
      ))}
    </Alert>
  );
}

function GradingProgress({ courseId, name }: { courseId: string; name: string }) {
  const { data } = useQuery(progressQuery(courseId, name));
  const submissions = useQuery(submissionsQuery(courseId, name));
  const total = Object.values(data?.states ?? {}).reduce((sum, count) => sum + count, 0);
  const done = data?.states.done ?? 0;
  const waiting = (data?.states.queued ?? 0) + (data?.states.running ?? 0);
  const unread = submissions.data?.items.filter(({ needs_manual }) => needs_manual).length ?? 0;
  return (
    <Stack gap={4} mt="sm">
      {total > 0 && (
        <Progress
          value={(100 * done) / total}
          aria-label="Graded by machine"
          color={waiting ? "blue" : "green"}
        />
      )}
      <Text size="sm" c="dimmed">
        {submissions.data?.items.length ?? 0} handed in
        {waiting > 0 && ` · ${waiting} being graded`}
        {(data?.states.failed ?? 0) > 0 && ` · ${data?.states.failed} failed`}
        {unread > 0 && ` · ${unread} need a person`}
      </Text>
    </Stack>
  );
}

function AddDialog({ course, opened, onClose }: { course: Course; opened: boolean; onClose: () => void }) {
  const [name, setName] = useState("");
  const [category, setCategory] = useState("assignments");
  const [files, setFiles] = useState<File[]>([]);
  const add = useInCourse(course.id, addAssignment(course.id));
  return (
    <Modal opened={opened} onClose={onClose} title="Add an assignment">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate(
            { name, category, files },
            {
              onSuccess: (version) => {
                notifyDone(
                  `Version ${version.number} with ${version.points} points is ready to be released.`,
                );
                onClose();
              },
            },
          );
        }}
      >
        <Stack>
          {add.error && <ProblemAlert error={add.error} />}
          <TextInput label="Name" required value={name} onChange={(e) => setName(e.currentTarget.value)} />
          <TextInput
            label="Category"
            required
            value={category}
            onChange={(e) => setCategory(e.currentTarget.value)}
          />
          <FileInput
            label="Files"
            description="The notebooks with solutions and tests, and their data files"
            multiple
            required
            value={files}
            onChange={setFiles}
          />
          <Button type="submit" loading={add.isPending} disabled={files.length === 0}>
            Check and add
          </Button>
        </Stack>
      </form>
    </Modal>
  );
}
