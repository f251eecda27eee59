import { Notification } from "@jupyterlab/apputils";
import { URLExt } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";

import { RequestError } from "./platform";

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

const SIGN_IN =
  "You are signed out here. Sign in again in another tab; what you typed in this one is kept and sent.";
let isTold = false;
let renewal: Promise<void> | undefined;

/**
 * Have the server know the person again, should it not: one that was started anew knows no page that was open before.
 * Its sign-in at the hub answers without a page in between, as long as the person is signed in there.
 */
export function renewSession(settings: ServerConnection.ISettings): Promise<void> {
  renewal ??= renew(settings).finally(() => (renewal = undefined));
  return renewal;
}

async function renew(settings: ServerConnection.ISettings): Promise<void> {
  if (!(await isStranger(settings))) return;
  const page = serverUrl(settings, "lab");
  // Not "cors": the hub would want the token of a page of its own.
  await fetch(page, { mode: "no-cors", cache: "no-store" }).catch(() => undefined);
  if (isTold || !(await isStranger(settings))) return;
  isTold = true;
  const actions = [{ label: "Sign in", callback: () => void window.open(page, "_blank", "noopener") }];
  Notification.warning(SIGN_IN, { autoClose: false, actions });
}

/** Whether the server answers, and does not know who asks or gives them no rights. */
async function isStranger(settings: ServerConnection.ISettings): Promise<boolean> {
  try {
    await server(settings, "GET", "api/me");
    isTold = false;
    return false;
  } catch (error) {
    return error instanceof RequestError && error.status === 403;
  }
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
