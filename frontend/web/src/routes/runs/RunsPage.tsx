import { Button, Checkbox, Grid, Group, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconChevronLeft, IconPlayerPlay, IconTimeline } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { projectQuery } from "@/api/queries";
import { EmptyState } from "@/components/EmptyState";
import { LinkButton, TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { TimeAgo } from "@/components/TimeAgo";
import { usePageTitle } from "@/lib/usePageTitle";
import { pipelinesQuery, runsQuery, type PipelineInfo, type RunState } from "./api";
import { NoticesSection } from "./NoticesSection";
import { RunGraph } from "./RunGraph";
import { SchedulesSection } from "./SchedulesSection";
import { StartRunDialog } from "./StartRunDialog";
import { StatusLabel } from "./StatusLabel";
import { TriggersSection } from "./TriggersSection";
import "./runs.css";

const route = getRouteApi("/projects/$projectId/runs");

/** What ran in a project, what can run, and what runs by itself. */
export function RunsPage() {
  const { projectId } = route.useParams();
  const project = useQuery(projectQuery(projectId));
  const runs = useQuery(runsQuery(projectId));
  const pipelines = useQuery(pipelinesQuery(projectId));
  const [starting, start] = useDisclosure(false);
  const [file, setFile] = useState<string>();
  usePageTitle(project.data ? `Runs of ${project.data.name}` : "Runs");
  const canRun = project.data?.capabilities.includes("execute") ?? false;
  const known = pipelines.data?.items ?? [];
  const sound = known.filter((pipeline) => pipeline.problems.length === 0);
  const open = (name?: string) => {
    setFile(name);
    start.open();
  };
  return (
    <>
      <Stack gap="xs" mb="lg">
        <TextLink
          to="/projects/$projectId"
          params={{ projectId }}
          size="sm"
          underline="hover"
          className="back"
        >
          <IconChevronLeft size={16} aria-hidden="true" /> {project.data?.name ?? "Project"}
        </TextLink>
        <Group justify="space-between" align="flex-start">
          <Title order={1}>Runs</Title>
          <Group gap="xs">
            <LinkButton to="/projects/$projectId/experiments" params={{ projectId }} variant="default">
              Experiments
            </LinkButton>
            {canRun && (
              <Button leftSection={<IconPlayerPlay size={18} />} onClick={() => open()}>
                New run
              </Button>
            )}
          </Group>
        </Group>
      </Stack>
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Section title="What ran">
            {runs.isPending && <Skeleton height={180} />}
            {runs.isError && <ProblemAlert error={runs.error} onRetry={runs.refetch} />}
            {runs.data?.items.length === 0 && (
              <EmptyState title="No runs yet" icon={<IconTimeline size={44} stroke={1.2} />}>
                A run is a notebook, or a pipeline of notebooks, with values. Put a pipeline.yaml into the
                project, or run any notebook that has a parameters cell.
              </EmptyState>
            )}
            {runs.data && runs.data.items.length > 0 && (
              <RunTable projectId={projectId} runs={runs.data.items} />
            )}
          </Section>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Stack gap="lg">
            <PipelinesSection pipelines={known} onRun={canRun ? open : undefined} />
            <SchedulesSection projectId={projectId} pipelines={sound} canRun={canRun} />
            <TriggersSection projectId={projectId} pipelines={sound} canRun={canRun} />
            <NoticesSection
              projectId={projectId}
              pipelines={sound}
              members={project.data?.members ?? []}
              canRun={canRun}
            />
          </Stack>
        </Grid.Col>
      </Grid>
      <StartRunDialog
        projectId={projectId}
        pipelines={known}
        initial={file}
        opened={starting}
        onClose={start.close}
      />
    </>
  );
}

function RunTable({ projectId, runs }: { projectId: string; runs: readonly RunState[] }) {
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [a, b] = chosen;
  const choose = (id: string) =>
    setChosen((old) => (old.includes(id) ? old.filter((one) => one !== id) : [...old.slice(-1), id]));
  return (
    <>
      <div className="results">
        <Table verticalSpacing="xs" aria-label="Runs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th aria-label="Compare" />
              <Table.Th>Run</Table.Th>
              <Table.Th>Status</Table.Th>
              <Table.Th>Started</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {runs.map((run) => (
              <Table.Tr key={run.id}>
                <Table.Td w={28}>
                  <Checkbox
                    size="xs"
                    aria-label={`Compare ${run.pipeline} ${run.id}`}
                    checked={chosen.includes(run.id)}
                    onChange={() => choose(run.id)}
                  />
                </Table.Td>
                <Table.Td>
                  <TextLink
                    to="/projects/$projectId/runs/$runId"
                    params={{ projectId, runId: run.id }}
                    fw={600}
                  >
                    {run.pipeline}
                  </TextLink>
                </Table.Td>
                <Table.Td>
                  <StatusLabel status={run.status} />
                </Table.Td>
                <Table.Td>
                  <Text size="sm">
                    <TimeAgo at={run.created_at} />
                  </Text>
                  <Text size="xs" c="dimmed">
                    {origin(run)}
                  </Text>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      <Group mt="sm">
        {a !== undefined && b !== undefined ? (
          <LinkButton
            to="/projects/$projectId/compare-runs"
            params={{ projectId }}
            search={{ a, b }}
            variant="default"
            size="xs"
          >
            Compare the two
          </LinkButton>
        ) : (
          <Text size="xs" c="dimmed">
            Choose two runs to compare them.
          </Text>
        )}
      </Group>
    </>
  );
}

/** What began a run, in words. */
export function origin(run: RunState): string {
  const words: Record<string, string> = {
    schedule: "by schedule",
    backfill: "made up for",
    trigger: "by trigger",
    trial: "as a trial",
  };
  return [words[run.kind], run.started_by && `for ${run.started_by}`].filter(Boolean).join(", ");
}

interface PipelinesProps {
  pipelines: readonly PipelineInfo[];
  onRun: ((file: string) => void) | undefined;
}

function PipelinesSection({ pipelines, onRun }: PipelinesProps) {
  return (
    <Section title="Pipelines">
      {pipelines.length === 0 && (
        <Text size="sm" c="dimmed">
          There is no pipeline.yaml in this project yet.
        </Text>
      )}
      <Stack gap="md">
        {pipelines.map((pipeline) => (
          <div key={pipeline.file}>
            <Group justify="space-between" gap="xs" wrap="nowrap">
              <div>
                <Text size="sm" fw={600}>
                  {pipeline.name}
                </Text>
                <Text size="xs" c="dimmed">
                  {pipeline.file}
                </Text>
              </div>
              {onRun && pipeline.problems.length === 0 && (
                <Button
                  variant="default"
                  size="compact-sm"
                  aria-label={`Run ${pipeline.name}`}
                  onClick={() => onRun(pipeline.file)}
                >
                  Run
                </Button>
              )}
            </Group>
            {pipeline.problems.map((problem) => (
              <Text key={problem} size="sm" c="red">
                {problem}
              </Text>
            ))}
            {pipeline.problems.length === 0 && <RunGraph steps={pipeline.steps} isIdle />}
          </div>
        ))}
      </Stack>
    </Section>
  );
}
