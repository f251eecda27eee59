/**
 * Signing in again at a server that was started anew, which knows no page that was open before.
 *
 * The page is never reloaded for it: what was typed in it meanwhile is nowhere else yet.
 */

import { Notification } from "@jupyterlab/apputils";
import { PageConfig } from "@jupyterlab/coreutils";
import type { ServerConnection } from "@jupyterlab/services";
import { Signal } from "@lumino/signaling";

import { RequestError } from "./errors";
import { isOwnOrigin } from "./project";
import { server, serverResponse, serverUrl } from "./server";

/** What a person is told who has to sign in. */
export const SIGNED_OUT =
  "You are signed out here. Sign in again: what you typed on this page is kept and sent.";
/** The server knows the person again. */
export const signedIn = new Signal<object, void>({});
const UNSEEN_MS = 10_000;
const LOOK_MS = 1000;
const KERNEL = /\/api\/kernels\/[^/]+$/;
let renewal: Promise<void> | undefined;
let notice = "";

/**
 * Have JupyterLab ask for its kernels again later when the server refuses to tell of one.
 *
 * It takes a kernel that it is refused for dead. A page that is signed out for the moment is refused all of them.
 */
export function keepKernels(settings: ServerConnection.ISettings): void {
  const ask = settings.fetch;
  (settings as { fetch: typeof ask }).fetch = async (input, init) => {
    const response = await ask(input, init);
    const { method, url } = input instanceof Request ? input : new Request(input, init);
    const isRefused = response.status === 403 && method === "GET" && KERNEL.test(new URL(url).pathname);
    return isRefused ? new Response(response.body, { status: 503, headers: response.headers }) : response;
  };
}

/**
 * Have the server know the person again, should it not.
 *
 * As long as they are signed in at the platform it answers without a page in between; else they are asked.
 */
export function renewSession(settings: ServerConnection.ISettings): Promise<void> {
  renewal ??= renew(settings).finally(() => (renewal = undefined));
  return renewal;
}

async function renew(settings: ServerConnection.ISettings): Promise<void> {
  if ((await knownAs(settings)) === "stranger") {
    const page = serverUrl(settings, "api/collaboration/signed-in");
    // Not "cors": the hub would want the token of a page of its own.
    if (isOwnOrigin) await visitUnseen(page);
    else await fetch(page, { mode: "no-cors", cache: "no-store" }).catch(() => undefined);
    if ((await knownAs(settings)) === "stranger") return askToSignIn(settings, page);
  }
  await takeUp(settings);
}

/**
 * Go to a page and back in a frame that nobody sees. None of the pages on the way shows in a frame; each redirects.
 *
 * Browsers send no cookies of the platform on the way where its site is another than the project's.
 */
function visitUnseen(page: string): Promise<void> {
  return new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.hidden = true;
    frame.src = page;
    const end = () => {
      window.clearTimeout(timer);
      frame.remove();
      resolve();
    };
    const timer = window.setTimeout(end, UNSEEN_MS);
    frame.addEventListener("load", end);
    document.body.append(frame);
  });
}

function askToSignIn(settings: ServerConnection.ISettings, page: string): void {
  if (Notification.manager.has(notice)) return;
  const signIn = (event: MouseEvent) => {
    event.preventDefault(); // the notice stays until it is done
    const shown = window.open(page, "collegium-sign-in", "popup,width=560,height=700");
    void untilKnown(settings, shown);
  };
  const actions = [{ label: "Sign in", callback: signIn }];
  notice = Notification.warning(SIGNED_OUT, { autoClose: false, actions });
}

async function untilKnown(settings: ServerConnection.ISettings, shown: Window | null): Promise<void> {
  for (let open = true; open;) {
    await new Promise((resolve) => window.setTimeout(resolve, LOOK_MS));
    open = shown !== null && !shown.closed; // one more look after it was closed
    if ((await knownAs(settings)) !== "member") continue;
    shown?.close();
    await takeUp(settings);
    return;
  }
}

/** Go on as who is signed in: with the token that the server gives its pages now. */
async function takeUp(settings: ServerConnection.ISettings): Promise<void> {
  try {
    const byCookie = { ...settings, token: "" }; // a page that is asked for with a token gives the same one back
    const text = await (await serverResponse(byCookie, "GET", "lab")).text();
    const page = new DOMParser().parseFromString(text, "text/html");
    const told = page.getElementById("jupyter-config-data")?.textContent ?? "{}";
    const { token = "" } = JSON.parse(told) as { token?: string };
    PageConfig.setOption("token", token);
    (settings as { token: string }).token = token; // which all of JupyterLab's parts share
  } catch {
    return; // it went away again: the next reconnection asks anew
  }
  if (Notification.manager.has(notice)) Notification.dismiss(notice);
  signedIn.emit();
}

/** Whether the server knows who asks; a stranger is who it does not know, or who has no rights. */
async function knownAs(settings: ServerConnection.ISettings): Promise<"member" | "stranger" | "nobody"> {
  try {
    await server(settings, "GET", "api/me");
    return "member";
  } catch (error) {
    return error instanceof RequestError && error.status === 403 ? "stranger" : "nobody";
  }
}
