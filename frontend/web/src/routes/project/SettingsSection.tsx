import { Button, Group, Select, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useUpdateProject } from "@/api/mutations";
import { profilesQuery, useTransferProject, type Profile } from "@/api/projectLife";
import type { Person, Project } from "@/api/types";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { PersonPicker } from "@/components/PersonPicker";
import { Section } from "@/components/Section";
import { notifyDone, notifyProblem } from "@/lib/notify";
import { fileSize } from "@/lib/sizes";

/** What can be set about a project: its server's size, the archive, its owner. */
export function SettingsSection({ project }: { project: Project }) {
  const can = (capability: Project["capabilities"][number]) => project.capabilities.includes(capability);
  return (
    <Section title="Settings">
      <Stack gap="lg" className="lines">
        {can("manage_project") && <ServerSize project={project} />}
        {can("manage_project") && <Archive project={project} />}
        {can("delete_project") && <Transfer project={project} />}
        {!can("manage_project") && (
          <Text size="sm" c="dimmed">
            Editors and owners can change the settings of this project.
          </Text>
        )}
      </Stack>
    </Section>
  );
}

function ServerSize({ project }: { project: Project }) {
  const { data } = useQuery(profilesQuery);
  const update = useUpdateProject(project.id);
  const profiles = data?.items ?? [];
  const current = profiles.find(({ name }) => name === project.profile) ?? profiles[0];
  if (!current) return null;
  return (
    <div>
      <Select
        label="Size of the server"
        description={described(current)}
        maw="24rem"
        data={profiles.map(({ name, title, is_allowed: isAllowed }) => ({
          value: name,
          label: title,
          disabled: !isAllowed,
        }))}
        value={current.name}
        allowDeselect={false}
        disabled={update.isPending}
        onChange={(profile) =>
          profile &&
          update.mutate(
            { profile },
            { onSuccess: () => notifyDone("The next start uses this size."), onError: notifyProblem },
          )
        }
      />
    </div>
  );
}

function described({ description, memory_bytes: memory, cpus, gpus, idle_minutes: idle }: Profile): string {
  const limits = [
    memory ? `${fileSize(memory)} of memory` : "",
    cpus ? `${cpus} processors` : "",
    gpus ? `${gpus} GPU` : "",
    idle ? `stops after ${idle} minutes without work` : "is never stopped for idleness",
  ].filter(Boolean);
  const told = `${limits.join(", ")}.`;
  return description ? `${description} ${sentence(told)}` : sentence(told);
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function Archive({ project }: { project: Project }) {
  const update = useUpdateProject(project.id);
  const isArchived = Boolean(project.archived_at);
  return (
    <Group justify="space-between" pt="lg">
      <div style={{ flex: "1 1 12rem" }}>
        <Text fw={500}>{isArchived ? "Archived" : "Archive"}</Text>
        <Text size="sm" c="dimmed">
          {isArchived
            ? "The project is out of everybody’s list. Everything in it is kept."
            : "Takes the project out of everybody’s list and stops its server. Everything in it is kept."}
        </Text>
      </div>
      <Button
        variant="default"
        loading={update.isPending}
        onClick={() => update.mutate({ archived: !isArchived }, { onError: notifyProblem })}
      >
        {isArchived ? "Take out of the archive" : "Archive"}
      </Button>
    </Group>
  );
}

function Transfer({ project }: { project: Project }) {
  const [to, setTo] = useState<Person>();
  const [opened, dialog] = useDisclosure(false);
  const { mutateAsync } = useTransferProject(project.id);
  const owners = new Set(project.owners.map(({ name }) => name));
  return (
    <div style={{ paddingTop: "var(--mantine-spacing-lg)" }}>
      <Text fw={500}>Hand over</Text>
      <Text size="sm" c="dimmed" mb="xs">
        Somebody else becomes the owner, and you stay as an editor.
      </Text>
      <PersonPicker
        exclude={owners}
        label="New owner"
        onPick={(person) => {
          setTo(person);
          dialog.open();
        }}
        disabled={false}
      />
      <ConfirmDialog
        opened={opened}
        title={`Hand “${project.name}” to ${to?.display_name ?? ""}?`}
        action="Hand over"
        onConfirm={async () => {
          if (!to) return;
          await mutateAsync(to.name);
          notifyDone(`${to.display_name} owns the project now.`);
        }}
        onClose={dialog.close}
      >
        <Text size="sm">
          Only they can take this back: as an editor you manage neither people nor the trash.
        </Text>
      </ConfirmDialog>
    </div>
  );
}
