import { Group, Text } from "@mantine/core";
import type { ServerState } from "@/api/types";

const LABELS: Record<ServerState, string> = {
  stopped: "Stopped",
  starting: "Starting",
  running: "Running",
  stopping: "Stopping",
  failed: "Failed",
};

/** The state of a project's server: a word, with a dot for the quick glance. */
export function ServerStateLabel({ state, size = "sm" }: { state: ServerState; size?: "sm" | "md" }) {
  return (
    <Group gap="0.45rem" wrap="nowrap" display="inline-flex">
      <span className="state-dot" data-state={state} aria-hidden="true" />
      <Text span size={size} {...(state === "stopped" ? { c: "dimmed" } : {})}>
        {LABELS[state]}
      </Text>
    </Group>
  );
}
