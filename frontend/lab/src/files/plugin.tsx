import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import React from "react";

import { snapshotIcon } from "../core/icons";
import { CATEGORY, ICollegium } from "../core/token";
import { Panel } from "../core/view";
import { SnapshotsPanel } from "./snapshots";

const PANEL_ID = "collegium-snapshots";
const COMMAND = "collegium:snapshots";

/** Snapshots of all files. */
export const snapshotsPlugin: JupyterFrontEndPlugin<void> = {
  id: "@collegium/lab:snapshots",
  description: "All files of the project as they were.",
  autoStart: true,
  requires: [ICollegium, ILabShell],
  optional: [ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    collegium: ICollegium,
    shell: ILabShell,
    palette: ICommandPalette | null,
  ): void => {
    const panel = new Panel(PANEL_ID, "Snapshots", snapshotIcon, () => (
      <SnapshotsPanel collegium={collegium} />
    ));
    shell.add(panel, "right", { rank: 330 });
    app.commands.addCommand(COMMAND, {
      label: "Show Snapshots of All Files",
      execute: () => shell.activateById(PANEL_ID),
    });
    palette?.addItem({ command: COMMAND, category: CATEGORY });
  },
};
