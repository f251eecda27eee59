import { Alert, Button, Checkbox, Group, Paper, Radio, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { assignmentsQuery, courseQuery, useInCourse, type Assignment } from "@/api/courses";
import { chooseLtiActivities, ltiLinksQuery } from "@/api/lti";
import { LinkButton } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { appBase } from "@/lib/paths";
import { usePageTitle } from "@/lib/usePageTitle";

const route = getRouteApi("/courses/$courseId/activities");
const WHOLE_COURSE = " course"; // no assignment's name begins with a space

/** Where an instructor comes from a learning platform to choose which activities a course over there gets. */
export function AddActivitiesPage() {
  usePageTitle("Add activities");
  const { courseId } = route.useParams();
  const { choice = "", several = false } = route.useSearch();
  const course = useQuery(courseQuery(courseId));
  const assignments = useQuery(assignmentsQuery(courseId));
  const links = useQuery(ltiLinksQuery(courseId));
  const [chosen, setChosen] = useState<string[]>([]);
  const choose = useInCourse(courseId, chooseLtiActivities(courseId));
  const problem = course.error ?? assignments.error ?? links.error;
  if (problem) return <ProblemAlert error={problem} />;
  if (!course.data || !assignments.data || !links.data) return <Skeleton h={240} />;
  if (choose.data?.is_taken_up_elsewhere) return <TakenUpElsewhere courseId={courseId} />;

  const linked = new Set(links.data.items.map(({ assignment }) => assignment));
  const options = [
    ...assignments.data.items.map((one) => ({
      value: one.name,
      label: one.name,
      description: describe(one, linked.has(one.name)),
    })),
    {
      value: WHOLE_COURSE,
      label: "The whole course",
      description: "A link to all assignments, without scores",
    },
  ];
  const add = () =>
    choose.mutate(
      {
        token: choice,
        assignments: chosen.filter((value) => value !== WHOLE_COURSE),
        whole_course: chosen.includes(WHOLE_COURSE),
      },
      {
        onSuccess: ({ form, is_taken_up_elsewhere }) => {
          if (!is_taken_up_elsewhere) post(`${appBase}lti/answer`, form);
        },
      },
    );
  const group = {
    label: several ? "Activities" : "Activity",
    description:
      "Each becomes a link in your learning platform that leads there. Returned scores can be sent back.",
  };
  return (
    <Paper p="lg" maw={640}>
      <Stack>
        <Title order={1}>Add activities</Title>
        <Text>
          Choose what your course in the learning platform gets from <strong>{course.data.title}</strong>.
        </Text>
        {choose.error && <ProblemAlert error={choose.error} />}
        {assignments.data.items.length === 0 && (
          <Alert color="blue">
            This course has no assignments yet. Make one first, then come back; or link the whole course.
          </Alert>
        )}
        {several ? (
          <Checkbox.Group {...group} value={chosen} onChange={setChosen}>
            <Stack gap="sm" mt="sm">
              {options.map((option) => (
                <Checkbox key={option.value} {...option} />
              ))}
            </Stack>
          </Checkbox.Group>
        ) : (
          <Radio.Group {...group} value={chosen[0] ?? null} onChange={(value) => setChosen([value])}>
            <Stack gap="sm" mt="sm">
              {options.map((option) => (
                <Radio key={option.value} {...option} />
              ))}
            </Stack>
          </Radio.Group>
        )}
        <Group>
          <Button disabled={chosen.length === 0} loading={choose.isPending || choose.isSuccess} onClick={add}>
            {chosen.length > 1 ? `Add ${String(chosen.length)} activities` : "Add"}
          </Button>
        </Group>
      </Stack>
    </Paper>
  );
}

function TakenUpElsewhere({ courseId }: { courseId: string }) {
  return (
    <Paper p="lg" maw={640}>
      <Stack role="status">
        <Title order={1}>Added</Title>
        <Text>
          Your learning platform takes the activities up in the window that you came from. You can close this
          one.
        </Text>
        <Group>
          <LinkButton to="/courses/$courseId" params={{ courseId }} variant="default">
            Open the course
          </LinkButton>
        </Group>
      </Stack>
    </Paper>
  );
}

function describe({ points, version }: Assignment, isLinked: boolean): string {
  const state = version === null ? "not released yet" : `${String(points)} points`;
  return isLinked ? `${state}, has an activity already` : state;
}

/** Leave the page by posting a form: the answer leads on to the learning platform. */
function post(action: string, form: string) {
  const element = document.createElement("form");
  element.method = "post";
  element.action = action;
  const input = document.createElement("input");
  input.type = "hidden";
  input.name = "form";
  input.value = form;
  element.append(input);
  document.body.append(element);
  element.submit();
}
