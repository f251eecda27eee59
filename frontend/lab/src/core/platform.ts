import { PageConfig } from "@jupyterlab/coreutils";

/** The project that this page belongs to, as its server tells; empty outside of the platform. */
export const projectId = PageConfig.getOption("collegiumProject");
const apiPath = PageConfig.getOption("collegiumApi");
/** Whether this page is in an origin of its project's own, where no cookie of the platform is sent. */
export const isOwnOrigin = /^https?:/.test(apiPath);
/** Address of the platform's web app, with a final slash. */
export const webPath = apiPath.replace(/api$/, "");
/** The project's page in the web app. */
export const projectPage = `${webPath}projects/${projectId}`;

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

interface Problem {
  title?: string;
  detail?: string;
}

/**
 * Ask the platform's API as the signed-in person. A page in its project's own origin may ask about that project only.
 *
 * @param method HTTP method
 * @param path below the API's path, with a leading slash
 * @param body sent as JSON
 * @throws RequestError
 */
export async function platform<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await platformResponse(method, path, body);
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/** The same, without reading the answer: for downloads. */
export async function platformResponse(method: string, path: string, body?: unknown): Promise<Response> {
  const ask = () =>
    fetch(apiPath + path, {
      method,
      credentials: isOwnOrigin ? "omit" : "same-origin",
      headers: {
        ...(isOwnOrigin
          ? { Authorization: `Bearer ${PageConfig.getToken()}` }
          : { "X-Collegium-Client": "lab" }),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  try {
    let response = await ask();
    if (response.status === 401 && isOwnOrigin)
      throw new RequestError("You are signed out. Save what you need, then reload this page.", 401);
    if (response.status === 401) {
      // Signed in at the hub, but not yet at the platform's service: it asks the hub, without a page in between.
      await fetch(`${webPath}login`);
      response = await ask();
    }
    if (response.ok) return response;
    throw new RequestError(await problemOf(response), response.status);
  } catch (error) {
    if (error instanceof RequestError) throw error;
    throw new RequestError("The platform does not answer. Check your connection, then try again.", 0);
  }
}

async function problemOf(response: Response): Promise<string> {
  try {
    const problem = (await response.json()) as Problem;
    const said = [problem.title, problem.detail].filter(Boolean).join(": ");
    if (said) return said;
  } catch {
    // not a problem document: the status says all there is
  }
  return `The platform answered with status ${response.status}. Try again; if it stays, tell the operator.`;
}
