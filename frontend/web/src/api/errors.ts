import type { components } from "./schema";

type Problem = components["schemas"]["Problem"];

/** What the platform answered when it did not do what was asked, in words for a person. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  /**
   * @param title what happened, in a few words
   * @param detail why, and what to do
   * @param status HTTP status, 0 when there was no answer
   * @param requestId what the operator finds the request by
   * @param fields message by the name of the wrong field
   */
  constructor(
    readonly title: string,
    readonly detail: string,
    readonly status: number,
    readonly requestId?: string,
    readonly fields: Readonly<Record<string, string>> = {},
  ) {
    super(`${title}: ${detail}`);
  }

  /** Whether asking again without a change may help. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export const unreachable = () =>
  new ApiError(
    "The platform does not answer",
    "Check your connection, then try again. If others are affected too, tell the operator.",
    0,
  );

/** Make the error that an answer describes. */
export function errorFromAnswer(status: number, body: unknown): ApiError {
  if (!isProblem(body)) {
    return new ApiError(
      "Something went wrong",
      `The platform answered with status ${status}. Try again; if it stays, tell the operator.`,
      status,
    );
  }
  const fields = Object.fromEntries(
    (body.errors ?? []).map((entry) => [entry.field ?? "", entry.message ?? ""]),
  );
  return new ApiError(body.title, body.detail, status, body.request_id ?? undefined, fields);
}

/** Turn whatever was thrown into something that can be shown. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiError("Something went wrong", detail, -1);
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "title" in body && "detail" in body;
}
