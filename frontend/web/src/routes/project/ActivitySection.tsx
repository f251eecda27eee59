import { Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { activityQuery } from "@/api/projectLife";
import { PagedList } from "@/components/PagedList";
import { Section } from "@/components/Section";
import { TimeAgo } from "@/components/TimeAgo";
import { activityText } from "@/lib/activity";

/** What happened to a project, the latest first. */
export function ActivitySection({ projectId }: { projectId: string }) {
  const query = useInfiniteQuery(activityQuery(projectId));
  return (
    <Section title="Activity" note="Who did what to the project. Edits are in the history of each document.">
      <PagedList query={query} label="Activity" isBare isOrdered empty={<Text size="sm">Nothing yet.</Text>}>
        {(one) => (
          <li key={one.id} style={{ paddingBlock: "0.5rem" }}>
            <Text size="sm">
              <b>{one.actor.name === "platform" ? "The platform" : one.actor.display_name}</b>{" "}
              {activityText(one)}
            </Text>
            <Text size="xs" c="dimmed">
              <TimeAgo at={one.at} />
            </Text>
          </li>
        )}
      </PagedList>
    </Section>
  );
}
