import { fullTime, timeAgo } from "@/lib/time";

/** A moment in words, with the full date on hover. */
export function TimeAgo({ at }: { at: string }) {
  const then = new Date(at);
  return (
    <time dateTime={at} title={fullTime(then)}>
      {timeAgo(then, new Date())}
    </time>
  );
}
