import { Button, Paper, Skeleton, Stack } from "@mantine/core";
import type { ReactNode } from "react";
import { ProblemAlert } from "./ProblemAlert";

interface Page<T> {
  items: readonly T[];
}

/** What the list needs of a query, of one that has pages or of one that has a single page. */
interface Query<T> {
  data: Page<T> | { pages: readonly Page<T>[] } | undefined;
  error: unknown;
  isError: boolean;
  isPlaceholderData: boolean;
  refetch: () => unknown;
  hasNextPage?: boolean;
  isFetchingNextPage?: boolean;
  isFetchNextPageError?: boolean;
  fetchNextPage?: () => unknown;
}

interface Props<T> {
  query: Query<T>;
  /** What the list is, for those who do not see it. */
  label: string;
  /** A row, with its key. */
  children: (item: T) => ReactNode;
  /** What stands in place of the list when there is nothing. */
  empty: ReactNode;
  /** What the button for the next page says. */
  more?: string;
  /** Whether the order of the rows says something. */
  isOrdered?: boolean;
  /** Without a card of its own, for lists in a section. */
  isBare?: boolean;
  /** What is shown while the first page is awaited. */
  skeleton?: ReactNode;
}

/** A list with all that can be the matter with it: awaited, gone wrong, empty, with more to come. */
export function PagedList<T>(props: Props<T>) {
  const { query, label, children, empty, more = "Show more", isOrdered, isBare, skeleton } = props;
  if (!query.data) {
    if (query.isError) return <ProblemAlert error={query.error} onRetry={query.refetch} />;
    return <div role="status" aria-label={`Loading: ${label}`} children={skeleton ?? <Rows />} />;
  }
  const items = "pages" in query.data ? query.data.pages.flatMap((page) => page.items) : query.data.items;
  const List = isOrdered ? "ol" : "ul";
  const list = (
    <List className="lines plain-list" aria-label={label} aria-busy={query.isPlaceholderData}>
      {items.map(children)}
    </List>
  );
  const content = items.length === 0 ? empty : list;
  const retry = query.isFetchNextPageError ? query.fetchNextPage : query.refetch;
  return (
    <>
      {query.isError && <ProblemAlert error={query.error} onRetry={retry ?? query.refetch} />}
      {isBare ? content : <Paper style={{ overflow: "hidden" }}>{content}</Paper>}
      {query.hasNextPage && (
        <Button
          variant="default"
          mx="auto"
          display="block"
          loading={query.isFetchingNextPage ?? false}
          onClick={() => void query.fetchNextPage?.()}
        >
          {more}
        </Button>
      )}
    </>
  );
}

function Rows() {
  return (
    <Stack gap="sm">
      {[62, 45, 54].map((width) => (
        <Skeleton key={width} height={14} width={`${width}%`} />
      ))}
    </Stack>
  );
}
