import { Button, Checkbox, Group, Modal, Select, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useCreateToken, type NewAccessToken, type Scope } from "@/api/accounts";
import { asApiError } from "@/api/errors";
import { ProblemAlert } from "@/components/ProblemAlert";

const SCOPES: readonly { value: Scope; label: string; means: string }[] = [
  { value: "read", label: "read", means: "See your projects, people and files" },
  { value: "write", label: "write", means: "Also change projects and run things in them" },
  { value: "courses", label: "courses", means: "Everything you may do in your courses" },
  { value: "admin", label: "admin", means: "Manage accounts and the platform" },
];
const LIFETIMES = [
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "A year" },
  { value: "", label: "Until it is revoked" },
];

interface Props {
  opened: boolean;
  isAdmin: boolean;
  onClose: () => void;
  onCreated: (token: NewAccessToken) => void;
}

/** Make a token: what for, for how long. */
export function CreateTokenDialog({ opened, onClose, ...rest }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="New API token">
      <CreateTokenForm onClose={onClose} {...rest} />
    </Modal>
  );
}

function CreateTokenForm({ isAdmin, onClose, onCreated }: Omit<Props, "opened">) {
  const create = useCreateToken();
  const form = useForm({
    initialValues: { name: "", scopes: ["read"], days: "90" },
    validate: {
      name: (name) => (name.trim() ? null : "Say what it is for, to tell it from others later."),
      scopes: (scopes) => (scopes.length > 0 ? null : "Choose at least one."),
    },
  });
  const submit = form.onSubmit(({ name, scopes, days }) =>
    create.mutate(
      { name: name.trim(), scopes: scopes as Scope[], expires_in_days: days ? Number(days) : null },
      {
        onSuccess: (token) => {
          onCreated(token);
          onClose();
        },
      },
    ),
  );
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="What it is for"
          placeholder="Backup script on my laptop"
          maxLength={120}
          autoComplete="off"
          data-autofocus
          {...form.getInputProps("name")}
        />
        <Checkbox.Group label="What it may do" {...form.getInputProps("scopes")}>
          <Stack gap="xs" mt="xs">
            {SCOPES.filter(({ value }) => value !== "admin" || isAdmin).map(({ value, label, means }) => (
              <Checkbox key={value} value={value} label={label} description={means} />
            ))}
          </Stack>
        </Checkbox.Group>
        <Select
          label="How long it works"
          data={LIFETIMES}
          allowDeselect={false}
          {...form.getInputProps("days")}
        />
        {create.isError && <ProblemAlert error={asApiError(create.error)} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Make token
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
