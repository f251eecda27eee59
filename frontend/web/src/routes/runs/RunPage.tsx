import {
  Alert,
  Button,
  Group,
  Menu,
  Progress as Bar,
  Skeleton,
  Stack,
  Table,
  Text,
  Title,
} from "@mantine/core";
import { IconChevronLeft, IconPlayerStop, IconPlayerTrackNext, IconReload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { projectQuery } from "@/api/queries";
import { TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { TimeAgo } from "@/components/TimeAgo";
import { notifyProblem } from "@/lib/notify";
import { usePageTitle } from "@/lib/usePageTitle";
import { isEnded, useRunActions, type RunDetail, type RunItem } from "./api";
import { ItemView } from "./ItemView";
import { ParallelCoordinates } from "./plots";
import { drawable, shown, type ResultRow } from "./results";
import { ResultsTable } from "./ResultsTable";
import { RunGraph } from "./RunGraph";
import { origin } from "./RunsPage";
import { StatusLabel } from "./StatusLabel";
import { nameOf, useLiveRun, type Progress } from "./useLiveRun";
import "./runs.css";

const route = getRouteApi("/projects/$projectId/runs/$runId");
const MOST_ROWS = 200;

/** One run, as it goes on: its graph, its items, and the record of the chosen one. */
export function RunPage() {
  const { projectId, runId } = route.useParams();
  const { step, index } = route.useSearch();
  const navigate = useNavigate();
  const { query, progress } = useLiveRun(projectId, runId);
  const project = useQuery(projectQuery(projectId));
  usePageTitle(query.data ? `${query.data.run.pipeline}: run` : "Run");
  if (query.isPending) return <Skeleton height={240} aria-label="Loading the run" />;
  if (!query.data) return <ProblemAlert error={query.error} onRetry={query.refetch} />;
  const detail = query.data;
  const canRun = project.data?.capabilities.includes("execute") ?? false;
  const chosen = chosenItem(detail, step, index);
  const select = (search: { step?: string; index?: number }) =>
    void navigate({
      to: "/projects/$projectId/runs/$runId",
      params: { projectId, runId },
      search,
      resetScroll: false,
    });
  return (
    <Stack gap="lg">
      <Head projectId={projectId} detail={detail} canRun={canRun} step={step} />
      <Section title="Steps">
        <RunGraph
          steps={detail.steps}
          selected={step ?? chosen?.step}
          onSelect={(name) => select({ step: name })}
        />
      </Section>
      <SweepSection detail={detail} step={step ?? chosen?.step} onSelect={select} />
      <ItemsSection detail={detail} step={step} chosen={chosen} progress={progress} onSelect={select} />
      {chosen && <ItemView projectId={projectId} runId={runId} item={chosen} canWrite={canRun} />}
    </Stack>
  );
}

/** What is looked at: as the address says, else what failed, else nothing. */
function chosenItem(detail: RunDetail, step?: string, index?: number): RunItem | undefined {
  const ofStep = detail.items.filter((item) => step === undefined || item.step === step);
  if (index !== undefined) return ofStep.find((item) => item.index === index);
  const failed = ofStep.find((item) => item.status === "failed");
  return failed ?? (step !== undefined || detail.items.length === 1 ? ofStep[0] : undefined);
}

interface HeadProps {
  projectId: string;
  detail: RunDetail;
  canRun: boolean;
  step: string | undefined;
}

function Head({ projectId, detail, canRun, step }: HeadProps) {
  const { run } = detail;
  const { cancel, resume, retry } = useRunActions(projectId, run.id);
  const navigate = useNavigate();
  const again = async (from: string) => {
    const made = await retry.mutateAsync(from).catch(notifyProblem);
    if (made)
      await navigate({ to: "/projects/$projectId/runs/$runId", params: { projectId, runId: made.id } });
  };
  return (
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
      <Group justify="space-between" align="flex-start">
        <div>
          <Title order={1}>{run.pipeline}</Title>
          <Group gap="md" mt="0.3rem" aria-live="polite">
            <StatusLabel status={run.status} size="md" />
            <Text size="sm" c="dimmed">
              started <TimeAgo at={run.created_at} /> {origin(run)}
            </Text>
          </Group>
        </div>
        {canRun && (
          <Group gap="xs">
            {!isEnded(run.status) && (
              <Button
                variant="default"
                leftSection={<IconPlayerStop size={16} />}
                loading={cancel.isPending}
                onClick={() => cancel.mutate(undefined, { onError: notifyProblem })}
              >
                Stop
              </Button>
            )}
            {(run.status === "failed" || run.status === "cancelled") && (
              <Button
                leftSection={<IconPlayerTrackNext size={16} />}
                loading={resume.isPending}
                onClick={() => resume.mutate(undefined, { onError: notifyProblem })}
              >
                Resume
              </Button>
            )}
            {isEnded(run.status) && (
              <Menu position="bottom-end">
                <Menu.Target>
                  <Button variant="default" leftSection={<IconReload size={16} />} loading={retry.isPending}>
                    Run again
                  </Button>
                </Menu.Target>
                <Menu.Dropdown>
                  <Menu.Item onClick={() => void again("")}>What has changed</Menu.Item>
                  {detail.steps.map(({ name }) => (
                    <Menu.Item key={name} fw={name === step ? 600 : 400} onClick={() => void again(name)}>
                      From step {name}
                    </Menu.Item>
                  ))}
                </Menu.Dropdown>
              </Menu>
            )}
          </Group>
        )}
      </Group>
      {run.message && (
        <Alert color="red" title="The run could not go on">
          {run.message}
        </Alert>
      )}
      {Object.keys(run.parameters).length > 0 && (
        <Text size="sm">
          {Object.entries(run.parameters).map(([name, value]) => (
            <span key={name}>
              <b>{name}</b> {shown(value)}&ensp;
            </span>
          ))}
        </Text>
      )}
    </Stack>
  );
}

type Select = (search: { step?: string; index?: number }) => void;

interface ItemsProps {
  detail: RunDetail;
  step: string | undefined;
  chosen: RunItem | undefined;
  progress: Progress;
  onSelect: Select;
}

function ItemsSection({ detail, step, chosen, progress, onSelect }: ItemsProps) {
  const items = detail.items.filter((item) => step === undefined || item.step === step);
  const total = detail.steps.filter((s) => step === undefined || s.name === step);
  const count = total.flatMap((s) => Object.values(s.counts)).reduce((sum, n) => sum + n, 0);
  const action = step !== undefined && (
    <Button variant="default" size="compact-sm" onClick={() => onSelect({})}>
      All steps
    </Button>
  );
  return (
    <Section title={step === undefined ? "Notebooks" : `Notebooks of ${step}`} action={action}>
      {items.length === 0 && (
        <Text size="sm" c="dimmed">
          Nothing of this has begun yet.
        </Text>
      )}
      <div className="results">
        <Table verticalSpacing="xs" aria-label="Notebooks of the run">
          <Table.Tbody>
            {items.slice(0, MOST_ROWS).map((item) => (
              <Table.Tr key={nameOf(item)} bg={item === chosen ? "var(--collegium-hover)" : ""}>
                <Table.Td>
                  <TextLink
                    to="."
                    search={{ step: item.step, index: item.index }}
                    resetScroll={false}
                    fw={item === chosen ? 600 : 400}
                  >
                    {item.step}
                    {item.item !== null && ` [${shown(item.item)}]`}
                  </TextLink>
                </Table.Td>
                <Table.Td>
                  <StatusLabel status={item.status} />
                  <Cells item={item} progress={progress} />
                </Table.Td>
                <Table.Td>
                  <Text
                    size="sm"
                    c={item.error ? "red" : "dimmed"}
                    lineClamp={2}
                    style={{ whiteSpace: "normal" }}
                  >
                    {item.error ? `${item.error.name}: ${item.error.value}` : item.reason}
                  </Text>
                </Table.Td>
                <Table.Td>
                  <Text size="sm" c="dimmed">
                    {seconds(item)}
                  </Text>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      {count > Math.min(items.length, MOST_ROWS) && (
        <Text size="sm" c="dimmed" mt="xs">
          {Math.min(items.length, MOST_ROWS)} of {count} are shown; choose a step to see its own.
        </Text>
      )}
    </Section>
  );
}

function Cells({ item, progress }: { item: RunItem; progress: Progress }) {
  const now = progress[nameOf(item)];
  if (item.status !== "running" || !now || now.of === 0) return null;
  return (
    <div>
      <Bar
        value={(100 * (now.cell - 0.5)) / now.of}
        size="sm"
        mt="0.25rem"
        aria-label={`Cells of ${item.step}`}
      />
      <Text size="xs" c="dimmed">
        cell {now.cell} of {now.of}
      </Text>
    </div>
  );
}

function seconds(item: RunItem): string {
  if (!item.started_at || !item.ended_at || item.status === "reused") return "";
  return `${((Date.parse(item.ended_at) - Date.parse(item.started_at)) / 1000).toFixed(1)} s`;
}

interface SweepProps {
  detail: RunDetail;
  step: string | undefined;
  onSelect: Select;
}

/** A step that ran for several values: what each gave. */
function SweepSection({ detail, step, onSelect }: SweepProps) {
  const items = detail.items.filter((item) => item.step === step);
  if (!detail.steps.some((s) => s.name === step && s.maps) || items.length < 2) return null;
  const rows = items.map((item): ResultRow => {
    const varied = typeof item.item === "object" && item.item !== null && !Array.isArray(item.item);
    return {
      id: nameOf(item),
      label: String(item.index),
      status: item.status === "failed" ? "failed" : "ok",
      isBest: false,
      values: { ...(varied ? (item.item as Record<string, unknown>) : { item: item.item }), ...item.values },
      note: item.error ? item.error.name : "",
    };
  });
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row.values)))];
  if (columns.length < 2) return null;
  const drawn = drawable(rows, columns);
  return (
    <Section title={`Results of ${step ?? ""}`} note="A click on a heading sorts.">
      {drawn.length > 1 && <ParallelCoordinates rows={rows} columns={drawn} />}
      <ResultsTable
        rows={rows}
        columns={columns}
        label={`Results of ${step ?? ""}`}
        link={(row) => (
          <Button
            variant="transparent"
            size="compact-sm"
            onClick={() => onSelect({ ...(step ? { step } : {}), index: Number(row.label) })}
          >
            {row.label}
          </Button>
        )}
      />
    </Section>
  );
}
