import { Text, Title } from "@mantine/core";
import { IconWorld } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { publishedQuery } from "@/api/projectLife";
import { EmptyState } from "@/components/EmptyState";
import { PagedList } from "@/components/PagedList";
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
  return (
    <>
      <Title order={1}>Published</Title>
      <SearchField
        label="Search what is published"
        placeholder="Search by title"
        initial={q}
        onSearch={(text) => void navigate({ search: text ? { q: text } : {}, replace: true })}
      />
      <PagedList
        query={query}
        label="Published"
        empty={
          <EmptyState
            title={q ? `Nothing matches “${q}”` : "Nothing is published yet"}
            icon={<IconWorld size={44} stroke={1.2} />}
          >
            Notebooks and folders that people publish and let others find appear here.
          </EmptyState>
        }
      >
        {(one) => (
          <li key={one.id} style={{ padding: "0.8rem var(--mantine-spacing-lg)" }}>
            <a href={one.url}>{one.title}</a>
            <Text size="sm" c="dimmed">
              {one.published_by.display_name} · <TimeAgo at={one.updated_at} />
            </Text>
          </li>
        )}
      </PagedList>
    </>
  );
}
