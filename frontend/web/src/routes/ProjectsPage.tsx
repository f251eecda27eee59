import { Button, Group, SegmentedControl, Title } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { IconArchive, IconNotebook, IconPlus, IconStar, IconTrash } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { useRef } from "react";
import type { View } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { LinkButton } from "@/components/links";
import { SearchField } from "@/components/SearchField";
import { SHORTCUTS } from "@/lib/shortcuts";
import { usePageTitle } from "@/lib/usePageTitle";
import { NewProject } from "./project/NewProject";
import { ProjectList } from "./ProjectList";

const route = getRouteApi("/");

const VIEWS: { value: View; label: string }[] = [
  { value: "active", label: "Active" },
  { value: "starred", label: "Starred" },
  { value: "archived", label: "Archived" },
  { value: "trash", label: "Trash" },
];

const NOTHING = {
  starred: {
    title: "No favourites yet",
    icon: <IconStar size={44} stroke={1.2} />,
    words: "Mark a project with the star, and you find it here.",
  },
  archived: {
    title: "Nothing is archived",
    icon: <IconArchive size={44} stroke={1.2} />,
    words: "Archive projects that nobody works on: they leave the list, and everything in them is kept.",
  },
  trash: {
    title: "The trash is empty",
    icon: <IconTrash size={44} stroke={1.2} />,
    words: "Projects of yours that were deleted can be restored from here for some time.",
  },
} as const;

/** The projects of the signed-in person. */
export function ProjectsPage() {
  usePageTitle("Projects");
  const { q = "", view = "active" } = route.useSearch();
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
        <Group gap="xs">
          <LinkButton to="/published" variant="subtle" visibleFrom="xs">
            Published
          </LinkButton>
          <Button leftSection={<IconPlus size={18} />} onClick={dialog.open}>
            New project
          </Button>
        </Group>
      </Group>
      <Group gap="sm" align="center" wrap="wrap">
        <div style={{ flex: "1 1 16rem" }}>
          <SearchField
            label="Search projects"
            placeholder="Search by name or description"
            initial={q}
            inputRef={search}
            onSearch={(text) =>
              void navigate({
                search: { ...(text ? { q: text } : {}), ...(view === "active" ? {} : { view }) },
                replace: true,
              })
            }
          />
        </div>
        <SegmentedControl
          aria-label="Which projects"
          value={view}
          data={VIEWS}
          onChange={(chosen) =>
            void navigate({
              search: { ...(q ? { q } : {}), ...(chosen === "active" ? {} : { view: chosen as View }) },
            })
          }
        />
      </Group>
      <ProjectList
        key={view}
        search={q}
        view={view}
        empty={view === "active" ? <NoProjects onCreate={dialog.open} /> : <NothingIn view={view} />}
      />
      <NewProject opened={creating} onClose={dialog.close} />
    </>
  );
}

function NoProjects({ onCreate }: { onCreate: () => void }) {
  return (
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
  );
}

function NothingIn({ view }: { view: Exclude<View, "active"> }) {
  const { title, icon, words } = NOTHING[view];
  return (
    <EmptyState title={title} icon={icon}>
      {words}
    </EmptyState>
  );
}
