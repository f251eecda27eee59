import { Button, Group, Kbd, Paper, Skeleton, TextInput, Title } from "@mantine/core";
import { useDebouncedCallback, useDisclosure, useHotkeys } from "@mantine/hooks";
import { IconNotebook, IconPlus, IconSearch, IconSearchOff } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { useCreateProject } from "@/api/mutations";
import { projectsQuery } from "@/api/queries";
import { EmptyState } from "@/components/EmptyState";
import { ProblemAlert } from "@/components/ProblemAlert";
import { ProjectDialog } from "@/components/ProjectDialog";
import { SHORTCUTS } from "@/lib/shortcuts";
import { usePageTitle } from "@/lib/usePageTitle";
import { ProjectRow } from "./ProjectRow";

const route = getRouteApi("/");
const TYPING_PAUSE_MS = 200;

/** The projects of the signed-in person. */
export function ProjectsPage() {
  usePageTitle("Projects");
  const [creating, dialog] = useDisclosure(false);
  const search = useRef<HTMLInputElement>(null);
  useHotkeys([
    [SHORTCUTS.search.keys, () => search.current?.focus()],
    [SHORTCUTS.create.keys, dialog.open],
  ]);
  return (
    <>
      <Group justify="space-between" align="center">
        <Title order={1}>Projects</Title>
        <Button leftSection={<IconPlus size={18} />} onClick={dialog.open}>
          New project
        </Button>
      </Group>
      <SearchField inputRef={search} />
      <ProjectList onCreate={dialog.open} />
      <CreateProject opened={creating} onClose={dialog.close} />
    </>
  );
}

function SearchField({ inputRef }: { inputRef: React.Ref<HTMLInputElement> }) {
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const [text, setText] = useState(q);
  const apply = useDebouncedCallback(
    (value: string) => void navigate({ search: value.trim() ? { q: value.trim() } : {}, replace: true }),
    TYPING_PAUSE_MS,
  );
  return (
    <TextInput
      ref={inputRef}
      type="search"
      aria-label="Search projects"
      placeholder="Search by name or description"
      leftSection={<IconSearch size={18} />}
      rightSection={
        <Kbd aria-hidden="true" visibleFrom="sm">
          {SHORTCUTS.search.keys}
        </Kbd>
      }
      rightSectionWidth={44}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        apply(event.currentTarget.value);
      }}
    />
  );
}

function ProjectList({ onCreate }: { onCreate: () => void }) {
  const { q = "" } = route.useSearch();
  const query = useInfiniteQuery({
    ...projectsQuery(q),
    placeholderData: keepPreviousData,
  });
  if (query.isPending) return <ListSkeleton />;
  if (query.isError && !query.data) return <ProblemAlert error={query.error} onRetry={query.refetch} />;

  const projects = query.data.pages.flatMap((page) => page.items);
  if (projects.length === 0) return q ? <NothingFound search={q} /> : <NoProjects onCreate={onCreate} />;
  return (
    <>
      {query.isRefetchError && <ProblemAlert error={query.error} onRetry={query.refetch} />}
      <Paper style={{ overflow: "hidden" }}>
        <div role="list" aria-label="Projects" aria-busy={query.isPlaceholderData}>
          {projects.map((project) => (
            <ProjectRow key={project.id} project={project} />
          ))}
        </div>
      </Paper>
      {query.hasNextPage && (
        <Button
          variant="default"
          mx="auto"
          loading={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          Show more projects
        </Button>
      )}
    </>
  );
}

function NoProjects({ onCreate }: { onCreate: () => void }) {
  return (
    <Paper>
      <EmptyState
        title="Start your first project"
        icon={<IconNotebook size={44} stroke={1.2} />}
        action={
          <Button mt="xs" leftSection={<IconPlus size={18} />} onClick={onCreate}>
            New project
          </Button>
        }
      >
        A project holds notebooks and files, the people who work on them, and the server that runs them.
        Projects that others share with you appear here too.
      </EmptyState>
    </Paper>
  );
}

function NothingFound({ search }: { search: string }) {
  return (
    <Paper>
      <EmptyState title={`No project matches “${search}”`} icon={<IconSearchOff size={44} stroke={1.2} />}>
        Try a shorter or a different word. The search looks at names and descriptions.
      </EmptyState>
    </Paper>
  );
}

function ListSkeleton() {
  return (
    <Paper className="lines" role="status" aria-label="Loading the projects">
      {[62, 45, 54, 38].map((width) => (
        <div key={width} style={{ padding: "var(--mantine-spacing-md) var(--mantine-spacing-lg)" }}>
          <Skeleton height={14} width={`${width}%`} mb="xs" />
          <Skeleton height={10} width={`${width / 2}%`} />
        </div>
      ))}
    </Paper>
  );
}

function CreateProject({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const create = useCreateProject();
  const navigate = route.useNavigate();
  return (
    <ProjectDialog
      opened={opened}
      title="New project"
      action="Create project"
      error={create.error}
      busy={create.isPending}
      onClose={() => {
        create.reset();
        onClose();
      }}
      onSubmit={(details) =>
        create.mutate(details, {
          onSuccess: ({ id }) => void navigate({ to: "/projects/$projectId", params: { projectId: id } }),
        })
      }
    />
  );
}
