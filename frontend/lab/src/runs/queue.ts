/** What waits and runs on a document's kernel (docs/dev/rooms_http.md, "Running cells"). Pure. */

export interface RunRequest {
  id: string;
  path: string;
  cell_id: string;
  kernel_id: string;
  by: string;
  state: "waiting" | "running" | "input" | "done";
  status: "ok" | "error" | "aborted" | null;
  reason: string;
  execution_count: number | null;
}
export interface Queue {
  path: string;
  kernel_id: string | null;
  requests: RunRequest[];
  stopped: { reason: string; at: number } | null;
}

/** The queue in a few words; empty when nothing runs. */
export function queueWords(queue: Queue | undefined): string {
  const requests = queue?.requests ?? [];
  const waiting = requests.filter((request) => request.state === "waiting").length;
  const asks = requests.some((request) => request.state === "input");
  const runs = requests.length - waiting;
  if (!requests.length) return "";
  return [asks ? "Waits for an answer" : runs ? "Running" : "", waiting ? `${waiting} waiting` : ""]
    .filter(Boolean)
    .join(" · ");
}
