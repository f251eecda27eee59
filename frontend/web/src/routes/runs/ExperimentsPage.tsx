import { Button, Group, List, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconChartDots, IconChevronLeft, IconPlayerPlay } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { projectQuery } from "@/api/queries";
import { EmptyState } from "@/components/EmptyState";
import { TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { notifyProblem } from "@/lib/notify";
import { usePageTitle } from "@/lib/usePageTitle";
import { experimentsQuery, useExperimentActions, type ExperimentFile } from "./api";

const route = getRouteApi("/projects/$projectId/experiments");

/** The experiments of a project. */
export function ExperimentsPage() {
  const { projectId } = route.useParams();
  const query = useQuery(experimentsQuery(projectId));
  const project = useQuery(projectQuery(projectId));
  const canRun = project.data?.capabilities.includes("execute") ?? false;
  usePageTitle("Experiments");
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
        <Title order={1}>Experiments</Title>
      </Stack>
      {(query.data?.files.length ?? 0) > 0 && (
        <Section
          title="Files"
          note="Each describes an experiment whose trials run a notebook of this project."
        >
          <Stack gap="md">
            {query.data?.files.map((entry) => (
              <FileRow key={entry.file} projectId={projectId} entry={entry} canRun={canRun} />
            ))}
          </Stack>
        </Section>
      )}
      <Section title="In this project">
        {query.isPending && <Skeleton height={80} />}
        {query.isError && <ProblemAlert error={query.error} onRetry={query.refetch} />}
        {query.data?.items.length === 0 && (
          <EmptyState title="No experiments yet" icon={<IconChartDots size={44} stroke={1.2} />}>
            An experiment varies parameters and looks for the best. Describe one in an experiment.yaml beside
            a notebook, and the platform runs the trials. Or have something elsewhere be tried: the Python
            client and the HTTP API suggest values and take observations.
          </EmptyState>
        )}
        <List listStyleType="none" spacing="xs">
          {query.data?.items.map((name) => (
            <List.Item key={name}>
              <TextLink to="/projects/$projectId/experiments/$name" params={{ projectId, name }} fw={600}>
                {name}
              </TextLink>
            </List.Item>
          ))}
        </List>
      </Section>
    </Stack>
  );
}

interface FileRowProps {
  projectId: string;
  entry: ExperimentFile;
  canRun: boolean;
}

function FileRow({ projectId, entry, canRun }: FileRowProps) {
  const { start } = useExperimentActions(projectId);
  const navigate = useNavigate();
  const run = async () => {
    const made = await start.mutateAsync(entry.file).catch(notifyProblem);
    if (made)
      await navigate({
        to: "/projects/$projectId/experiments/$name",
        params: { projectId, name: made.name },
      });
  };
  return (
    <Group justify="space-between" gap="xs" wrap="nowrap" align="flex-start">
      <div>
        <Text size="sm" fw={600}>
          {entry.name}
        </Text>
        <Text size="xs" c="dimmed">
          {entry.file}
          {entry.notebook && ` · ${String(entry.budget)} trials of ${entry.notebook}`}
        </Text>
        {entry.problems.map((problem) => (
          <Text key={problem} size="sm" c="red">
            {problem}
          </Text>
        ))}
      </div>
      {canRun && entry.problems.length === 0 && (
        <Button
          variant="default"
          size="compact-sm"
          leftSection={<IconPlayerPlay size={14} />}
          aria-label={`Run experiment ${entry.name}`}
          loading={start.isPending}
          onClick={() => void run()}
        >
          Run
        </Button>
      )}
    </Group>
  );
}
