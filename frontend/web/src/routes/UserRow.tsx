import { ActionIcon, Badge, Group, Menu, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconDotsVertical,
  IconKey,
  IconLink,
  IconLogout,
  IconShieldMinus,
  IconShieldPlus,
  IconUserCheck,
  IconUserOff,
} from "@tabler/icons-react";
import { useState } from "react";
import { useCreatePasswordLink, useEndUserSessions } from "@/api/accounts";
import { useCreateSignInLink, useUpdateUser } from "@/api/mutations";
import type { SignInLink, User } from "@/api/types";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { PersonLine } from "@/components/Person";
import { SignInLinkDialog } from "@/components/SignInLinkDialog";
import { TimeAgo } from "@/components/TimeAgo";
import { notifyDone, notifyProblem } from "@/lib/notify";

/** One account in the administration, with what can be done to it. */
export function UserRow({ user, isSelf }: { user: User; isSelf: boolean }) {
  return (
    <li>
      <Group justify="space-between" px="lg" py="sm" wrap="nowrap">
        <PersonLine person={user} note={<Badges user={user} isSelf={isSelf} />} />
        <Group gap="md" wrap="nowrap">
          {user.email && (
            <Text size="sm" c="dimmed" visibleFrom="md">
              {user.email}
            </Text>
          )}
          <Text size="sm" c="dimmed" visibleFrom="sm">
            created <TimeAgo at={user.created_at} />
          </Text>
          <UserActions user={user} isSelf={isSelf} />
        </Group>
      </Group>
    </li>
  );
}

function Badges({ user, isSelf }: { user: User; isSelf: boolean }) {
  return (
    <>
      {isSelf && (
        <Text size="xs" c="dimmed">
          you
        </Text>
      )}
      {user.is_admin && <Badge>Administrator</Badge>}
      {!user.is_active && (
        <Badge color="red">{user.email && !user.email_verified ? "Not confirmed yet" : "Deactivated"}</Badge>
      )}
      {user.is_active && !user.has_password && <Badge color="yellow">No password yet</Badge>}
    </>
  );
}

function UserActions({ user, isSelf }: { user: User; isSelf: boolean }) {
  const update = useUpdateUser();
  const makeLink = useCreateSignInLink();
  const makePasswordLink = useCreatePasswordLink();
  const endSessions = useEndUserSessions();
  const [link, setLink] = useState<SignInLink>();
  const [passwordLink, setPasswordLink] = useState<SignInLink>();
  const [deactivating, deactivate] = useDisclosure(false);
  const change = (rights: { is_admin?: boolean; is_active?: boolean }, done: string) =>
    update.mutate(
      { name: user.name, ...rights },
      { onSuccess: () => notifyDone(done), onError: notifyProblem },
    );
  return (
    <>
      <Menu position="bottom-end" width={260}>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`Actions for ${user.display_name}`}>
            <IconDotsVertical size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={<IconLink size={18} />}
            disabled={!user.is_active}
            onClick={() => makeLink.mutate(user.name, { onSuccess: setLink, onError: notifyProblem })}
          >
            New sign-in link
          </Menu.Item>
          <Menu.Item
            leftSection={<IconKey size={18} />}
            disabled={!user.is_active}
            onClick={() =>
              makePasswordLink.mutate(user.name, { onSuccess: setPasswordLink, onError: notifyProblem })
            }
          >
            New password link
          </Menu.Item>
          <Menu.Item
            leftSection={<IconLogout size={18} />}
            disabled={!user.is_active}
            onClick={() =>
              endSessions.mutate(user.name, {
                onSuccess: ({ count }) =>
                  notifyDone(
                    `${user.display_name} was signed out on ${count} device${count === 1 ? "" : "s"}.`,
                  ),
                onError: notifyProblem,
              })
            }
          >
            Sign out everywhere
          </Menu.Item>
          {user.is_admin ? (
            <Menu.Item
              leftSection={<IconShieldMinus size={18} />}
              disabled={isSelf}
              onClick={() =>
                change({ is_admin: false }, `${user.display_name} is no longer an administrator.`)
              }
            >
              Take administration away
            </Menu.Item>
          ) : (
            <Menu.Item
              leftSection={<IconShieldPlus size={18} />}
              onClick={() => change({ is_admin: true }, `${user.display_name} is an administrator now.`)}
            >
              Make administrator
            </Menu.Item>
          )}
          {user.is_active ? (
            <Menu.Item
              color="red"
              leftSection={<IconUserOff size={18} />}
              disabled={isSelf}
              onClick={deactivate.open}
            >
              Deactivate
            </Menu.Item>
          ) : (
            <Menu.Item
              leftSection={<IconUserCheck size={18} />}
              onClick={() => change({ is_active: true }, `${user.display_name} can sign in again.`)}
            >
              Activate again
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <SignInLinkDialog link={link} person={user.display_name} onClose={() => setLink(undefined)} />
      <SignInLinkDialog
        kind="password"
        link={passwordLink}
        person={user.display_name}
        onClose={() => setPasswordLink(undefined)}
      />
      <ConfirmDialog
        opened={deactivating}
        title={`Deactivate ${user.display_name}?`}
        action="Deactivate"
        onConfirm={() => update.mutateAsync({ name: user.name, is_active: false })}
        onClose={deactivate.close}
      >
        <Text size="sm">
          They are signed out everywhere within seconds and cannot sign in or use their tokens. Their projects
          and work stay, and you can activate the account again.
        </Text>
      </ConfirmDialog>
    </>
  );
}
