import { Button, Group, Modal, Select, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ProblemAlert } from "@/components/ProblemAlert";
import { SecretDialog } from "@/components/SecretDialog";
import { Section } from "@/components/Section";
import { TimeAgo } from "@/components/TimeAgo";
import { automationQuery, type PipelineInfo } from "./api";
import { useAutomation } from "./automation";
import { RemoveButton } from "./RemoveButton";

interface Props {
  projectId: string;
  pipelines: readonly PipelineInfo[];
  canRun: boolean;
}

/** Addresses from which programs elsewhere start a pipeline of a project. */
export function TriggersSection({ projectId, pipelines, canRun }: Props) {
  const [adding, add] = useDisclosure(false);
  const [address, setAddress] = useState<string>();
  const query = useQuery(automationQuery(projectId));
  const { remove } = useAutomation(projectId);
  const button = canRun && pipelines.length > 0 && (
    <Button
      variant="default"
      size="xs"
      leftSection={<IconPlus size={16} />}
      aria-label="Add trigger"
      onClick={add.open}
    >
      Add
    </Button>
  );
  return (
    <Section title="Triggers" action={button}>
      {query.data?.triggers.length === 0 && (
        <Text size="sm" c="dimmed">
          Nothing is started from elsewhere. A trigger is an address that starts one pipeline and can do
          nothing else.
        </Text>
      )}
      <Stack gap="sm">
        {query.data?.triggers.map((trigger) => (
          <div key={trigger.id}>
            <Text size="sm" fw={600}>
              {trigger.file}
            </Text>
            <Text size="sm" c="dimmed">
              by {trigger.created_by} ·{" "}
              {trigger.used_at ? (
                <>
                  used <TimeAgo at={trigger.used_at} />
                </>
              ) : (
                "not used yet"
              )}
            </Text>
            {canRun && (
              <RemoveButton
                what={`the trigger of ${trigger.file}`}
                onRemove={() => remove.mutateAsync(trigger.id)}
              >
                Programs that have its address cannot start the pipeline any more.
              </RemoveButton>
            )}
          </div>
        ))}
      </Stack>
      <Modal opened={adding} onClose={add.close} title="New trigger">
        <TriggerForm
          projectId={projectId}
          pipelines={pipelines}
          onMade={(url) => {
            setAddress(url);
            add.close();
          }}
        />
      </Modal>
      <SecretDialog title="Trigger" label="Address" secret={address} onClose={() => setAddress(undefined)}>
        Send a POST request with <code>{'{"idempotency_key": "build-17"}'}</code> to this address; the same
        key gives the same run. Whoever has it can start the pipeline. It is shown this once.
      </SecretDialog>
    </Section>
  );
}

interface FormProps {
  projectId: string;
  pipelines: readonly PipelineInfo[];
  onMade: (url: string) => void;
}

function TriggerForm({ projectId, pipelines, onMade }: FormProps) {
  const [file, setFile] = useState(pipelines[0]?.file ?? "");
  const { addTrigger } = useAutomation(projectId);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        addTrigger.mutate(file, { onSuccess: ({ url }) => onMade(url ?? "") });
      }}
    >
      <Stack>
        <Select
          label="Pipeline"
          description="Runs are yours, and stop when you leave the project."
          data={pipelines.map((pipeline) => ({ value: pipeline.file, label: pipeline.name }))}
          value={file}
          onChange={(value) => setFile(value ?? "")}
          allowDeselect={false}
          data-autofocus
        />
        {addTrigger.error && <ProblemAlert error={addTrigger.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={addTrigger.isPending}>
            Make address
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
