import {
  Alert,
  Badge,
  Box,
  Button,
  Group,
  Kbd,
  List,
  NavLink,
  Paper,
  ScrollArea,
  Select,
  Skeleton,
  Stack,
  Switch,
  Text,
  Title,
} from "@mantine/core";
import { useHotkeys, type HotkeyItem } from "@mantine/hooks";
import { IconArrowRight, IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { courseQuery, markingListQuery, markingPageQuery, type MarkingList } from "@/api/courses";
import { EmptyState } from "@/components/EmptyState";
import { TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { usePageTitle } from "@/lib/usePageTitle";
import { RequestThread } from "./RequestThread";
import { SegmentView } from "./SegmentView";
import { DIGITS, saveMark, toggleItem } from "./markingKeys";
import { neighbour, nextUngraded } from "./markingOrder";

const route = getRouteApi("/courses/$courseId/assignments/$assignment/marking");
const digitKey = (digit: string): HotkeyItem => [digit, (event) => toggleItem(event, digit)];

/** The grading page: one submission at a time, all of it or one question. */
export function MarkingPage() {
  const { courseId, assignment } = route.useParams();
  const search = route.useSearch();
  const [names, setNames] = useState(false);
  const navigate = useNavigate();
  const list = useQuery(markingListQuery(courseId, assignment, names));
  usePageTitle(`Marking ${assignment}`);
  const items = list.data?.items ?? [];
  const current = items.find(({ id }) => id === search.submission) ?? items[0];
  const question = search.question ?? "";
  const go = (submission: number | undefined, chosen = question) => {
    if (submission === undefined) return;
    void navigate({
      to: "/courses/$courseId/assignments/$assignment/marking",
      params: { courseId, assignment },
      search: { submission, ...(chosen ? { question: chosen } : {}) },
      replace: true,
    });
  };
  useHotkeys([
    ["j", () => go(neighbour(items, current?.id, 1))],
    ["k", () => go(neighbour(items, current?.id, -1))],
    ["n", () => go(nextUngraded(items, current?.id, question))],
  ]);
  useHotkeys([["s", saveMark], ...DIGITS.map(digitKey)], []);
  if (list.error) return <ProblemAlert error={list.error} onRetry={list.refetch} />;
  if (!list.data) return <Skeleton h={400} />;
  return (
    <>
      <div>
        <TextLink to="/courses/$courseId" params={{ courseId }} size="sm">
          Back to the course
        </TextLink>
        <Title order={1}>Marking {assignment}</Title>
      </div>
      {current === undefined ? (
        <EmptyState title="Nothing to mark yet">Submissions appear here as they come in.</EmptyState>
      ) : (
        <>
          <Group justify="space-between">
            <Group gap="xs">
              <Button
                variant="default"
                aria-label="Previous submission"
                onClick={() => go(neighbour(items, current.id, -1))}
              >
                <IconChevronLeft size={18} />
              </Button>
              <Button
                variant="default"
                aria-label="Next submission"
                onClick={() => go(neighbour(items, current.id, 1))}
              >
                <IconChevronRight size={18} />
              </Button>
              <Button
                leftSection={<IconArrowRight size={18} />}
                onClick={() => go(nextUngraded(items, current.id, question))}
              >
                Next ungraded
              </Button>
            </Group>
            <Group>
              <Select
                aria-label="Which question"
                placeholder="All questions"
                clearable
                data={questionsOf(list.data)}
                value={question || null}
                onChange={(value) => go(current.id, value ?? "")}
              />
              <Switch label="Names" checked={names} onChange={(e) => setNames(e.currentTarget.checked)} />
            </Group>
          </Group>
          <Text size="sm" c="dimmed">
            <Kbd>j</Kbd> next, <Kbd>k</Kbd> previous, <Kbd>n</Kbd> next ungraded; <Kbd>1</Kbd> to <Kbd>9</Kbd>{" "}
            choose items of the rubric, <Kbd>s</Kbd> saves, as <Kbd>Enter</Kbd> does in a score field.
          </Text>
          <Group align="flex-start" wrap="nowrap" gap="lg">
            <SubmissionList list={list.data} current={current.id} question={question} onChoose={go} />
            <Box flex={1} miw={0}>
              <OneSubmission
                key={`${current.id} ${names}`}
                courseId={courseId}
                assignment={assignment}
                submission={current.id}
                question={question}
                names={names}
                hasRequest={current.has_request}
              />
            </Box>
          </Group>
        </>
      )}
    </>
  );
}

function SubmissionList({
  list,
  current,
  question,
  onChoose,
}: {
  list: MarkingList;
  current: number;
  question: string;
  onChoose: (submission: number) => void;
}) {
  return (
    <Paper w={230} visibleFrom="sm" style={{ flexShrink: 0 }}>
      <ScrollArea.Autosize mah="75vh" viewportProps={{ tabIndex: 0 }}>
        {list.items.map((item) => {
          const cell = item.cells.find(({ notebook, grade_id }) => `${notebook} ${grade_id}` === question);
          const needs = cell ? cell.needs_manual : item.needs_manual;
          return (
            <NavLink
              key={item.id}
              active={item.id === current}
              label={item.label}
              description={cell ? `${cell.score ?? "–"}` : `${item.score ?? "–"} of ${item.points}`}
              rightSection={
                item.has_request ? (
                  <Badge size="xs" color="red">
                    asked
                  </Badge>
                ) : needs ? (
                  <Badge size="xs" color="yellow">
                    open
                  </Badge>
                ) : null
              }
              onClick={() => onChoose(item.id)}
            />
          );
        })}
      </ScrollArea.Autosize>
    </Paper>
  );
}

function OneSubmission({
  courseId,
  assignment,
  submission,
  question,
  names,
  hasRequest,
}: {
  courseId: string;
  assignment: string;
  submission: number;
  question: string;
  names: boolean;
  hasRequest: boolean;
}) {
  const { data, error, refetch } = useQuery(markingPageQuery(courseId, submission, names));
  const role = useQuery(courseQuery(courseId)).data?.role;
  if (error) return <ProblemAlert error={error} onRetry={refetch} />;
  if (!data) return <Skeleton h={400} />;
  const shown = data.segments.filter(
    ({ notebook, score }) => !question || (score !== null && `${notebook} ${score.grade_id}` === question),
  );
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2} size="h3">
          {data.label}
        </Title>
        <Text fw={700}>
          {data.score ?? "–"} of {data.points}
          {data.penalty_fraction > 0 && ` (less ${Math.round(data.penalty_fraction * 100)} % for lateness)`}
        </Text>
      </Group>
      {data.findings.length > 0 && (
        <Alert color="yellow" title="Put right before grading">
          <List size="sm">
            {data.findings.map((finding, index) => (
              <List.Item key={index}>{String(finding.text)}</List.Item>
            ))}
          </List>
        </Alert>
      )}
      {hasRequest && (
        <Paper p="md" component="section" aria-label="Regrade request">
          <RequestThread courseId={courseId} submission={submission} />
        </Paper>
      )}
      {shown.map((segment, index) => (
        <SegmentView
          key={
            segment.score ? `${segment.notebook} ${segment.score.grade_id}` : `${segment.notebook} ${index}`
          }
          courseId={courseId}
          assignment={assignment}
          submission={submission}
          segment={segment}
          rubric={data.rubric.filter(
            ({ notebook, grade_id }) => notebook === segment.notebook && grade_id === segment.score?.grade_id,
          )}
          mayManage={role === "instructor" || role === null}
          onConflict={() => void refetch()}
        />
      ))}
    </Stack>
  );
}

function questionsOf(list: MarkingList) {
  return list.questions.map(({ notebook, grade_id, points }) => ({
    value: `${notebook} ${grade_id}`,
    label: `${grade_id} (${points})`,
  }));
}
