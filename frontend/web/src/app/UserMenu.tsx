import { Menu, Text, UnstyledButton, VisuallyHidden } from "@mantine/core";
import { IconFolders, IconHelpCircle, IconLogout, IconShield, IconUser } from "@tabler/icons-react";
import type { Me } from "@/api/types";
import { MenuLink } from "@/components/links";
import { PersonAvatar } from "@/components/Person";
import { signOutUrl } from "@/lib/paths";

/** What belongs to the signed-in person; on a phone also the way to the pages. */
export function UserMenu({ me }: { me: Me }) {
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <UnstyledButton style={{ borderRadius: "50%" }}>
          <PersonAvatar person={me} />
          <VisuallyHidden>Menu of {me.display_name}</VisuallyHidden>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" fw={550} c="var(--mantine-color-text)">
            {me.display_name}
          </Text>
          Signed in as {me.name}
        </Menu.Label>
        <Menu.Divider />
        <MenuLink to="/" leftSection={<IconFolders size={18} />} hiddenFrom="xs">
          Projects
        </MenuLink>
        {me.is_admin && (
          <MenuLink to="/admin/users" leftSection={<IconShield size={18} />} hiddenFrom="xs">
            Administration
          </MenuLink>
        )}
        <MenuLink to="/account" leftSection={<IconUser size={18} />}>
          Account
        </MenuLink>
        <MenuLink to="/help" leftSection={<IconHelpCircle size={18} />}>
          Help
        </MenuLink>
        <Menu.Divider />
        <Menu.Item component="a" href={signOutUrl} leftSection={<IconLogout size={18} />}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
