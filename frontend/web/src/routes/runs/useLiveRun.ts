import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, unwrap } from "@/api/client";
import { eventData } from "@/lib/eventStream";
import { isEnded, runQuery, type RunChange, type RunDetail, type RunItem } from "./api";

const RECONNECT_MS = 2000;

export type Progress = Readonly<Record<string, { cell: number; of: number }>>;

export const nameOf = (item: { step: string; index: number }) => `${item.step}/${item.index}`;

/** A run as it goes on: its rows by query, what changes by the events of the service. */
export function useLiveRun(projectId: string, runId: string) {
  const client = useQueryClient();
  const query = useQuery(runQuery(projectId, runId));
  const [progress, setProgress] = useState<Progress>({});
  const isLive = query.data !== undefined && !isEnded(query.data.run.status);

  useEffect(() => {
    if (!isLive) return;
    const controller = new AbortController();
    const { queryKey } = runQuery(projectId, runId);
    const take = (change: RunChange) => {
      client.setQueryData(queryKey, (old: RunDetail | undefined) => old && merged(old, change));
      if (change.progress.length > 0)
        setProgress((old) => ({
          ...old,
          ...Object.fromEntries(change.progress.map((p) => [nameOf(p), { cell: p.cell, of: p.of }])),
        }));
      // The graph's counts are the service's own.
      if (change.items.length > 0 || change.ended) void client.invalidateQueries({ queryKey });
    };
    void follow(projectId, runId, take, controller.signal);
    return () => controller.abort();
  }, [client, projectId, runId, isLive]);

  return { query, progress };
}

/** Read events until the run has ended; connect again when the service was away. */
async function follow(
  projectId: string,
  runId: string,
  take: (change: RunChange) => void,
  signal: AbortSignal,
): Promise<void> {
  const params = { path: { project_id: projectId, run_id: runId } };
  while (!signal.aborted) {
    try {
      const body = await unwrap<ReadableStream<Uint8Array> | null>(
        api.GET("/runs/{project_id}/{run_id}/events", { params, signal, parseAs: "stream" }),
      );
      if (body)
        for await (const data of eventData(body)) {
          const change = JSON.parse(data) as RunChange;
          take(change);
          if (change.ended) return;
        }
    } catch {
      // The service is away for a moment, or nobody looks any more, which the loop finds out.
    }
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

function merged(old: RunDetail, change: RunChange): RunDetail {
  const changed = new Map<string, RunItem>(change.items.map((item) => [nameOf(item), item]));
  const items = old.items.map((item) => {
    const now = changed.get(nameOf(item));
    changed.delete(nameOf(item));
    return now ?? item;
  });
  return { ...old, run: change.run, items: [...items, ...changed.values()] };
}
