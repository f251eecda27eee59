/** What did not work, in words for a person. */
export class RequestError extends Error {
  override readonly name = "RequestError";

  /**
   * @param message what happened, and what to do
   * @param status HTTP status, 0 when there was no answer
   */
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** Whether the server has no such operation: a part that is not installed, rather than a failure. */
export function isMissing(error: unknown): boolean {
  return error instanceof RequestError && (error.status === 404 || error.status === 405);
}
