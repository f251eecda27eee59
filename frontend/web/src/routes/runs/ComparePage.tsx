import { Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { IconChevronLeft } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { fullTime } from "@/lib/time";
import { usePageTitle } from "@/lib/usePageTitle";
import { runQuery, type RunDetail } from "./api";
import { shown } from "./results";
import { statusWord } from "./StatusLabel";
import { nameOf } from "./useLiveRun";
import "./runs.css";

const route = getRouteApi("/projects/$projectId/compare-runs");

/** Two runs side by side: parameters, how each item ended, what it recorded; differences are marked. */
export function ComparePage() {
  const { projectId } = route.useParams();
  const { a, b } = route.useSearch();
  const left = useQuery(runQuery(projectId, a ?? ""));
  const right = useQuery(runQuery(projectId, b ?? ""));
  usePageTitle("Two runs");
  const error = left.error ?? right.error;
  return (
    <Stack gap="lg">
      <Stack gap="xs">
        <TextLink
          to="/projects/$projectId/runs"
          params={{ projectId }}
          size="sm"
          underline="hover"
          className="back"
        >
          <IconChevronLeft size={16} aria-hidden="true" /> Runs
        </TextLink>
        <Title order={1}>Two runs side by side</Title>
      </Stack>
      {error && <ProblemAlert error={error} />}
      {(left.isPending || right.isPending) && <Skeleton height={240} />}
      {left.data && right.data && (
        <>
          <Comparison title="Runs and parameters" left={about(left.data)} right={about(right.data)} />
          <Comparison title="How each notebook ended" left={ends(left.data)} right={ends(right.data)} />
          <Comparison title="What was recorded" left={recorded(left.data)} right={recorded(right.data)} />
        </>
      )}
    </Stack>
  );
}

type Facts = Readonly<Record<string, string>>;

function Comparison({ title, left, right }: { title: string; left: Facts; right: Facts }) {
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  return (
    <Section title={title}>
      {names.length === 0 && (
        <Text size="sm" c="dimmed">
          Neither has any.
        </Text>
      )}
      <div className="results">
        <Table verticalSpacing="xs" aria-label={title}>
          <Table.Tbody>
            {names.map((name) => {
              const differs = left[name] !== right[name];
              return (
                <Table.Tr key={name}>
                  <Table.Th scope="row">{name}</Table.Th>
                  {[left, right].map((facts, side) => (
                    <Table.Td key={side} className={differs ? "compare-differs" : ""}>
                      {facts[name] ?? "—"}
                    </Table.Td>
                  ))}
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </div>
    </Section>
  );
}

function about({ run }: RunDetail): Facts {
  const parameters = Object.entries(run.parameters).map(([name, value]) => [name, shown(value)] as const);
  return {
    run: run.id,
    pipeline: run.pipeline,
    started: fullTime(new Date(run.created_at)),
    status: statusWord(run.status),
    ...Object.fromEntries(parameters),
  };
}

const label = (item: RunDetail["items"][number]) =>
  item.item === null ? item.step : `${item.step} [${shown(item.item)}]`;

function ends({ items }: RunDetail): Facts {
  return Object.fromEntries(
    items.map((item) => [
      label(item),
      item.error ? `${statusWord(item.status)}: ${item.error.name}` : statusWord(item.status),
    ]),
  );
}

function recorded({ items }: RunDetail): Facts {
  return Object.fromEntries(
    items.flatMap((item) =>
      Object.entries(item.values).map(([name, value]) => [
        `${label(item) || nameOf(item)}: ${name}`,
        shown(value),
      ]),
    ),
  );
}
