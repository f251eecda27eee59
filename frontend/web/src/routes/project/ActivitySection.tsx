import { Button, Skeleton, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { activityQuery } from "@/api/projectLife";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { TimeAgo } from "@/components/TimeAgo";
import { activityText } from "@/lib/activity";

/** What happened to a project, the latest first. */
export function ActivitySection({ projectId }: { projectId: string }) {
  const query = useInfiniteQuery(activityQuery(projectId));
  return (
    <Section title="Activity" note="Who did what to the project. Edits are in the history of each document.">
      {query.isPending && <Skeleton height={120} />}
      {query.isError && !query.data && <ProblemAlert error={query.error} onRetry={query.refetch} />}
      <ol className="lines plain-list">
        {query.data?.pages.flatMap((page) =>
          page.items.map((one) => (
            <li key={one.id} style={{ paddingBlock: "0.5rem" }}>
              <Text size="sm">
                <b>{one.actor.name === "platform" ? "The platform" : one.actor.display_name}</b>{" "}
                {activityText(one)}
              </Text>
              <Text size="xs" c="dimmed">
                <TimeAgo at={one.at} />
              </Text>
            </li>
          )),
        )}
      </ol>
      {query.hasNextPage && (
        <Button
          mt="sm"
          variant="default"
          size="sm"
          loading={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          Show more
        </Button>
      )}
    </Section>
  );
}
