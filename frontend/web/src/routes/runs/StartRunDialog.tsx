import { Button, Group, Modal, Select, Stack, Table, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, unwrap } from "@/api/client";
import { ProblemAlert } from "@/components/ProblemAlert";
import { usePlan, useStartRun, type PipelineInfo } from "./api";
import { shown } from "./results";

interface Props {
  projectId: string;
  pipelines: readonly PipelineInfo[];
  initial?: string | undefined;
  opened: boolean;
  onClose: () => void;
}

/** Choose a pipeline or name a notebook, give it values, see the plan, run it. */
export function StartRunDialog({ opened, onClose, ...form }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="New run" size="lg">
      {opened && <StartRunForm onClose={onClose} {...form} />}
    </Modal>
  );
}

function StartRunForm({ projectId, pipelines, initial, onClose }: Omit<Props, "opened">) {
  const usable = pipelines.filter((pipeline) => pipeline.problems.length === 0);
  const [picked, setPicked] = useState<string | undefined>(initial);
  // The pipelines may come after the dialog was opened.
  const chosen = picked ?? usable[0]?.file ?? "";
  const [notebook, setNotebook] = useState("");
  const [texts, setTexts] = useState<Record<string, string>>({});
  const navigate = useNavigate();
  const start = useStartRun(projectId);
  const plan = usePlan(projectId);
  const isNotebook = chosen === "";
  const file = isNotebook ? notebook.trim() : chosen;
  const fields = useFields(projectId, file, usable);
  const given = Object.fromEntries(Object.entries(texts).filter(([, text]) => text.trim() !== ""));

  const submit = async () => {
    const run = await start.mutateAsync({ file, texts: given }).catch(() => undefined);
    if (!run) return;
    onClose();
    await navigate({ to: "/projects/$projectId/runs/$runId", params: { projectId, runId: run.id } });
  };

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Stack>
        <Select
          label="What to run"
          data={[
            ...usable.map((pipeline) => ({
              value: pipeline.file,
              label: `${pipeline.name} (${pipeline.file})`,
            })),
            { value: "", label: "A notebook…" },
          ]}
          value={chosen}
          onChange={(value) => {
            setPicked(value ?? "");
            setTexts({});
            plan.reset();
          }}
          allowDeselect={false}
        />
        {isNotebook && (
          <TextInput
            label="Notebook"
            description="Path in the project, for example analysis/train.ipynb"
            value={notebook}
            onChange={(event) => setNotebook(event.currentTarget.value)}
            required
          />
        )}
        {fields.map((field) => (
          <TextInput
            key={field.name}
            label={field.name}
            description={field.help}
            placeholder={field.default}
            required={field.required}
            value={texts[field.name] ?? ""}
            onChange={(event) => {
              const { value } = event.currentTarget;
              setTexts((old) => ({ ...old, [field.name]: value }));
            }}
          />
        ))}
        {plan.data && <PlanTable steps={plan.data.steps} />}
        {(start.error ?? plan.error) && <ProblemAlert error={start.error ?? plan.error} />}
        <Group justify="flex-end">
          {!isNotebook && (
            <Button
              variant="default"
              loading={plan.isPending}
              onClick={() => plan.mutate({ file, texts: given })}
            >
              Show plan
            </Button>
          )}
          <Button type="submit" loading={start.isPending} disabled={file === ""}>
            Run
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface Field {
  name: string;
  help: string;
  default: string;
  required: boolean;
}

/** The parameters of what is chosen: from the pipeline's file, or from the notebook's parameters cell. */
function useFields(projectId: string, file: string, pipelines: readonly PipelineInfo[]): Field[] {
  const pipeline = pipelines.find((one) => one.file === file);
  const notebook = useQuery({
    queryKey: ["notebook-parameters", projectId, file],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/pipelines/{project_id}/parameters", {
          params: { path: { project_id: projectId }, query: { file } },
          signal,
        }),
      ),
    enabled: pipeline === undefined && /\.(ipynb|py)$/.test(file),
    retry: false,
  });
  if (pipeline)
    return Object.entries(pipeline.parameters).map(([name, value]) => ({
      name,
      help: "",
      default: shown(value),
      required: false,
    }));
  return (notebook.data?.parameters ?? []).map((parameter) => ({
    ...parameter,
    help: [parameter.help, parameter.type, parameter.choices.map(shown).join(" | ")]
      .filter(Boolean)
      .join(" · "),
  }));
}

function PlanTable({ steps }: { steps: readonly { step: string; status: string; reason: string }[] }) {
  return (
    <Table aria-label="Plan">
      <Table.Tbody>
        {steps.map((step) => (
          <Table.Tr key={step.step}>
            <Table.Td fw={600}>{step.step}</Table.Td>
            <Table.Td>{step.status}</Table.Td>
            <Table.Td>
              <Text size="sm" c="dimmed">
                {step.reason}
              </Text>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
