import { Button, Group, SegmentedControl, Text, Title } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { IconTableImport, IconUserPlus } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import type { UserState } from "@/api/accounts";
import { usersQuery } from "@/api/queries";
import { EmptyState } from "@/components/EmptyState";
import { PagedList } from "@/components/PagedList";
import { SearchField } from "@/components/SearchField";
import { SHORTCUTS } from "@/lib/shortcuts";
import { usePageTitle } from "@/lib/usePageTitle";
import { AdminSection } from "./AdminSection";
import { ImportUsersDialog } from "./admin/ImportUsersDialog";
import { InvitationsSection } from "./admin/InvitationsSection";
import { CreateUserDialog } from "./CreateUserDialog";
import { UserRow } from "./UserRow";

/** The accounts, for administrators. */
export function UsersPage() {
  usePageTitle("Users");
  return <AdminSection>{(me) => <Users ownName={me.name} />}</AdminSection>;
}

const STATES: { value: UserState; label: string }[] = [
  { value: "", label: "All" },
  { value: "active", label: "Active" },
  { value: "deactivated", label: "Deactivated" },
  { value: "admin", label: "Administrators" },
];

function Users({ ownName }: { ownName: string }) {
  const [creating, createDialog] = useDisclosure(false);
  const [importing, importDialog] = useDisclosure(false);
  const [search, setSearch] = useState("");
  const [state, setState] = useState<UserState>("");
  const searchField = useRef<HTMLInputElement>(null);
  useHotkeys([[SHORTCUTS.search.keys, () => searchField.current?.focus()]]);
  const query = useInfiniteQuery({ ...usersQuery(search, state), placeholderData: keepPreviousData });
  return (
    <>
      <Group justify="space-between">
        <div>
          <Title order={1}>Users</Title>
          <Text c="dimmed" size="sm">
            Who may sign in, and who administers the platform.
          </Text>
        </div>
        <Group gap="sm">
          <Button variant="default" leftSection={<IconTableImport size={18} />} onClick={importDialog.open}>
            From CSV
          </Button>
          <Button leftSection={<IconUserPlus size={18} />} onClick={createDialog.open}>
            New user
          </Button>
        </Group>
      </Group>
      <Group align="center">
        <div style={{ flex: "1 1 16rem" }}>
          <SearchField
            label="Search users"
            placeholder="Name or mail address"
            initial=""
            inputRef={searchField}
            onSearch={setSearch}
          />
        </div>
        <SegmentedControl
          aria-label="Which users"
          value={state}
          onChange={(value) => setState(value)}
          data={STATES}
        />
      </Group>
      <PagedList
        query={query}
        label="Users"
        more="Show more users"
        empty={<EmptyState title="Nobody found">Try a part of the name only, or all users.</EmptyState>}
      >
        {(user) => <UserRow key={user.name} user={user} isSelf={user.name === ownName} />}
      </PagedList>
      <InvitationsSection />
      <CreateUserDialog opened={creating} onClose={createDialog.close} />
      <ImportUsersDialog opened={importing} onClose={importDialog.close} />
    </>
  );
}
