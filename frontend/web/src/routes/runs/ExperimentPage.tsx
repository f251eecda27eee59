import { Button, Grid, Group, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconChevronLeft, IconPlayerStop, IconPlayerTrackNext } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { projectQuery } from "@/api/queries";
import { TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { notifyProblem } from "@/lib/notify";
import { usePageTitle } from "@/lib/usePageTitle";
import { experimentQuery, useExperimentActions, type Experiment } from "./api";
import { Importances, ObjectiveHistory, ParallelCoordinates } from "./plots";
import { shown, type ResultRow } from "./results";
import { ResultsTable } from "./ResultsTable";
import "./runs.css";

const route = getRouteApi("/projects/$projectId/experiments/$name");

/** One experiment: how it goes, what matters, and every trial. */
export function ExperimentPage() {
  const { projectId, name } = route.useParams();
  const query = useQuery(experimentQuery(projectId, name));
  const project = useQuery(projectQuery(projectId));
  const canRun = project.data?.capabilities.includes("execute") ?? false;
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
        <Group justify="space-between" align="flex-start">
          <div>
            <Title order={1}>{name}</Title>
            {query.data && <Standing experiment={query.data} />}
          </div>
          {canRun && query.data && <Actions projectId={projectId} experiment={query.data} />}
        </Group>
      </Stack>
      {query.isPending && <Skeleton height={240} />}
      {query.isError && <ProblemAlert error={query.error} onRetry={query.refetch} />}
      {query.data && <Results projectId={projectId} experiment={query.data} />}
    </Stack>
  );
}

const WORDS = { elsewhere: "", running: "Running", stopping: "Stopping", ended: "Ended" } as const;

/** Whether the platform runs the trials, and why it does not any more. */
function Standing({ experiment }: { experiment: Experiment }) {
  if (experiment.status === "elsewhere")
    return (
      <Text size="sm" c="dimmed">
        Its trials are observed from elsewhere.
      </Text>
    );
  return (
    <Group gap="0.45rem" mt="0.3rem" aria-live="polite">
      <span
        className="state-dot"
        data-state={experiment.status === "ended" ? "stopped" : "starting"}
        aria-hidden="true"
      />
      <Text>{WORDS[experiment.status]}</Text>
      <Text size="sm" c="dimmed">
        {experiment.message === "" ? experiment.notebook : experiment.message}
      </Text>
    </Group>
  );
}

function Actions({ projectId, experiment }: { projectId: string; experiment: Experiment }) {
  const { start, stop } = useExperimentActions(projectId);
  const { file, name, status } = experiment;
  if (status === "running" || status === "stopping")
    return (
      <Button
        variant="default"
        leftSection={<IconPlayerStop size={16} />}
        loading={stop.isPending || status === "stopping"}
        onClick={() => stop.mutate(name, { onError: notifyProblem })}
      >
        Stop
      </Button>
    );
  if (!file || experiment.reason_to_stop) return null;
  return (
    <Button
      leftSection={<IconPlayerTrackNext size={16} />}
      loading={start.isPending}
      onClick={() => start.mutate(file, { onError: notifyProblem })}
    >
      Go on
    </Button>
  );
}

function Results({ projectId, experiment }: { projectId: string; experiment: Experiment }) {
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
          ? trial.run_id
            ? "running"
            : "waits for its observation"
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
        {experiment.status === "elsewhere" &&
          experiment.reason_to_stop &&
          ` It has ended: ${experiment.reason_to_stop}.`}
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
          <ResultsTable
            rows={rows}
            columns={columns}
            label="Trials"
            link={(row) => {
              const runId = experiment.trials.find((trial) => String(trial.number) === row.id)?.run_id;
              if (!runId) return row.label;
              return (
                <TextLink
                  to="/projects/$projectId/runs/$runId"
                  params={{ projectId, runId }}
                  aria-label={`Run of trial ${row.label}`}
                >
                  {row.label}
                </TextLink>
              );
            }}
          />
        )}
      </Section>
    </>
  );
}
