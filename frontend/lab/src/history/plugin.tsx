import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette, MainAreaWidget, ReactWidget, ToolbarButton } from "@jupyterlab/apputils";
import { IMainMenu } from "@jupyterlab/mainmenu";
import { INotebookTracker } from "@jupyterlab/notebook";
import React from "react";

import { baseName } from "../core/format";
import { historyIcon } from "../core/icons";
import { CATEGORY, ICollegium } from "../core/token";
import { DocumentHistory } from "./api";
import { HistoryView } from "./view";

const COMMAND = "collegium:history";

/** The history of documents, in a tab beside them. */
export const historyPlugin: JupyterFrontEndPlugin<void> = {
  id: "@collegium/lab:history",
  description: "Shows a document's past, compares any two moments, restores them.",
  autoStart: true,
  requires: [ICollegium, INotebookTracker],
  optional: [ICommandPalette, IMainMenu],
  activate: (
    app: JupyterFrontEnd,
    collegium: ICollegium,
    notebooks: INotebookTracker,
    palette: ICommandPalette | null,
    menu: IMainMenu | null,
  ): void => {
    app.commands.addCommand(COMMAND, {
      label: "History",
      caption: "See and restore earlier moments of this document",
      icon: historyIcon,
      isEnabled: () => collegium.current.document !== null,
      execute: () => {
        const open = collegium.current.document;
        if (open) show(app, collegium, open.context.localPath, open.widget.id);
      },
    });
    app.commands.addKeyBinding({ command: COMMAND, keys: ["Accel Alt H"], selector: "body" });
    collegium.current.changed.connect(() => app.commands.notifyCommandChanged(COMMAND));
    palette?.addItem({ command: COMMAND, category: CATEGORY });
    menu?.fileMenu.addGroup([{ command: COMMAND }], 45);
    notebooks.widgetAdded.connect((_, panel) => {
      const button = new ToolbarButton({
        icon: historyIcon,
        tooltip: "History: see and restore earlier moments (Ctrl Alt H)",
        onClick: () => show(app, collegium, panel.context.localPath, panel.id),
      });
      panel.toolbar.insertBefore("spacer", "collegium-history", button);
    });
  },
};

function show(app: JupyterFrontEnd, collegium: ICollegium, path: string, beside: string): void {
  const id = `collegium-history:${path}`;
  const there = [...app.shell.widgets("main")].find((widget) => widget.id === id);
  if (!there) {
    const history = new DocumentHistory(collegium.settings, path);
    const content = ReactWidget.create(<HistoryView history={history} rights={collegium.rights} />);
    content.addClass("collegium-History-host");
    const widget = new MainAreaWidget({ content });
    widget.id = id;
    widget.title.label = `History: ${baseName(path)}`;
    widget.title.icon = historyIcon;
    widget.title.closable = true;
    app.shell.add(widget, "main", { ref: beside, mode: "tab-after" });
  }
  app.shell.activateById(id);
}
