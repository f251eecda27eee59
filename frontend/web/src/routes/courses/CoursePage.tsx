import { Badge, Button, Group, Menu, Skeleton, Tabs, Text, Title } from "@mantine/core";
import { IconDots, IconFolders } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { courseQuery, openStaffProject } from "@/api/courses";
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

/** A course: what its students do, or what its staff do. */
export function CoursePage() {
  const { courseId } = route.useParams();
  const { tab = "assignments" } = route.useSearch();
  const navigate = useNavigate();
  const { data: course, error, refetch } = useQuery(courseQuery(courseId));
  const [dialog, setDialog] = useState<"settings" | "copy" | null>(null);
  usePageTitle(course?.title);
  if (error) return <ProblemAlert error={error} onRetry={refetch} />;
  if (!course) return <Skeleton h={240} />;
  const isStudent = course.role === "student";
  const isStaff = course.role === "instructor" || course.role === "grader";
  const mayManage = course.role === "instructor" || course.role === null;
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
        value={tab}
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
          <Tabs.Tab value="assignments">Assignments</Tabs.Tab>
          {isStudent && <Tabs.Tab value="grades">Grades</Tabs.Tab>}
          {!isStudent && course.role !== "auditor" && (
            <>
              <Tabs.Tab value="gradebook">Gradebook</Tabs.Tab>
              <Tabs.Tab value="rubrics">Rubrics</Tabs.Tab>
              <Tabs.Tab value="people">People</Tabs.Tab>
              {mayManage && <Tabs.Tab value="learning-platform">Learning platform</Tabs.Tab>}
              {mayManage && <Tabs.Tab value="audit">Audit log</Tabs.Tab>}
            </>
          )}
        </Tabs.List>
        <Tabs.Panel value="assignments">
          {isStudent || course.role === "auditor" ? (
            <StudentAssignments course={course} />
          ) : (
            <StaffAssignments course={course} mayManage={mayManage} />
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
