import { Badge, Button, Group, Menu, Skeleton, Tabs, Text, Title } from "@mantine/core";
import { IconDots, IconFolders } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { courseQuery, openStaffProject, type Course } from "@/api/courses";
import { TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { notifyProblem } from "@/lib/notify";
import { usePageTitle } from "@/lib/usePageTitle";
import { AuditTab } from "./AuditTab";
import { CopyCourseDialog, CourseSettingsDialog } from "./CourseDialogs";
import { GradebookTab } from "./GradebookTab";
import { LearningPlatformTab } from "./LearningPlatformTab";
import { OwnGrades } from "./OwnGrades";
import { PeopleTab } from "./PeopleTab";
import { RubricsTab } from "./rubrics/RubricsTab";
import { StaffAssignments } from "./StaffAssignments";
import { StudentAssignments } from "./StudentAssignments";

const route = getRouteApi("/courses/$courseId");

type Role = Course["role"];

const isAnybody = () => true;
const isStudentRole = (role: Role) => role === "student";
const isGrading = (role: Role) => role !== "student" && role !== "auditor";
const isManaging = (role: Role) => role === "instructor" || role === null;

const TABS: readonly { value: string; label: string; isFor: (role: Role) => boolean }[] = [
  { value: "assignments", label: "Assignments", isFor: isAnybody },
  { value: "grades", label: "Grades", isFor: isStudentRole },
  { value: "gradebook", label: "Gradebook", isFor: isGrading },
  { value: "rubrics", label: "Rubrics", isFor: isGrading },
  { value: "people", label: "People", isFor: isGrading },
  { value: "learning-platform", label: "Learning platform", isFor: isManaging },
  { value: "audit", label: "Audit log", isFor: isManaging },
];

/** A course: what its students do, or what its staff do. */
export function CoursePage() {
  const { courseId } = route.useParams();
  const { tab, assignment } = route.useSearch();
  const navigate = useNavigate();
  const { data: course, error, refetch } = useQuery(courseQuery(courseId));
  const [dialog, setDialog] = useState<"settings" | "copy" | null>(null);
  usePageTitle(course?.title);
  if (error) return <ProblemAlert error={error} onRetry={refetch} />;
  if (!course) return <Skeleton h={240} />;
  const isStaff = course.role === "instructor" || course.role === "grader";
  const mayManage = isManaging(course.role);
  const tabs = TABS.filter(({ isFor }) => isFor(course.role));
  const current = tabs.find(({ value }) => value === tab)?.value ?? "assignments";
  return (
    <>
      <div>
        <TextLink to="/courses" size="sm">
          Courses
        </TextLink>
        <Group justify="space-between">
          <Group align="baseline">
            <Title order={1}>{course.title}</Title>
            <Text c="dimmed">{course.term}</Text>
            {course.archived_at && (
              <Badge variant="light" color="gray">
                archived
              </Badge>
            )}
          </Group>
          <Group gap="sm">
            {isStaff && <StaffProjectButton courseId={courseId} />}
            {mayManage && (
              <Menu>
                <Menu.Target>
                  <Button variant="default" aria-label="More for this course">
                    <IconDots size={18} />
                  </Button>
                </Menu.Target>
                <Menu.Dropdown>
                  <Menu.Item onClick={() => setDialog("settings")}>Settings and archive</Menu.Item>
                  <Menu.Item onClick={() => setDialog("copy")}>Copy for the next term</Menu.Item>
                </Menu.Dropdown>
              </Menu>
            )}
          </Group>
        </Group>
        {dialog === "settings" && <CourseSettingsDialog course={course} onClose={() => setDialog(null)} />}
        {dialog === "copy" && <CopyCourseDialog course={course} onClose={() => setDialog(null)} />}
      </div>
      <Tabs
        value={current}
        keepMounted={false}
        onChange={(value) =>
          void navigate({
            to: "/courses/$courseId",
            params: { courseId },
            search: value && value !== "assignments" ? { tab: value } : {},
            replace: true,
          })
        }
      >
        <Tabs.List mb="md">
          {tabs.map(({ value, label }) => (
            <Tabs.Tab key={value} value={value}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="assignments">
          {isGrading(course.role) ? (
            <StaffAssignments course={course} mayManage={mayManage} />
          ) : (
            <StudentAssignments course={course} current={assignment} />
          )}
        </Tabs.Panel>
        <Tabs.Panel value="grades">
          <OwnGrades courseId={courseId} />
        </Tabs.Panel>
        <Tabs.Panel value="gradebook">
          <GradebookTab courseId={courseId} mayExport={mayManage} />
        </Tabs.Panel>
        <Tabs.Panel value="rubrics">
          <RubricsTab courseId={courseId} mayManage={mayManage} />
        </Tabs.Panel>
        <Tabs.Panel value="people">
          <PeopleTab courseId={courseId} mayManage={mayManage} />
        </Tabs.Panel>
        <Tabs.Panel value="learning-platform">
          <LearningPlatformTab courseId={courseId} />
        </Tabs.Panel>
        <Tabs.Panel value="audit">
          <AuditTab courseId={courseId} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

/** Opens the project that the staff share; the first time it is made. */
function StaffProjectButton({ courseId }: { courseId: string }) {
  const navigate = useNavigate();
  const open = useMutation({ mutationFn: openStaffProject(courseId) });
  return (
    <Button
      variant="default"
      leftSection={<IconFolders size={18} />}
      loading={open.isPending}
      onClick={() =>
        open.mutate(undefined, {
          onSuccess: ({ project_id }) =>
            void navigate({ to: "/projects/$projectId", params: { projectId: project_id } }),
          onError: notifyProblem,
        })
      }
    >
      Staff project
    </Button>
  );
}
