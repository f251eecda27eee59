import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Dialog, ICommandPalette, ReactWidget, showDialog } from "@jupyterlab/apputils";
import { IMainMenu } from "@jupyterlab/mainmenu";
import { INotebookCellExecutor, INotebookTracker } from "@jupyterlab/notebook";
import { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { IStatusBar } from "@jupyterlab/statusbar";
import React, { useEffect, useState } from "react";

import { count } from "../core/format";
import { runsIcon } from "../core/icons";
import { encodePath, server } from "../core/server";
import { CATEGORY, ICollegium } from "../core/token";
import { attempt, useSignals } from "../core/view";
import { ServerExecutor } from "./executor";
import { runWithParameters } from "./form";
import { renderLargeOutputs } from "./outputs";
import { showCellStates } from "./prompts";
import { queueWords, type Queue } from "./queue";

const STOP = "collegium:run-stop-all";
const PARAMETERS = "collegium:run-with-parameters";

/** Cells run on the server. */
export const executorPlugin: JupyterFrontEndPlugin<INotebookCellExecutor> = {
  id: "@collegium/lab:cell-executor",
  description: "Runs cells on the server, whether or not a browser is there.",
  autoStart: true,
  requires: [ICollegium],
  provides: INotebookCellExecutor,
  activate: (_app: JupyterFrontEnd, collegium: ICollegium) => new ServerExecutor(collegium),
};

/** What runs and waits, questions of programs, and large outputs. */
export const runsPlugin: JupyterFrontEndPlugin<void> = {
  id: "@collegium/lab:runs",
  description: "Shows what runs and waits, and outputs that are kept on the server.",
  autoStart: true,
  requires: [ICollegium, INotebookTracker, IRenderMimeRegistry],
  optional: [ICommandPalette, IMainMenu, IStatusBar],
  activate: (
    app: JupyterFrontEnd,
    collegium: ICollegium,
    notebooks: INotebookTracker,
    rendermime: IRenderMimeRegistry,
    palette: ICommandPalette | null,
    menu: IMainMenu | null,
    statusBar: IStatusBar | null,
  ): void => {
    renderLargeOutputs(rendermime, collegium);
    showCellStates(notebooks, collegium);
    app.commands.addCommand(STOP, {
      label: "Stop Everything That Runs and Waits in This Notebook",
      isEnabled: () => collegium.current.document?.notebook != null,
      execute: () => stop(collegium, collegium.current.document?.context.localPath),
    });
    app.commands.addCommand(PARAMETERS, {
      label: "Run with Parameters…",
      caption: "Run this notebook with other values, as a run that is kept with its record",
      icon: runsIcon,
      isEnabled: () => collegium.current.document?.notebook != null,
      execute: async () => {
        const open = collegium.current.document;
        if (!open?.notebook) return;
        await attempt(async () => {
          if (open.context.model.dirty) await open.context.save(); // what runs is what is seen
          await runWithParameters(open.context.localPath);
        });
      },
    });
    app.commands.addKeyBinding({ command: PARAMETERS, keys: ["Accel Alt R"], selector: "body" });
    collegium.current.changed.connect(() => app.commands.notifyCommandChanged());
    [STOP, PARAMETERS].forEach((command) => palette?.addItem({ command, category: CATEGORY }));
    menu?.runMenu.addGroup([{ command: PARAMETERS }, { command: STOP }], 50);
    statusBar?.registerStatusItem("@collegium/lab:queue", {
      item: ReactWidget.create(<QueueItem collegium={collegium} />),
      align: "left",
      rank: 4,
    });
  },
};

async function stop(collegium: ICollegium, path: string | undefined): Promise<void> {
  if (path === undefined) return;
  await attempt(() => server(collegium.settings, "DELETE", `api/collaboration/queue/${encodePath(path)}`));
}

function QueueItem({ collegium }: { collegium: ICollegium }): React.JSX.Element {
  useSignals(collegium.current.changed);
  const open = collegium.current.document;
  const path = open?.notebook ? open.context.localPath : undefined;
  const [queues, setQueues] = useState<Record<string, Queue>>({});
  useEffect(() => {
    const keep = (queue: Queue) => setQueues((old) => ({ ...old, [queue.path]: queue }));
    const listener = (_: unknown, event: { type: string }) => {
      if (event.type === "queue") keep(event as unknown as Queue);
    };
    collegium.events.received.connect(listener);
    if (path) {
      const address = `api/collaboration/queue/${encodePath(path)}`;
      server<Queue>(collegium.settings, "GET", address).then(keep, () => undefined);
    }
    return () => void collegium.events.received.disconnect(listener);
  }, [collegium, path]);
  const queue = path === undefined ? undefined : queues[path];
  const words = queueWords(queue);
  if (!words || !queue) return <></>;
  return (
    <button
      type="button"
      className="collegium-StatusButton jp-StatusBar-TextItem"
      title="What runs and waits in this notebook. Click to see and stop it."
      onClick={() => void showQueue(collegium, queue)}
    >
      {words}
    </button>
  );
}

async function showQueue(collegium: ICollegium, queue: Queue): Promise<void> {
  const states = { waiting: "waits", running: "runs", input: "waits for an answer", done: "has ended" };
  const answer = await showDialog({
    title: count(queue.requests.length, "cell") + " running or waiting",
    body: (
      <ol className="collegium-QueueList">
        {queue.requests.map((request) => (
          <li key={request.id}>
            {states[request.state]}, asked by {request.by}
          </li>
        ))}
      </ol>
    ),
    buttons: [
      Dialog.cancelButton({ label: "Close" }),
      ...(collegium.rights.mayExecute ? [Dialog.warnButton({ label: "Stop All" })] : []),
    ],
  });
  if (answer.button.accept) await stop(collegium, queue.path);
}
