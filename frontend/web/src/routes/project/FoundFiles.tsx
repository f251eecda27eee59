import { Skeleton, Text } from "@mantine/core";
import { IconSearchOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { searchQuery, type FoundFile } from "@/api/files";
import { EmptyState } from "@/components/EmptyState";
import { ProblemAlert } from "@/components/ProblemAlert";

/** Where a text stands in a project's files. */
export function FoundFiles({ projectId, text }: { projectId: string; text: string }) {
  const query = useQuery(searchQuery(projectId, text));
  if (query.isPending) return <Skeleton height={80} />;
  if (query.isError && !query.data) return <ProblemAlert error={query.error} onRetry={query.refetch} />;
  const { items, is_complete: isComplete } = query.data;
  if (items.length === 0)
    return (
      <EmptyState title={`Nothing holds “${text}”`} icon={<IconSearchOff size={40} stroke={1.2} />}>
        The search looks at names of files, at texts, and at the cells of notebooks.
      </EmptyState>
    );
  return (
    <>
      <ul className="lines plain-list" aria-label="Found files" aria-busy={query.isPlaceholderData}>
        {items.map((found, index) => (
          <li key={index} style={{ paddingBlock: "0.4rem" }}>
            <Link to="/projects/$projectId/view" params={{ projectId }} search={{ path: found.path }}>
              <Text size="sm" fw={500}>
                {found.path}
                {place(found)}
              </Text>
            </Link>
            {found.excerpt && (
              <Text size="xs" c="dimmed" ff="monospace" lineClamp={1}>
                {found.excerpt}
              </Text>
            )}
          </li>
        ))}
      </ul>
      {!isComplete && (
        <Text size="xs" c="dimmed">
          There is more than can be shown. Search for something longer.
        </Text>
      )}
    </>
  );
}

function place({ cell, line }: FoundFile): string {
  if (cell) return ` · cell ${cell}`;
  return line ? ` · line ${line}` : "";
}
