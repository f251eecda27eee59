import { fullTime, timeAgo } from "@/lib/time";
import { useNow } from "@/lib/useNow";

/** A moment in words, with the full date on hover. */
export function TimeAgo({ at }: { at: string }) {
  const then = new Date(at);
  const now = useNow();
  return (
    <time dateTime={at} title={fullTime(then)}>
      {timeAgo(then, now)}
    </time>
  );
}
