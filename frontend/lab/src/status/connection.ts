import {
  IConnectionLost,
  JupyterLab,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin,
} from "@jupyterlab/application";
import { Dialog, showDialog } from "@jupyterlab/apputils";

import type { Schemas } from "../core/api";
import { isMissing, RequestError } from "../core/errors";
import { platform } from "../core/platform";
import { isOwnOrigin, projectId, projectPage } from "../core/project";
import { serverUrl } from "../core/server";
import { renewSession } from "../core/session";
import { attempt } from "../core/view";
import { KEPT, stopped } from "./rules";

const ASK_MS = 3000;
const NOT_RUNNING = [424, 503];

/**
 * What happens when the server cannot be reached, in the place of a dialog that says it is not running.
 *
 * Without a network the status bar says that what is typed is kept, and nothing stands in the way of typing on. Only a
 * server that really has stopped is asked about, once: starting it needs a decision.
 */
export const connectionPlugin: JupyterFrontEndPlugin<IConnectionLost> = {
  id: "@collegium/lab:connection-lost",
  description: "Waits for the network; offers to start a server that has stopped.",
  autoStart: true,
  optional: [JupyterLab.IInfo],
  provides: IConnectionLost,
  activate: (app: JupyterFrontEnd, info: JupyterLab.IInfo | null): IConnectionLost => {
    let isLost = false;
    return async () => {
      if (isLost) return;
      isLost = true;
      if (info) info.isConnected = false; // nothing is asked meanwhile
      const settings = app.serviceManager.serverSettings;
      await untilItAnswers(serverUrl(settings, "api/status"));
      await renewSession(settings);
      if (info) info.isConnected = true;
      isLost = false;
    };
  },
};

async function untilItAnswers(address: string): Promise<void> {
  for (let asked = false; ;) {
    const status = navigator.onLine ? await statusOf(address) : 0;
    if (status && !NOT_RUNNING.includes(status)) return;
    if (status && !asked) asked = await offerToStart();
    await new Promise((resolve) => window.setTimeout(resolve, ASK_MS));
  }
}

async function statusOf(address: string): Promise<number> {
  try {
    return (await fetch(address, { cache: "no-store" })).status;
  } catch {
    return 0; // no network, whatever the browser believes
  }
}

/** Offer to start the server to those who may; false when it cannot be known yet who may. */
async function offerToStart(): Promise<boolean> {
  if (isOwnOrigin) return offerToOpen();
  const held = await capabilities();
  if (!held) return false;
  const { body, mayStart } = stopped(held);
  const answer = await showDialog({
    title: "The project's server has stopped",
    body,
    buttons: mayStart
      ? [Dialog.cancelButton({ label: "Not now" }), Dialog.okButton({ label: "Start it" })]
      : [Dialog.okButton({ label: "Close" })],
  });
  if (mayStart && answer.button.accept)
    await attempt(() => platform("POST", `/projects/${projectId}/server`));
  return true;
}

/** From its own origin a page may not start its server: the platform's page does, in a tab of its own. */
async function offerToOpen(): Promise<boolean> {
  const answer = await showDialog({
    title: "The project's server has stopped",
    body: `Open the project to start its server. ${KEPT}`,
    buttons: [Dialog.cancelButton({ label: "Not now" }), Dialog.okButton({ label: "Open the project" })],
  });
  if (answer.button.accept) window.open(`${projectPage}/open`, "_blank", "noopener");
  return true;
}

/** What the person may do now: it may have changed since the page was opened. Undefined while nobody answers. */
async function capabilities(): Promise<string[] | undefined> {
  try {
    return (await platform<Schemas["Project"]>("GET", `/projects/${projectId}`)).capabilities;
  } catch (error) {
    return isMissing(error) || (error instanceof RequestError && error.status === 403) ? [] : undefined;
  }
}
