import { Grid, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconChevronLeft } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { usePageTitle } from "@/lib/usePageTitle";
import { experimentQuery, type Experiment } from "./api";
import { Importances, ObjectiveHistory, ParallelCoordinates } from "./plots";
import { shown, type ResultRow } from "./results";
import { ResultsTable } from "./ResultsTable";
import "./runs.css";

const route = getRouteApi("/projects/$projectId/experiments/$name");

/** One experiment: how it goes, what matters, and every trial. */
export function ExperimentPage() {
  const { projectId, name } = route.useParams();
  const query = useQuery(experimentQuery(projectId, name));
  usePageTitle(`Experiment ${name}`);
  return (
    <Stack gap="lg">
      <Stack gap="xs">
        <TextLink
          to="/projects/$projectId/experiments"
          params={{ projectId }}
          size="sm"
          underline="hover"
          className="back"
        >
          <IconChevronLeft size={16} aria-hidden="true" /> Experiments
        </TextLink>
        <Title order={1}>{name}</Title>
      </Stack>
      {query.isPending && <Skeleton height={240} />}
      {query.isError && <ProblemAlert error={query.error} onRetry={query.refetch} />}
      {query.data && <Results experiment={query.data} />}
    </Stack>
  );
}

function Results({ experiment }: { experiment: Experiment }) {
  const rows = experiment.trials.map((trial): ResultRow => {
    const isBest = experiment.best.includes(trial.number);
    return {
      id: String(trial.number),
      label: String(trial.number),
      status: trial.status === "failed" ? "failed" : trial.status === "open" ? "open" : "ok",
      isBest,
      values: { ...trial.parameters, ...trial.metrics },
      note:
        trial.failure ||
        (trial.status === "open"
          ? "waits for its observation"
          : trial.feasible
            ? ""
            : "violates a constraint"),
    };
  });
  const metrics = experiment.metrics.map((metric) => String(metric.name));
  const parameters = [...new Set(experiment.trials.flatMap((trial) => Object.keys(trial.parameters)))];
  const columns = [...parameters, ...metrics];
  const seen = rows.filter((row) => row.status === "ok");
  const best = rows.find((row) => row.isBest);
  const [first] = experiment.metrics;
  return (
    <>
      <Text>
        {seen.length} of {experiment.budget} trials observed.
        {best && first && ` Best so far: ${String(first.name)} ${shown(best.values[String(first.name)])}.`}
        {experiment.reason_to_stop && ` It has ended: ${experiment.reason_to_stop}.`}
      </Text>
      <Grid gap="lg">
        {first && seen.length > 0 && (
          <Grid.Col span={{ base: 12, md: 7 }}>
            <Section title="How it goes">
              <ObjectiveHistory rows={rows} metric={String(first.name)} direction={String(first.direction)} />
            </Section>
          </Grid.Col>
        )}
        {Object.keys(experiment.importances).length > 0 && (
          <Grid.Col span={{ base: 12, md: 5 }}>
            <Section title="What matters" note="Share of the differences that each parameter explains.">
              <Importances shares={experiment.importances} />
            </Section>
          </Grid.Col>
        )}
      </Grid>
      {seen.length > 1 && (
        <Section title="What good trials have in common">
          <ParallelCoordinates rows={seen} columns={columns} />
        </Section>
      )}
      <Section title="Trials" note="A click on a heading sorts.">
        {rows.length === 0 ? (
          <Text size="sm" c="dimmed">
            Nothing was suggested yet.
          </Text>
        ) : (
          <ResultsTable rows={rows} columns={columns} label="Trials" />
        )}
      </Section>
    </>
  );
}
