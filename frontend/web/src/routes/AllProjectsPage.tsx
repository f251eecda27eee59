import { Text, Title } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconNotebook } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { useRef } from "react";
import { EmptyState } from "@/components/EmptyState";
import { SearchField } from "@/components/SearchField";
import { SHORTCUTS } from "@/lib/shortcuts";
import { usePageTitle } from "@/lib/usePageTitle";
import { AdminSection } from "./AdminSection";
import { ProjectList } from "./ProjectList";

const route = getRouteApi("/admin/projects");

/** Everybody's projects, for administrators. */
export function AllProjectsPage() {
  usePageTitle("All projects");
  return <AdminSection>{() => <AllProjects />}</AdminSection>;
}

function AllProjects() {
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const search = useRef<HTMLInputElement>(null);
  useHotkeys([[SHORTCUTS.search.keys, () => search.current?.focus()]]);
  return (
    <>
      <div>
        <Title order={1}>All projects</Title>
        <Text c="dimmed" size="sm">
          You manage their people and servers; the files are for members only.
        </Text>
      </div>
      <SearchField
        label="Search all projects"
        placeholder="Search by name or description"
        initial={q}
        inputRef={search}
        onSearch={(text) => void navigate({ search: text ? { q: text } : {}, replace: true })}
      />
      <ProjectList search={q} everybody empty={<NoProjects />} />
    </>
  );
}

function NoProjects() {
  return (
    <EmptyState title="No projects yet" icon={<IconNotebook size={44} stroke={1.2} />}>
      Projects appear here as soon as somebody makes one.
    </EmptyState>
  );
}
