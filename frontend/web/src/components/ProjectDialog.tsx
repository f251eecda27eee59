import { Button, Group, Modal, Stack, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { asApiError } from "@/api/errors";
import { ProblemAlert } from "./ProblemAlert";

export interface ProjectDetails {
  name: string;
  description: string;
}

interface Props {
  opened: boolean;
  title: string;
  action: string;
  initial?: ProjectDetails;
  error: unknown;
  busy: boolean;
  onSubmit: (details: ProjectDetails) => void;
  onClose: () => void;
}

const NAME_LENGTH = 120;
const DESCRIPTION_LENGTH = 2000;

/** Name and description of a project, new or existing. */
export function ProjectDialog({ opened, onClose, title, ...form }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title={title}>
      <ProjectForm onClose={onClose} {...form} />
    </Modal>
  );
}

function ProjectForm({ action, initial, error, busy, onSubmit, onClose }: Omit<Props, "opened" | "title">) {
  const form = useForm<ProjectDetails>({
    initialValues: initial ?? { name: "", description: "" },
    validate: { name: (name) => (name.trim() ? null : "Give the project a name.") },
  });
  const fields = error ? asApiError(error).fields : {};
  const isInAField = Object.keys(fields).some((field) => field in form.values);

  return (
    <form
      onSubmit={form.onSubmit(({ name, description }) =>
        onSubmit({ name: name.trim(), description: description.trim() }),
      )}
    >
      <Stack>
        <TextInput
          label="Name"
          placeholder="Heat transfer, group 4"
          required
          withAsterisk={false}
          maxLength={NAME_LENGTH}
          data-autofocus
          {...form.getInputProps("name")}
          error={form.errors.name ?? fields.name}
        />
        <Textarea
          label="Description"
          description="What the project is about. Everybody in the project sees it."
          autosize
          minRows={2}
          maxRows={8}
          maxLength={DESCRIPTION_LENGTH}
          {...form.getInputProps("description")}
          error={form.errors.description ?? fields.description}
        />
        {Boolean(error) && !isInAField && <ProblemAlert error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy}>
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
