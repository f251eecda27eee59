import { Button, Group, Modal, Select, Stack, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { asApiError } from "@/api/errors";
import { useCreateProject } from "@/api/mutations";
import { templatesQuery } from "@/api/projectLife";
import type { components } from "@/api/schema";
import { ProblemAlert } from "@/components/ProblemAlert";

type Source = components["schemas"]["ProjectSource"];

interface Values {
  name: string;
  description: string;
  start: string;
  git: string;
}

interface Props {
  opened: boolean;
  onClose: () => void;
  /** What to copy, when that is decided already. */
  copy?: { name: string; source: Source };
}

const EMPTY = "empty";
const GIT = "git";
const TEMPLATE = "template:";

/** Make a project: empty, from a template, from a git repository, or as a copy of what is given. */
export function NewProject({ opened, onClose, copy }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title={copy ? "Copy to a new project" : "New project"}>
      <NewProjectForm onClose={onClose} {...(copy ? { copy } : {})} />
    </Modal>
  );
}

export function NewProjectForm({ onClose, copy }: Omit<Props, "opened">) {
  const create = useCreateProject();
  const navigate = useNavigate();
  const templates = useQuery({ ...templatesQuery, enabled: !copy });
  const form = useForm<Values>({
    initialValues: { name: copy?.name ?? "", description: "", start: EMPTY, git: "" },
    validate: {
      name: (name) => (name.trim() ? null : "Give the project a name."),
      git: (git, { start }) => (start === GIT && !git.trim() ? "Give the address of the repository." : null),
    },
  });
  const fields = create.error ? asApiError(create.error).fields : {};
  const isInAField = Object.keys(fields).some((field) => field === "name" || field === "description");
  const submit = ({ name, description, start, git }: Values) => {
    const source = copy?.source ?? sourceOf(start, git);
    create.mutate(
      { name: name.trim(), description: description.trim(), ...(source ? { source } : {}) },
      {
        onSuccess: ({ id }) => {
          onClose();
          void navigate({ to: "/projects/$projectId", params: { projectId: id } });
        },
      },
    );
  };
  const options = [
    { value: EMPTY, label: "Empty" },
    ...(templates.data?.items ?? []).map(({ name, title }) => ({ value: TEMPLATE + name, label: title })),
    { value: GIT, label: "Copy of a git repository" },
  ];
  const chosen = templates.data?.items.find(({ name }) => TEMPLATE + name === form.values.start);

  return (
    <form onSubmit={form.onSubmit(submit)}>
      <Stack>
        <TextInput
          label="Name"
          placeholder="Heat transfer, group 4"
          required
          withAsterisk={false}
          maxLength={120}
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
          maxLength={2000}
          {...form.getInputProps("description")}
          error={form.errors.description ?? fields.description}
        />
        {!copy && (
          <Select
            label="Start with"
            data={options}
            allowDeselect={false}
            {...(chosen?.description ? { description: chosen.description } : {})}
            {...form.getInputProps("start")}
          />
        )}
        {form.values.start === GIT && (
          <TextInput
            label="Address of the repository"
            placeholder="https://github.com/…"
            description="A public repository. Its last state is copied; links to it are not kept up to date."
            maxLength={500}
            {...form.getInputProps("git")}
          />
        )}
        {create.error !== null && !isInAField && <ProblemAlert error={create.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            {copy ? "Copy" : "Create project"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function sourceOf(start: string, git: string): Source | undefined {
  if (start === GIT) return { git_url: git.trim(), path: "", git_ref: "" };
  if (start.startsWith(TEMPLATE)) return { template: start.slice(TEMPLATE.length), path: "", git_ref: "" };
  return undefined;
}
