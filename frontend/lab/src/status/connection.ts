import {
  IConnectionLost,
  JupyterLab,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin,
} from "@jupyterlab/application";
import { Dialog, showDialog } from "@jupyterlab/apputils";
import { URLExt } from "@jupyterlab/coreutils";

import { platform, projectId } from "../core/platform";
import { attempt } from "../core/view";

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
      await untilItAnswers(URLExt.join(app.serviceManager.serverSettings.baseUrl, "api/status"));
      if (info) info.isConnected = true;
      isLost = false;
    };
  },
};

async function untilItAnswers(address: string): Promise<void> {
  for (let asked = false; ;) {
    const status = navigator.onLine ? await statusOf(address) : 0;
    if (status && !NOT_RUNNING.includes(status)) return;
    if (status && !asked) {
      asked = true;
      await offerToStart();
    }
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

async function offerToStart(): Promise<void> {
  const answer = await showDialog({
    title: "The project's server has stopped",
    body: "What you typed is kept in this tab, and is sent when the server runs again.",
    buttons: [Dialog.cancelButton({ label: "Not now" }), Dialog.okButton({ label: "Start it" })],
  });
  if (answer.button.accept) await attempt(() => platform("POST", `/projects/${projectId}/server`));
}
