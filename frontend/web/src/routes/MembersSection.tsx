import { ActionIcon, Group, Select, Stack, Text, Tooltip } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useRemoveMember, useSetMember } from "@/api/mutations";
import { meQuery } from "@/api/queries";
import type { Member, Person, Project, Role } from "@/api/types";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { PersonLine } from "@/components/Person";
import { PersonPicker } from "@/components/PersonPicker";
import { Section } from "@/components/Section";
import { notifyDone, notifyProblem } from "@/lib/notify";
import { roleLabel, ROLES } from "@/lib/roles";

/** The people of a project, with their roles. */
export function MembersSection({ project, canManage }: { project: Project; canManage: boolean }) {
  const { data: me } = useQuery(meQuery);
  const [removing, setRemoving] = useState<Member>();
  return (
    <Section
      title="People"
      note={canManage ? "A change takes effect within seconds, also where the project is open." : ""}
    >
      <Stack gap="lg">
        {canManage && <AddMember project={project} />}
        <ul className="lines plain-list">
          {project.members.map((member) => (
            <li key={member.name}>
              <Group justify="space-between" py="sm" wrap="nowrap">
                <PersonLine
                  person={member}
                  note={
                    member.name === me?.name ? (
                      <Text size="xs" c="dimmed">
                        you
                      </Text>
                    ) : undefined
                  }
                />
                {canManage && !isOnlyOwner(member, project) ? (
                  <MemberControls
                    project={project}
                    member={member}
                    isSelf={member.name === me?.name}
                    onRemove={() => setRemoving(member)}
                  />
                ) : (
                  <Text size="sm">{roleLabel(member.role)}</Text>
                )}
              </Group>
            </li>
          ))}
        </ul>
      </Stack>
      <RemoveMember project={project} member={removing} onClose={() => setRemoving(undefined)} />
    </Section>
  );
}

/** A project always keeps an owner: the last one cannot be demoted or removed. */
function isOnlyOwner(member: Member, { owners }: Project): boolean {
  return member.role === "owner" && owners.length === 1;
}

function AddMember({ project }: { project: Project }) {
  const [role, setRole] = useState<Role>("editor");
  const add = useSetMember(project.id);
  const members = new Set(project.members.map(({ name }) => name));
  const pick = (person: Person) =>
    add.mutate(
      { name: person.name, role },
      {
        onSuccess: () => notifyDone(`${person.display_name} was added as ${roleLabel(role).toLowerCase()}.`),
        onError: notifyProblem,
      },
    );
  return (
    <div className="add-member">
      <PersonPicker exclude={members} onPick={pick} disabled={add.isPending} />
      <RoleSelect label="Role" value={role} onChange={setRole} />
      <Text size="xs" c="dimmed" className="add-member-note">
        {roleLabel(role)}: {ROLES.find(({ value }) => value === role)?.means.toLowerCase()}.
      </Text>
    </div>
  );
}

interface ControlsProps {
  project: Project;
  member: Member;
  isSelf: boolean;
  onRemove: () => void;
}

function MemberControls({ project, member, isSelf, onRemove }: ControlsProps) {
  const change = useSetMember(project.id);
  return (
    <Group gap="xs" wrap="nowrap">
      <RoleSelect
        ariaLabel={`Role of ${member.display_name}`}
        // While the change is on its way the new role is shown; if it is refused, the old one comes back.
        value={change.isPending ? change.variables.role : member.role}
        disabled={change.isPending}
        onChange={(role) => change.mutate({ name: member.name, role }, { onError: notifyProblem })}
      />
      {!isSelf && (
        <Tooltip label="Remove from the project">
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Remove ${member.display_name}`}
            onClick={onRemove}
          >
            <IconX size={18} />
          </ActionIcon>
        </Tooltip>
      )}
    </Group>
  );
}

interface RoleSelectProps {
  value: Role;
  onChange: (role: Role) => void;
  label?: string;
  ariaLabel?: string;
  disabled?: boolean;
}

function RoleSelect({ value, onChange, label, ariaLabel, disabled = false }: RoleSelectProps) {
  return (
    <Select
      {...(label ? { label } : {})}
      aria-label={ariaLabel ?? label ?? "Role"}
      w="7rem"
      size="sm"
      data={ROLES.map(({ value: role, label: text }) => ({ value: role, label: text }))}
      value={value}
      allowDeselect={false}
      disabled={disabled}
      comboboxProps={{ width: "18rem", position: "bottom-end" }}
      renderOption={({ option }) => (
        <div>
          <Text size="sm">{option.label}</Text>
          <Text size="xs" c="dimmed">
            {ROLES.find((role) => role.value === option.value)?.means}
          </Text>
        </div>
      )}
      onChange={(role) => {
        if (role && role !== value) onChange(role);
      }}
    />
  );
}

interface RemoveProps {
  project: Project;
  member: Member | undefined;
  onClose: () => void;
}

function RemoveMember({ project, member, onClose }: RemoveProps) {
  const { mutateAsync } = useRemoveMember(project.id);
  const remove = async () => {
    if (!member) return;
    await mutateAsync({ name: member.name, isSelf: false });
    notifyDone(`${member.display_name} was removed.`);
  };
  return (
    <ConfirmDialog
      opened={member !== undefined}
      title={`Remove ${member?.display_name ?? ""}?`}
      action="Remove"
      onConfirm={remove}
      onClose={onClose}
    >
      <Text size="sm">
        They lose access to the files and to the running server at once. What they wrote stays.
      </Text>
    </ConfirmDialog>
  );
}
