import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Dialog, Notification, type ISessionContext } from "@jupyterlab/apputils";
import { INotebookTracker, type NotebookPanel } from "@jupyterlab/notebook";
import type { Kernel } from "@jupyterlab/services";

import { RequestError } from "../core/errors";
import { server } from "../core/server";
import { ICollegium } from "../core/token";
import { tellOfKernels } from "./notices";
import type { KernelModel } from "./usage";

const ASK_AGAIN_MS = 700;
const ATTEMPTS = 6;
const LOOK_MS = 50;
const LOOKS = 40;
const GONE = "Kernel died unexpectedly"; // what JupyterLab says of one that the server does not know any more

/** Why a kernel died, in the dialog that says that it did; what one waits for; which idle one ends soon. */
export const kernelDeathPlugin: JupyterFrontEndPlugin<void> = {
  id: "@collegium/lab:kernel-death",
  description: "Tells why a kernel died, what one waits for, and which idle one ends soon.",
  autoStart: true,
  requires: [ICollegium, INotebookTracker],
  activate: (app: JupyterFrontEnd, collegium: ICollegium, notebooks: INotebookTracker): void => {
    tellOfKernels(app, collegium);
    notebooks.widgetAdded.connect((_, panel) => {
      let told = "";
      panel.sessionContext.statusChanged.connect((context: ISessionContext, status: Kernel.Status) => {
        if (status !== "autorestarting" && status !== "dead") {
          if (status === "idle" || status === "busy") told = "";
          return;
        }
        const kernel = context.session?.kernel?.id;
        if (!kernel || told === kernel) return;
        told = kernel;
        void tell(collegium, panel, kernel);
      });
    });
  },
};

async function tell(collegium: ICollegium, panel: NotebookPanel, kernel: string): Promise<void> {
  for (let n = 0; n < ATTEMPTS; n++) {
    try {
      const model = await server<KernelModel>(collegium.settings, "GET", `api/kernels/${kernel}`);
      if (model.last_end) {
        show(panel, model.last_end.message);
        return;
      }
    } catch (error) {
      if (error instanceof RequestError && error.status === 404) await sayGone(panel);
      return;
    }
    await new Promise((resolve) => window.setTimeout(resolve, ASK_AGAIN_MS));
  }
}

/** It ended with its server, which is no error: a notice says so in the place of JupyterLab's dialog. */
async function sayGone(panel: NotebookPanel): Promise<void> {
  Notification.info(
    `The kernel of ${panel.title.label} ended with the project's server. A new one starts with the next cell that is run.`,
    { autoClose: false },
  );
  for (let n = 0; n < LOOKS; n++) {
    const dialog = Dialog.tracker.find((each) => each.node.textContent?.includes(GONE) ?? false);
    if (dialog) return dialog.reject();
    await new Promise((resolve) => window.setTimeout(resolve, LOOK_MS));
  }
}

function show(panel: NotebookPanel, message: string): void {
  const dialog = Dialog.tracker.find(
    (each) => each.node.textContent?.includes("appears to have died") ?? false,
  );
  const body = dialog?.node.querySelector(".jp-Dialog-body");
  if (!body) {
    Notification.error(`The kernel of ${panel.title.label} ended. ${message}`, { autoClose: false });
    return;
  }
  const reason = document.createElement("p");
  reason.className = "collegium-DeathReason";
  reason.textContent = message;
  body.append(reason);
}
