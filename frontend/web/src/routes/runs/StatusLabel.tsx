import { Group, Text } from "@mantine/core";
import type { Status } from "./api";

const LABELS: Record<Status, string> = {
  queued: "Waiting",
  waiting: "Waiting",
  running: "Running",
  ok: "Done",
  reused: "Reused",
  failed: "Failed",
  skipped: "Skipped",
  blocked: "Blocked",
  cancelled: "Stopped",
};

const DOTS: Record<Status, string> = {
  queued: "stopped",
  waiting: "stopped",
  running: "starting",
  ok: "running",
  reused: "running",
  failed: "failed",
  skipped: "stopped",
  blocked: "failed",
  cancelled: "stopped",
};

/** How a run, a step or an item stands: a word, with a dot for the quick glance. */
export function StatusLabel({ status, size = "sm" }: { status: Status; size?: "sm" | "md" }) {
  return (
    <Group gap="0.45rem" wrap="nowrap" display="inline-flex">
      <span className="state-dot" data-state={DOTS[status]} aria-hidden="true" />
      <Text span size={size}>
        {LABELS[status]}
      </Text>
    </Group>
  );
}

export const statusWord = (status: Status) => LABELS[status];

/** The status of a step that has items in several. */
export function stepStatus(counts: Readonly<Record<string, number>>): Status {
  const order: Status[] = ["failed", "running", "blocked", "cancelled", "waiting", "ok", "reused", "skipped"];
  return order.find((status) => (counts[status] ?? 0) > 0) ?? "waiting";
}
