import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { eventData } from "@/lib/eventStream";
import { api, unwrap } from "./client";
import { ApiError, asApiError } from "./errors";
import { serverQuery } from "./queries";
import type { ServerEvent } from "./types";

export type ServerStart =
  | { phase: "idle" }
  | { phase: "starting"; progress: number; message: string }
  | { phase: "ready"; url: string }
  | { phase: "failed"; error: ApiError };

const STATE_POLL_MS = 1000;

/** JupyterHub's own words for the steps, in ours. */
const STEPS: Readonly<Record<string, string>> = {
  "Server requested": "Asking for the server",
  "Spawning server...": "Starting the server",
};

type Report = (progress: number, message: string) => void;

/**
 * Start a project's server and follow it until it can be used.
 *
 * @returns path of the server
 * @throws ApiError when it cannot be started, with the reason
 */
export async function startServer(projectId: string, report: Report, signal: AbortSignal): Promise<string> {
  const params = { path: { project_id: projectId } };
  const server = await unwrap(api.POST("/projects/{project_id}/server", { params, signal }));
  if (server.state === "running" && server.url) return server.url;
  const url = await followEvents(projectId, report, signal);
  return url ?? (await followState(projectId, report, signal));
}

/** Follow the start's events; undefined when they end without saying how the start went. */
async function followEvents(
  projectId: string,
  report: Report,
  signal: AbortSignal,
): Promise<string | undefined> {
  const params = { path: { project_id: projectId } };
  try {
    const body = await unwrap(
      api.GET("/projects/{project_id}/server/events", { params, signal, parseAs: "stream" }),
    );
    if (!body) return undefined;
    for await (const data of eventData(body)) {
      const event = JSON.parse(data) as ServerEvent;
      if (event.failed) throw failure(event.message);
      if (event.ready && event.url) return event.url;
      report(event.progress, STEPS[event.message] ?? event.message);
    }
  } catch (error) {
    // A cut connection or a start that was over before the events were asked for: the server's state has the answer.
    const isVerdict = error instanceof ApiError && !error.isTemporary && error.status !== 404;
    if (isVerdict || signal.aborted) throw error;
  }
  return undefined;
}

async function followState(projectId: string, report: Report, signal: AbortSignal): Promise<string> {
  const params = { path: { project_id: projectId } };
  for (;;) {
    const server = await unwrap(api.GET("/projects/{project_id}/server", { params, signal }));
    if (server.state === "running" && server.url) return server.url;
    if (server.state !== "starting") throw failure(server.message ?? "");
    report(50, server.message ?? "Waiting for the server");
    await pause(STATE_POLL_MS, signal);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")), { once: true });
    setTimeout(resolve, milliseconds);
  });
}

/** Start a project's server from a component, which shows the phase that the start is in. */
export function useServerStart(projectId: string): {
  start: ServerStart;
  run: () => Promise<string | undefined>;
} {
  const client = useQueryClient();
  const [start, setStart] = useState<ServerStart>({ phase: "idle" });
  const running = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => running.current?.abort(), []);

  const run = useCallback(async () => {
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    setStart({ phase: "starting", progress: 0, message: "Asking for the server" });
    try {
      const url = await startServer(
        projectId,
        (progress, message) => setStart({ phase: "starting", progress, message }),
        controller.signal,
      );
      setStart({ phase: "ready", url });
      return url;
    } catch (error) {
      if (controller.signal.aborted) return undefined;
      setStart({ phase: "failed", error: asApiError(error) });
      return undefined;
    } finally {
      void client.invalidateQueries({ queryKey: serverQuery(projectId).queryKey });
      void client.invalidateQueries({ queryKey: ["projects"] });
    }
  }, [client, projectId]);

  return { start, run };
}

function failure(message: string): ApiError {
  const detail =
    message.replace(/^Spawn failed: /, "") ||
    "It ended before it could be used. Try again; if it fails again, tell the operator.";
  return new ApiError("The server did not start", detail, -1);
}
