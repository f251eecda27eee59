import { Button, Group, Modal, NumberInput, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  invitationsQuery,
  useCreateInvitation,
  useRevokeInvitation,
  type SignUpInvitation,
} from "@/api/accounts";
import { PagedList } from "@/components/PagedList";
import { ProblemAlert } from "@/components/ProblemAlert";
import { SecretDialog } from "@/components/SecretDialog";
import { Section } from "@/components/Section";
import { notifyProblem } from "@/lib/notify";
import { fullTime } from "@/lib/time";

/** Links that let people make accounts for themselves. */
export function InvitationsSection() {
  const query = useQuery(invitationsQuery);
  const [inviting, dialog] = useDisclosure(false);
  const [url, setUrl] = useState<string>();
  return (
    <Section
      title="Sign-up invitations"
      note="A link with which people make their own accounts."
      action={
        <Button variant="default" size="xs" onClick={dialog.open}>
          New invitation
        </Button>
      }
    >
      <PagedList
        query={query}
        label="Sign-up invitations"
        isBare
        empty={
          <Text size="sm" c="dimmed">
            No invitations.
          </Text>
        }
      >
        {(invitation) => <InvitationRow key={invitation.id} invitation={invitation} />}
      </PagedList>
      <Modal opened={inviting} onClose={dialog.close} title="New invitation">
        <InvitationForm onClose={dialog.close} onCreated={setUrl} />
      </Modal>
      <SecretDialog title="Invitation" label="Link" secret={url} onClose={() => setUrl(undefined)}>
        Give this link to the people you invite. It is not shown again.
      </SecretDialog>
    </Section>
  );
}

function InvitationRow({ invitation }: { invitation: SignUpInvitation }) {
  const revoke = useRevokeInvitation();
  const name = invitation.note || "Without a note";
  return (
    <li>
      <Group py="sm" wrap="nowrap" justify="space-between">
        <div style={{ minWidth: 0 }}>
          <Text size="sm" fw={550}>
            {name}
          </Text>
          <Text size="xs" c="dimmed">
            {invitation.uses_left} left · until {fullTime(new Date(invitation.expires_at))} · by{" "}
            {invitation.created_by}
          </Text>
        </div>
        <Button
          variant="subtle"
          color="red"
          size="xs"
          aria-label={`Revoke ${name}`}
          loading={revoke.isPending}
          onClick={() => revoke.mutate(invitation.id, { onError: notifyProblem })}
        >
          Revoke
        </Button>
      </Group>
    </li>
  );
}

function InvitationForm({ onClose, onCreated }: { onClose: () => void; onCreated: (url: string) => void }) {
  const create = useCreateInvitation();
  const form = useForm({ initialValues: { note: "", uses: 1, expires_in_days: 14 } });
  const submit = form.onSubmit((values) =>
    create.mutate(values, {
      onSuccess: ({ url }) => {
        onCreated(url);
        onClose();
      },
    }),
  );
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="What for"
          placeholder="Guests of the summer school"
          maxLength={200}
          data-autofocus
          {...form.getInputProps("note")}
        />
        <Group grow>
          <NumberInput
            label="For how many people"
            min={1}
            max={10000}
            allowDecimal={false}
            {...form.getInputProps("uses")}
          />
          <NumberInput
            label="Works for how many days"
            min={1}
            max={365}
            allowDecimal={false}
            {...form.getInputProps("expires_in_days")}
          />
        </Group>
        {create.isError && <ProblemAlert error={create.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Make invitation
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
