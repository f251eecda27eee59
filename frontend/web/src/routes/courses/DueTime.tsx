import { Text } from "@mantine/core";
import { TimeAgo } from "@/components/TimeAgo";
import { fullTime } from "@/lib/time";

/** When an assignment is due for the reader, in the reader's zone, and how far away that is. */
export function DueTime({ dueAt, closesAt }: { dueAt: string | null; closesAt: string | null }) {
  if (dueAt === null) return <Text size="sm">No due time</Text>;
  return (
    <div>
      <Text size="sm">
        Due {fullTime(new Date(dueAt))} (<TimeAgo at={dueAt} />)
      </Text>
      {closesAt !== null && closesAt !== dueAt && (
        <Text size="xs" c="dimmed">
          Taken late, for fewer points, until {fullTime(new Date(closesAt))}
        </Text>
      )}
    </div>
  );
}
