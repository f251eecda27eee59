import { Button, Paper, Skeleton, Text, Title } from "@mantine/core";
import { IconWorld } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { publishedQuery } from "@/api/projectLife";
import { EmptyState } from "@/components/EmptyState";
import { ProblemAlert } from "@/components/ProblemAlert";
import { SearchField } from "@/components/SearchField";
import { TimeAgo } from "@/components/TimeAgo";
import { usePageTitle } from "@/lib/usePageTitle";

const route = getRouteApi("/published");

/** What people of this platform published for others to find. */
export function PublishedPage() {
  usePageTitle("Published");
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(publishedQuery(q));
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <Title order={1}>Published</Title>
      <SearchField
        label="Search what is published"
        placeholder="Search by title"
        initial={q}
        onSearch={(text) => void navigate({ search: text ? { q: text } : {}, replace: true })}
      />
      {query.isPending && <Skeleton height={120} />}
      {query.isError && !query.data && <ProblemAlert error={query.error} onRetry={query.refetch} />}
      {query.data && items.length === 0 && (
        <Paper>
          <EmptyState
            title={q ? `Nothing matches “${q}”` : "Nothing is published yet"}
            icon={<IconWorld size={44} stroke={1.2} />}
          >
            Notebooks and folders that people publish and let others find appear here.
          </EmptyState>
        </Paper>
      )}
      {items.length > 0 && (
        <Paper px="lg">
          <ul className="lines plain-list" aria-label="Published">
            {items.map((one) => (
              <li key={one.id} style={{ paddingBlock: "0.8rem" }}>
                <a href={one.url}>{one.title}</a>
                <Text size="sm" c="dimmed">
                  {one.published_by.display_name} · <TimeAgo at={one.updated_at} />
                </Text>
              </li>
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
          Show more
        </Button>
      )}
    </>
  );
}
