import { ActionIcon, Button, Group, Modal, NumberInput, Select, Stack, Text, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconLink, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  invitationsQuery,
  useCreateInvitation,
  useRevokeInvitation,
  type Invitation,
} from "@/api/projectLife";
import type { Role } from "@/api/types";
import { CopyLink } from "@/components/CopyLink";
import { PagedList } from "@/components/PagedList";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { TimeAgo } from "@/components/TimeAgo";
import { notifyDone, notifyProblem } from "@/lib/notify";
import { roleLabel, ROLES } from "@/lib/roles";

const LIFETIMES = [
  { value: "1", label: "1 day" },
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
];

/** The links that make their bearers members. */
export function InvitationsSection({ projectId }: { projectId: string }) {
  const query = useQuery(invitationsQuery(projectId));
  const [making, dialog] = useDisclosure(false);
  return (
    <Section
      title="Invitation links"
      note="Whoever opens such a link becomes a member."
      action={
        <Button size="sm" variant="default" leftSection={<IconLink size={16} />} onClick={dialog.open}>
          New link
        </Button>
      }
    >
      <PagedList
        query={query}
        label="Invitation links"
        isBare
        empty={
          <Text size="sm" c="dimmed">
            No link works at the moment.
          </Text>
        }
      >
        {(one) => <InvitationRow key={one.id} projectId={projectId} invitation={one} />}
      </PagedList>
      <Modal opened={making} onClose={dialog.close} title="New invitation link">
        <NewInvitation projectId={projectId} onClose={dialog.close} />
      </Modal>
    </Section>
  );
}

function InvitationRow({ projectId, invitation }: { projectId: string; invitation: Invitation }) {
  const revoke = useRevokeInvitation(projectId);
  const uses = invitation.max_uses
    ? `${invitation.uses} of ${invitation.max_uses} uses`
    : `used ${invitation.uses} times`;
  return (
    <li>
      <Group justify="space-between" py="xs" wrap="nowrap">
        <div>
          <Text size="sm">{roleLabel(invitation.role)}</Text>
          <Text size="xs" c="dimmed">
            by {invitation.created_by.display_name} · {uses} · until{" "}
            {new Date(invitation.expires_at).toLocaleDateString("en-GB")} · made{" "}
            <TimeAgo at={invitation.created_at} />
          </Text>
        </div>
        <Tooltip label="Revoke">
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Revoke the link for ${roleLabel(invitation.role).toLowerCase()}s`}
            loading={revoke.isPending}
            onClick={() =>
              revoke.mutate(invitation.id, {
                onSuccess: () => notifyDone("The link works no more. Who came by it stays."),
                onError: notifyProblem,
              })
            }
          >
            <IconX size={18} />
          </ActionIcon>
        </Tooltip>
      </Group>
    </li>
  );
}

function NewInvitation({ projectId, onClose }: { projectId: string; onClose: () => void }) {
  const create = useCreateInvitation(projectId);
  const [role, setRole] = useState<Role>("editor");
  const [days, setDays] = useState("7");
  const [uses, setUses] = useState<string | number>("");
  if (create.data)
    return (
      <Stack>
        <Text size="sm">Copy it now: for your safety it is not shown again.</Text>
        <CopyLink label="Invitation link" url={create.data.url} />
        <Group justify="flex-end">
          <Button onClick={onClose}>Done</Button>
        </Group>
      </Stack>
    );
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate({ role, lifetime_days: Number(days), max_uses: uses === "" ? null : Number(uses) });
      }}
    >
      <Stack>
        <Select
          label="They become"
          data={ROLES.map(({ value, label }) => ({ value, label }))}
          value={role}
          allowDeselect={false}
          description={ROLES.find(({ value }) => value === role)?.means ?? ""}
          onChange={(value) => value && setRole(value)}
          data-autofocus
        />
        <Select
          label="The link works for"
          data={LIFETIMES}
          value={days}
          allowDeselect={false}
          onChange={(value) => value && setDays(value)}
        />
        <NumberInput
          label="How many people may use it"
          placeholder="Any number"
          min={1}
          max={10_000}
          allowDecimal={false}
          value={uses}
          onChange={setUses}
        />
        {create.error && <ProblemAlert error={create.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Make the link
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
