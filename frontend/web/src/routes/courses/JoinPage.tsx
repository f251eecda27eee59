import { Button, Paper } from "@mantine/core";
import { IconSchool } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { joinCourse } from "@/api/courses";
import { EmptyState } from "@/components/EmptyState";
import { ProblemAlert } from "@/components/ProblemAlert";
import { usePageTitle } from "@/lib/usePageTitle";

const route = getRouteApi("/courses/join");

/** Where an enrolment link leads: joining is a decision, not a side effect of looking. */
export function JoinPage() {
  usePageTitle("Join a course");
  const { token = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const client = useQueryClient();
  const join = useMutation({
    mutationFn: joinCourse,
    onSuccess: async ({ id }) => {
      await client.invalidateQueries({ queryKey: ["courses"] });
      await navigate({ to: "/courses/$courseId", params: { courseId: id } });
    },
  });
  return (
    <Paper>
      {join.error && <ProblemAlert error={join.error} />}
      <EmptyState
        order={1}
        title="Join the course"
        icon={<IconSchool size={44} stroke={1.2} />}
        action={
          <Button mt="xs" loading={join.isPending} onClick={() => join.mutate(token)}>
            Join
          </Button>
        }
      >
        You were given a link to a course. Its staff will see your name, what you hand in, and your grades.
      </EmptyState>
    </Paper>
  );
}
