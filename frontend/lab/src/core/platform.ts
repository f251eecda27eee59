import { PageConfig } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";

import { RequestError } from "./errors";
import { apiPath, isOwnOrigin, webPath } from "./project";
import { renewSession, SIGNED_OUT } from "./session";

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
    if (response.status === 401) {
      // In an origin of its own the page shows the token of its server, which may have been started anew. Elsewhere the
      // person is signed in at the hub, but not yet at the platform's service: it asks the hub without a page in between.
      await (isOwnOrigin ? renewSession(ServerConnection.makeSettings()) : fetch(`${webPath}login`));
      response = await ask();
    }
    if (response.ok) return response;
    if (response.status === 401 && isOwnOrigin) throw new RequestError(SIGNED_OUT, 401);
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
