import { URLExt } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";

import { RequestError } from "./errors";

/** Address of something that the project's server offers, below its base. */
export function serverUrl(settings: ServerConnection.ISettings, path: string): string {
  return URLExt.join(settings.baseUrl, path);
}

/** The path of a document or file in an address. */
export function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

/**
 * Ask the project's server.
 *
 * @param settings how to reach it
 * @param method HTTP method
 * @param path below the server's base, with its query string
 * @param body sent as JSON
 * @throws RequestError
 */
export async function server<T>(
  settings: ServerConnection.ISettings,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const text = await (await serverResponse(settings, method, path, body)).text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/** The same, without reading the answer: for what is no JSON. */
export async function serverResponse(
  settings: ServerConnection.ISettings,
  method: string,
  path: string,
  body?: unknown,
): Promise<Response> {
  const init = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  let response: Response;
  try {
    response = await ServerConnection.makeRequest(serverUrl(settings, path), init, settings);
  } catch {
    throw new RequestError("The project's server does not answer. Check your connection, then try again.", 0);
  }
  if (!response.ok)
    throw new RequestError(messageOf(await response.text(), response.status), response.status);
  return response;
}

function messageOf(text: string, status: number): string {
  try {
    const said = (JSON.parse(text) as { message?: string }).message;
    if (said) return said;
  } catch {
    // no JSON: the status says all there is
  }
  return `The project's server answered with status ${status}.`;
}
