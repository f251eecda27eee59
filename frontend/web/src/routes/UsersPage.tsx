import { Button, Group, Paper, Skeleton, Text, TextInput, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconSearch, IconUserPlus } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { usersQuery } from "@/api/queries";
import type { User } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { ProblemAlert } from "@/components/ProblemAlert";
import { usePageTitle } from "@/lib/usePageTitle";
import { AdminSection } from "./AdminSection";
import { CreateUserDialog } from "./CreateUserDialog";
import { UserRow } from "./UserRow";

/** The accounts, for administrators. */
export function UsersPage() {
  usePageTitle("Users");
  return <AdminSection>{(me) => <Users ownName={me.name} />}</AdminSection>;
}

function Users({ ownName }: { ownName: string }) {
  const [creating, dialog] = useDisclosure(false);
  const [filter, setFilter] = useState("");
  const query = useInfiniteQuery(usersQuery);
  const users = query.data?.pages.flatMap((page) => page.items) ?? [];
  useAllPages(filter !== "", query);
  const shown = users.filter((user) => matches(user, filter));
  return (
    <>
      <Group justify="space-between">
        <div>
          <Title order={1}>Users</Title>
          <Text c="dimmed" size="sm">
            Who may sign in, and who administers the platform.
          </Text>
        </div>
        <Button leftSection={<IconUserPlus size={18} />} onClick={dialog.open}>
          New user
        </Button>
      </Group>
      <TextInput
        type="search"
        aria-label="Filter users"
        placeholder="Filter by name"
        leftSection={<IconSearch size={18} />}
        value={filter}
        onChange={(event) => setFilter(event.currentTarget.value)}
      />
      {query.isPending && <Skeleton height={240} />}
      {query.isError && <ProblemAlert error={query.error} onRetry={query.refetch} />}
      {query.data && (
        <Paper>
          {shown.length === 0 && (
            <EmptyState title="Nobody by this name">Try a part of the name only.</EmptyState>
          )}
          <ul className="lines plain-list" aria-label="Users">
            {shown.map((user) => (
              <UserRow key={user.name} user={user} isSelf={user.name === ownName} />
            ))}
          </ul>
        </Paper>
      )}
      {query.hasNextPage && (
        <Button
          variant="default"
          mx="auto"
          loading={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          Show more users
        </Button>
      )}
      <CreateUserDialog opened={creating} onClose={dialog.close} />
    </>
  );
}

interface Pages {
  hasNextPage: boolean;
  isFetching: boolean;
  isError: boolean;
  fetchNextPage: () => Promise<unknown>;
}

/** A filter must see every account: load the rest, page by page. */
function useAllPages(isWanted: boolean, { hasNextPage, isFetching, isError, fetchNextPage }: Pages) {
  useEffect(() => {
    if (isWanted && hasNextPage && !isFetching && !isError) void fetchNextPage();
  }, [isWanted, hasNextPage, isFetching, isError, fetchNextPage]);
}

function matches({ name, display_name }: User, filter: string): boolean {
  const wanted = filter.trim().toLocaleLowerCase();
  return [name, display_name].some((text) => text.toLocaleLowerCase().includes(wanted));
}
