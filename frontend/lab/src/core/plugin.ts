import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { IDocumentManager } from "@jupyterlab/docmanager";

import { CurrentDocument } from "./current";
import { ServerEvents } from "./events";
import { Rights } from "./rights";
import { keepKernels } from "./session";
import { ICollegium } from "./token";

/** The page's ties to its project: who is here with which rights, what the server tells, what is looked at. */
export const corePlugin: JupyterFrontEndPlugin<ICollegium> = {
  id: "@collegium/lab:core",
  description: "The page's ties to its project.",
  autoStart: true,
  requires: [IDocumentManager],
  provides: ICollegium,
  activate: (app: JupyterFrontEnd, documents: IDocumentManager): ICollegium => {
    const settings = app.serviceManager.serverSettings;
    keepKernels(settings);
    const events = new ServerEvents(settings);
    return {
      settings,
      events,
      rights: new Rights(settings, events),
      current: new CurrentDocument(app, documents),
    };
  },
};
