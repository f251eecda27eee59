import { Paper, Skeleton } from "@mantine/core";
import { IconSearchOff } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { projectsQuery } from "@/api/queries";
import type { View } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { PagedList } from "@/components/PagedList";
import { ProjectRow } from "./ProjectRow";

interface Props {
  search: string;
  /** Everybody's projects (for administrators) instead of one's own. */
  everybody?: boolean;
  view?: View;
  /** What stands in place of the list when there is no project at all. */
  empty: ReactNode;
}

/** The projects that match a search, page by page. */
export function ProjectList({ search, everybody = false, view = "active", empty }: Props) {
  const query = useInfiniteQuery({
    ...projectsQuery(search, everybody, view),
    placeholderData: keepPreviousData,
  });
  return (
    <PagedList
      query={query}
      label="Projects"
      more="Show more projects"
      skeleton={<ListSkeleton />}
      empty={search ? <NothingFound search={search} /> : empty}
    >
      {(project) => <ProjectRow key={project.id} project={project} />}
    </PagedList>
  );
}

function NothingFound({ search }: { search: string }) {
  return (
    <EmptyState title={`No project matches “${search}”`} icon={<IconSearchOff size={44} stroke={1.2} />}>
      Try a shorter or a different word. The search looks at names and descriptions.
    </EmptyState>
  );
}

function ListSkeleton() {
  return (
    <Paper className="lines">
      {[62, 45, 54, 38].map((width) => (
        <div key={width} style={{ padding: "var(--mantine-spacing-md) var(--mantine-spacing-lg)" }}>
          <Skeleton height={14} width={`${width}%`} mb="xs" />
          <Skeleton height={10} width={`${width / 2}%`} />
        </div>
      ))}
    </Paper>
  );
}
