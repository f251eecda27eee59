import { Button, Paper, Skeleton } from "@mantine/core";
import { IconSearchOff } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { projectsQuery } from "@/api/queries";
import type { View } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { ProblemAlert } from "@/components/ProblemAlert";
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
  if (query.isPending) return <ListSkeleton />;
  if (query.isError && !query.data) return <ProblemAlert error={query.error} onRetry={query.refetch} />;

  const projects = query.data.pages.flatMap((page) => page.items);
  if (projects.length === 0) return search ? <NothingFound search={search} /> : empty;
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
