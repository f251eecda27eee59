import { Button, Checkbox, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { asApiError } from "@/api/errors";
import { useCreateUser } from "@/api/mutations";
import type { UserWithLink } from "@/api/types";
import { ProblemAlert } from "@/components/ProblemAlert";
import { SignInLinkDialog } from "@/components/SignInLinkDialog";

const USER_NAME = /^[a-z0-9][a-z0-9._-]*$/;

/** Make an account, then show the link that its holder first signs in with. */
export function CreateUserDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [created, setCreated] = useState<UserWithLink>();
  return (
    <>
      <Modal opened={opened} onClose={onClose} title="New user">
        <CreateUserForm
          onCreated={(user) => {
            setCreated(user);
            onClose();
          }}
          onClose={onClose}
        />
      </Modal>
      <SignInLinkDialog
        link={created?.sign_in_link}
        person={created?.display_name ?? ""}
        onClose={() => setCreated(undefined)}
      />
    </>
  );
}

interface FormProps {
  onCreated: (user: UserWithLink) => void;
  onClose: () => void;
}

function CreateUserForm({ onCreated, onClose }: FormProps) {
  const create = useCreateUser();
  const form = useForm({
    initialValues: { name: "", display_name: "", email: "", is_admin: false },
    validate: {
      name: (name) =>
        USER_NAME.test(name)
          ? null
          : "Lowercase letters, digits, dot, dash and underscore; a letter or digit first.",
    },
  });
  const submit = form.onSubmit(({ name, display_name, email, is_admin }) =>
    create.mutate(
      {
        name,
        is_admin,
        ...(display_name.trim() ? { display_name: display_name.trim() } : {}),
        ...(email.trim() ? { email: email.trim() } : {}),
      },
      { onSuccess: onCreated },
    ),
  );
  const fields = create.error ? asApiError(create.error).fields : {};
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="User name"
          description="For signing in. It cannot be changed later."
          placeholder="maria.sanchez"
          autoComplete="off"
          maxLength={64}
          data-autofocus
          {...form.getInputProps("name")}
          error={form.errors.name ?? fields.name}
        />
        <TextInput
          label="Display name"
          placeholder="María Sánchez"
          autoComplete="off"
          maxLength={120}
          {...form.getInputProps("display_name")}
          error={fields.display_name}
        />
        <TextInput
          type="email"
          label="Mail address"
          description="Optional. They can reset their password by it."
          autoComplete="off"
          maxLength={254}
          {...form.getInputProps("email")}
          error={fields.email}
        />
        <Checkbox
          label="Administrator"
          description="Manages accounts and every project’s people."
          {...form.getInputProps("is_admin", { type: "checkbox" })}
        />
        {create.isError && <ProblemAlert error={create.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Create user
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
