import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { apiBase } from "@/lib/paths";
import { api, unwrap } from "./client";
import { ApiError, asApiError, errorFromAnswer, unreachable } from "./errors";
import type { components } from "./schema";

export type FileEntry = components["schemas"]["FileEntry"];
export type FoundFile = components["schemas"]["FoundFile"];

const PART_BYTES = 900_000;
const TRIES = 6;
const FIRST_PAUSE_MS = 500;

export const filesQuery = (id: string, path: string) =>
  queryOptions({
    queryKey: ["files", id, path],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/projects/{project_id}/files", {
          params: { path: { project_id: id }, query: { path } },
          signal,
        }),
      ),
    refetchInterval: 10_000,
  });

export const searchQuery = (id: string, text: string) =>
  queryOptions({
    queryKey: ["search", id, text],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/projects/{project_id}/search", {
          params: { path: { project_id: id }, query: { text } },
          signal,
        }),
      ),
    enabled: text !== "",
    placeholderData: keepPreviousData,
  });

export const viewQuery = (id: string, path: string) =>
  queryOptions({
    queryKey: ["view", id, path],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/projects/{project_id}/view", {
          params: { path: { project_id: id }, query: { path } },
          signal,
        }),
      ),
    retry: false,
  });

/** Address that saves a file; the browser continues a download that was interrupted. */
export function downloadUrl(id: string, path: string): string {
  return `${apiBase}/projects/${id}/download?path=${encodeURIComponent(path)}`;
}

interface Upload {
  projectId: string;
  path: string;
  file: Blob;
  replace?: boolean;
  /** Called with the bytes that have arrived. */
  onProgress: (bytes: number) => void;
  signal: AbortSignal;
}

/**
 * Upload a file part by part. What has arrived before an interruption is not sent again, also not after a reload.
 *
 * @throws ApiError when the platform refuses, or does not answer for long
 */
export async function upload({ projectId, path, file, replace = false, onProgress, signal }: Upload) {
  const address = (offset: number) => {
    const query = new URLSearchParams({ path, size: String(file.size), offset: String(offset) });
    if (replace) query.set("replace", "true");
    return `${apiBase}/projects/${projectId}/upload?${query}`;
  };
  let offset = (await ask<{ received_bytes: number }>(address(0), { signal })).received_bytes;
  for (;;) {
    onProgress(offset);
    const answer = await ask<{ received_bytes: number; is_complete: boolean }>(address(offset), {
      method: "PUT",
      headers: { "Content-Type": "application/octet-stream", "X-Collegium-Client": "web" },
      body: file.slice(offset, offset + PART_BYTES),
      signal,
    });
    offset = answer.received_bytes;
    if (answer.is_complete) break;
  }
  onProgress(offset);
}

async function ask<T>(url: string, init: RequestInit): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await fetch(url, init).catch((error: unknown) => {
        throw init.signal?.aborted ? error : unreachable();
      });
      const body: unknown = await answer.json();
      if (!answer.ok) throw errorFromAnswer(answer.status, body);
      return body as T;
    } catch (error) {
      const isPassing = error instanceof ApiError && asApiError(error).isTemporary;
      if (!isPassing || attempt >= TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** attempt));
    }
  }
}
