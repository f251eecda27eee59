import { Badge, Group, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconSchool } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { coursesQuery } from "@/api/courses";
import { EmptyState } from "@/components/EmptyState";
import { TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { usePageTitle } from "@/lib/usePageTitle";

/** The courses of the signed-in person. */
export function CoursesPage() {
  usePageTitle("Courses");
  const { data, isPending, error, refetch } = useQuery(coursesQuery);
  return (
    <>
      <Title order={1}>Courses</Title>
      {isPending && <Skeleton h={160} />}
      {error && <ProblemAlert error={error} onRetry={refetch} />}
      {data?.items.length === 0 && (
        <Paper>
          <EmptyState title="No courses yet" icon={<IconSchool size={44} stroke={1.2} />}>
            Courses appear here once an instructor has enrolled you. Instructors ask an administrator for a
            new course.
          </EmptyState>
        </Paper>
      )}
      <Stack gap="sm">
        {data?.items.map((course) => (
          <Paper key={course.id} p="md">
            <Group justify="space-between">
              <div>
                <TextLink to="/courses/$courseId" params={{ courseId: course.id }} fw={600} size="lg">
                  {course.title}
                </TextLink>
                <Text size="sm" c="dimmed">
                  {[course.id, course.term, course.archived_at && "archived"].filter(Boolean).join(" · ")}
                </Text>
              </div>
              <Badge variant="light">{course.role ?? "administrator"}</Badge>
            </Group>
          </Paper>
        ))}
      </Stack>
    </>
  );
}
