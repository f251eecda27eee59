import { Alert, Button, Group, Progress, Skeleton, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlayerPlay, IconPlayerStop } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useStopServer } from "@/api/mutations";
import { serverQuery } from "@/api/queries";
import { useServerStart, type ServerStart } from "@/api/serverStart";
import type { Server, ServerState } from "@/api/types";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { LinkButton } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { ServerStateLabel } from "@/components/ServerStateLabel";
import { TimeAgo } from "@/components/TimeAgo";

interface Props {
  projectId: string;
  canRun: boolean;
  canStop: boolean;
  canOpen: boolean;
}

/** The project's server: its state, start and stop. */
export function ServerSection({ projectId, canRun, canStop, canOpen }: Props) {
  const query = useQuery({ ...serverQuery(projectId), enabled: canRun });
  const { start, run } = useServerStart(projectId);
  if (!canRun) return null;
  return (
    <Section title="Server">
      {query.isPending && <Skeleton height={36} />}
      {query.isError && !query.data && <ProblemAlert error={query.error} onRetry={query.refetch} />}
      {query.data && (
        <Stack>
          <State server={query.data} start={start} />
          {start.phase === "failed" && query.data.state !== "running" && <ProblemAlert error={start.error} />}
          <Actions
            projectId={projectId}
            state={shownState(query.data, start)}
            canStop={canStop}
            canOpen={canOpen}
            onStart={run}
          />
        </Stack>
      )}
    </Section>
  );
}

/** The state to show: a start asked for here is known here first. */
function shownState(server: Server, start: ServerStart): ServerState {
  if (start.phase === "starting") return "starting";
  if (start.phase === "failed" && server.state === "stopped") return "failed";
  return server.state;
}

function State({ server, start }: { server: Server; start: ServerStart }) {
  const state = shownState(server, start);
  return (
    <div aria-live="polite">
      <Group justify="space-between" gap="xs">
        <ServerStateLabel state={state} size="md" />
        {state === "running" && server.started_at && (
          <Text size="sm" c="dimmed">
            started <TimeAgo at={server.started_at} />
          </Text>
        )}
      </Group>
      {start.phase === "starting" && (
        <>
          <Progress value={Math.max(start.progress, 5)} mt="sm" aria-label="Progress of the start" animated />
          <Text size="sm" c="dimmed" mt="xs">
            {start.message}
          </Text>
        </>
      )}
      {start.phase === "idle" && state === "failed" && (
        <Alert color="red" mt="sm" p="sm" title="The last start failed">
          {server.message}
        </Alert>
      )}
      {start.phase === "idle" && state !== "failed" && server.message && (
        <Text size="sm" c="dimmed" mt="xs">
          {server.message}
        </Text>
      )}
      {state === "stopped" && start.phase !== "failed" && !server.message && (
        <Text size="sm" c="dimmed" mt="xs">
          It starts when somebody opens the project.
        </Text>
      )}
    </div>
  );
}

interface ActionsProps {
  projectId: string;
  state: ServerState;
  canStop: boolean;
  canOpen: boolean;
  onStart: () => Promise<unknown>;
}

function Actions({ projectId, state, canStop, canOpen, onStart }: ActionsProps) {
  const [stopping, stop] = useDisclosure(false);
  const { mutateAsync } = useStopServer(projectId);
  const isUp = state === "running" || state === "starting";
  return (
    <Group gap="xs">
      {!isUp && (
        <Button
          variant="default"
          size="sm"
          leftSection={<IconPlayerPlay size={16} />}
          disabled={state === "stopping"}
          onClick={() => void onStart()}
        >
          {state === "failed" ? "Try again" : "Start"}
        </Button>
      )}
      {state === "running" && canOpen && (
        <LinkButton
          to="/projects/$projectId/open"
          params={{ projectId }}
          preload={false}
          variant="default"
          size="sm"
        >
          Open
        </LinkButton>
      )}
      {isUp && canStop && (
        <Button variant="default" size="sm" leftSection={<IconPlayerStop size={16} />} onClick={stop.open}>
          Stop
        </Button>
      )}
      <ConfirmDialog
        opened={stopping}
        title="Stop the server?"
        action="Stop server"
        onConfirm={mutateAsync}
        onClose={stop.close}
      >
        <Text size="sm">
          Code that runs now is stopped, for everybody in the project. Files and notebooks are kept.
        </Text>
      </ConfirmDialog>
    </Group>
  );
}
