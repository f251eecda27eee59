import { Button, Group, Paper, Title } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { IconNotebook, IconPlus } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { useRef } from "react";
import { useCreateProject } from "@/api/mutations";
import { EmptyState } from "@/components/EmptyState";
import { ProjectDialog } from "@/components/ProjectDialog";
import { SearchField } from "@/components/SearchField";
import { SHORTCUTS } from "@/lib/shortcuts";
import { usePageTitle } from "@/lib/usePageTitle";
import { ProjectList } from "./ProjectList";

const route = getRouteApi("/");

/** The projects of the signed-in person. */
export function ProjectsPage() {
  usePageTitle("Projects");
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
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
      <SearchField
        label="Search projects"
        placeholder="Search by name or description"
        initial={q}
        inputRef={search}
        onSearch={(text) => void navigate({ search: text ? { q: text } : {}, replace: true })}
      />
      <ProjectList search={q} empty={<NoProjects onCreate={dialog.open} />} />
      <CreateProject opened={creating} onClose={dialog.close} />
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
