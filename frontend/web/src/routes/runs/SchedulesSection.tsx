import { Badge, Button, Group, Modal, Select, Stack, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlayerPause, IconPlayerPlay, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { TimeAgo } from "@/components/TimeAgo";
import { notifyProblem } from "@/lib/notify";
import { fullTime } from "@/lib/time";
import { automationQuery, type PipelineInfo } from "./api";
import { useAutomation, type Schedule } from "./automation";
import { RemoveButton } from "./RemoveButton";

interface Props {
  projectId: string;
  pipelines: readonly PipelineInfo[];
  canRun: boolean;
}

/** What runs by the clock in a project. */
export function SchedulesSection({ projectId, pipelines, canRun }: Props) {
  const [adding, add] = useDisclosure(false);
  const query = useQuery(automationQuery(projectId));
  const button = canRun && pipelines.length > 0 && (
    <Button variant="default" size="xs" leftSection={<IconPlus size={16} />} onClick={add.open}>
      Schedule
    </Button>
  );
  return (
    <Section title="Schedules" action={button}>
      {query.isError && <ProblemAlert error={query.error} onRetry={query.refetch} />}
      {query.data?.schedules.length === 0 && (
        <Text size="sm" c="dimmed">
          Nothing runs by the clock yet.
        </Text>
      )}
      <Stack gap="sm">
        {query.data?.schedules.map((schedule) => (
          <ScheduleRow key={schedule.id} projectId={projectId} schedule={schedule} canRun={canRun} />
        ))}
      </Stack>
      <Modal opened={adding} onClose={add.close} title="Run by the clock">
        <ScheduleForm projectId={projectId} pipelines={pipelines} onClose={add.close} />
      </Modal>
    </Section>
  );
}

function ScheduleRow({
  projectId,
  schedule,
  canRun,
}: {
  projectId: string;
  schedule: Schedule;
  canRun: boolean;
}) {
  const { pause, remove } = useAutomation(projectId);
  const toggle = () =>
    pause.mutate({ id: schedule.id, paused: !schedule.paused }, { onError: notifyProblem });
  return (
    <div>
      <Group justify="space-between" gap="xs">
        <Text size="sm" fw={600}>
          {schedule.file}
        </Text>
        {schedule.paused && <Badge color="gray">paused</Badge>}
      </Group>
      <Text size="sm" c="dimmed">
        <code>{schedule.cron}</code> {schedule.timezone}
        {schedule.next_at && <> · next {fullTime(new Date(schedule.next_at))}</>}
      </Text>
      {schedule.last_run && schedule.last_at && (
        <Text size="sm" c="dimmed">
          last{" "}
          <TextLink to="/projects/$projectId/runs/$runId" params={{ projectId, runId: schedule.last_run }}>
            <TimeAgo at={schedule.last_at} />
          </TextLink>
        </Text>
      )}
      {schedule.problem && (
        <Text size="sm" c="red">
          {schedule.problem}
        </Text>
      )}
      {canRun && (
        <Group gap="xs" mt="0.3rem">
          <Button
            variant="default"
            size="compact-xs"
            leftSection={schedule.paused ? <IconPlayerPlay size={14} /> : <IconPlayerPause size={14} />}
            onClick={toggle}
          >
            {schedule.paused ? "Go on" : "Pause"}
          </Button>
          <RemoveButton
            what={`the schedule of ${schedule.file}`}
            onRemove={() => remove.mutateAsync(schedule.id)}
          >
            It starts no more runs. Those that it began are kept.
          </RemoveButton>
        </Group>
      )}
    </div>
  );
}

function ScheduleForm({ projectId, pipelines, onClose }: Omit<Props, "canRun"> & { onClose: () => void }) {
  const [file, setFile] = useState(pipelines[0]?.file ?? "");
  const own = pipelines.find((pipeline) => pipeline.file === file);
  const [cron, setCron] = useState(own?.cron ?? "0 6 * * *");
  const [timezone, setTimezone] = useState(own?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone);
  const { schedule: create } = useAutomation(projectId);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate({ file, cron, timezone }, { onSuccess: onClose });
      }}
    >
      <Stack>
        <Select
          label="Pipeline"
          data={pipelines.map((pipeline) => ({ value: pipeline.file, label: pipeline.name }))}
          value={file}
          onChange={(value) => setFile(value ?? "")}
          allowDeselect={false}
        />
        <TextInput
          label="When"
          description="Minute, hour, day of the month, month, day of the week: 0 6 * * 1-5 is six o'clock on weekdays"
          value={cron}
          onChange={(event) => setCron(event.currentTarget.value)}
          required
          data-autofocus
        />
        <TextInput
          label="Time zone"
          value={timezone}
          onChange={(event) => setTimezone(event.currentTarget.value)}
          required
        />
        {create.error && <ProblemAlert error={create.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={create.isPending}>
            Schedule
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
