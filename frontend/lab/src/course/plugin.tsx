import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { IDocumentManager } from "@jupyterlab/docmanager";
import { INotebookTools, INotebookTracker } from "@jupyterlab/notebook";
import React from "react";

import { courseIcon } from "../core/icons";
import { CATEGORY, ICollegium } from "../core/token";
import { Panel } from "../core/view";
import { addGradingTools } from "./celltools";
import { CoursePanel } from "./panel";

const PANEL_ID = "collegium-courses";
const COMMAND = "collegium:courses";

/** A student's courses at the left, an instructor's kinds of cells in the property inspector. */
export const coursePlugin: JupyterFrontEndPlugin<void> = {
  id: "@collegium/lab:courses",
  description: "Assignments: fetch, check, hand in, feedback; kinds and points of cells.",
  autoStart: true,
  requires: [ICollegium, ILabShell, IDocumentManager, INotebookTracker],
  optional: [INotebookTools, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    collegium: ICollegium,
    shell: ILabShell,
    documents: IDocumentManager,
    notebooks: INotebookTracker,
    tools: INotebookTools | null,
    palette: ICommandPalette | null,
  ): void => {
    shell.add(
      new Panel(PANEL_ID, "Courses", courseIcon, () => <CoursePanel page={{ app, documents }} />),
      "left",
      {
        rank: 160,
      },
    );
    app.commands.addCommand(COMMAND, {
      label: "Show Courses and Assignments",
      execute: () => shell.activateById(PANEL_ID),
    });
    palette?.addItem({ command: COMMAND, category: CATEGORY });
    if (tools) addGradingTools(tools, notebooks, collegium);
  },
};
