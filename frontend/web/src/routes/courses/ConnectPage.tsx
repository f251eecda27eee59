import { Button, Paper, Select, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { connectCourse, coursesQuery } from "@/api/courses";
import { ProblemAlert } from "@/components/ProblemAlert";
import { notifyDone } from "@/lib/notify";
import { usePageTitle } from "@/lib/usePageTitle";

const route = getRouteApi("/courses/connect");

/** Where an instructor comes from a learning platform whose course is not linked with one here yet. */
export function ConnectPage() {
  usePageTitle("Link a course");
  const { token = "", ...asked } = route.useSearch();
  const navigate = route.useNavigate();
  const { data } = useQuery(coursesQuery);
  const [chosen, choose] = useState<string | null>(null);
  const mine = data?.items.filter(({ role }) => role === "instructor") ?? [];
  const connect = useMutation({ mutationFn: connectCourse });
  return (
    <Paper p="lg" maw={560}>
      <Stack>
        <Title order={1}>Link a course</Title>
        <Text>
          You come from a course in your learning platform. Choose the course here that it is: its students
          then come into it, and scores can go back.
        </Text>
        {connect.error && <ProblemAlert error={connect.error} />}
        {data && mine.length === 0 ? (
          <Text c="dimmed">
            You are not an instructor of a course here. Ask an administrator to make one for you, then open
            the activity in your learning platform again.
          </Text>
        ) : (
          <>
            <Select
              label="Course"
              searchable
              data={mine.map(({ id, title, term }) => ({ value: id, label: `${title} ${term}`.trim() }))}
              value={chosen}
              onChange={choose}
            />
            <Button
              disabled={chosen === null}
              loading={connect.isPending}
              onClick={() => {
                if (chosen === null) return;
                connect.mutate(
                  { token, course_id: chosen },
                  {
                    onSuccess: () => {
                      notifyDone("The courses are linked.");
                      void navigate(
                        asked.choice === undefined
                          ? { to: "/courses/$courseId", params: { courseId: chosen } }
                          : {
                              to: "/courses/$courseId/activities",
                              params: { courseId: chosen },
                              search: asked,
                            },
                      );
                    },
                  },
                );
              }}
            >
              Link
            </Button>
          </>
        )}
      </Stack>
    </Paper>
  );
}
