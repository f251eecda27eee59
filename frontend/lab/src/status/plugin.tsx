import { ICollaborativeContentProvider, type IDocumentProvider } from "@jupyter/collaborative-drive";
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ReactWidget } from "@jupyterlab/apputils";
import { IStatusBar } from "@jupyterlab/statusbar";
import React from "react";
import * as Y from "yjs";

import { roomOf, sharedModel, type OpenDocument } from "../core/current";
import type { ServerEvent } from "../core/events";
import { ICollegium } from "../core/token";
import { saveState, saveWords, type SaveState } from "./saving";

const LOOK_MS = 500;
const WATCHED_MOST = 50;

/** jupyter-collaboration's provider, as far as it is asked. */
interface Connected extends IDocumentProvider {
  wsProvider?: { wsconnected: boolean } | null;
}

/** "Saved", "Saving…" or "Offline: kept here" in the status bar, from the server's acknowledgements. */
export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: "@collegium/lab:save-status",
  description: "Tells in the status bar whether what was typed is safe.",
  autoStart: true,
  requires: [ICollegium, ICollaborativeContentProvider, IStatusBar],
  activate: (
    _app: JupyterFrontEnd,
    collegium: ICollegium,
    provider: ICollaborativeContentProvider,
    statusBar: IStatusBar,
  ): void => {
    const item = new SaveStatus(collegium, provider);
    statusBar.registerStatusItem("@collegium/lab:save-status", {
      item,
      align: "left",
      rank: 3,
    });
  },
};

class SaveStatus extends ReactWidget {
  constructor(
    private readonly collegium: ICollegium,
    private readonly provider: ICollaborativeContentProvider,
  ) {
    super();
    this.addClass("collegium-SaveStatus");
    collegium.events.received.connect((_, event) => this.hear(event));
    collegium.current.changed.connect(() => this.look());
    window.setInterval(() => this.look(), LOOK_MS);
    for (const change of ["online", "offline"]) window.addEventListener(change, () => this.look());
    window.addEventListener("beforeunload", (event) => {
      if (this.state === "saving" || (this.state === "offline" && this.hasOwn)) event.preventDefault();
    });
  }

  protected override render(): React.JSX.Element {
    if (!this.state) return <></>;
    const { short, long } = saveWords(this.state, this.problem);
    return (
      <span
        className="jp-StatusBar-TextItem"
        data-state={this.state}
        title={long}
        role="status"
        aria-label={`${short}. ${long}`}
      >
        {short}
      </span>
    );
  }

  private look(): void {
    const open = this.collegium.current.document;
    const state = open ? this.stateOf(open) : undefined;
    if (state === this.state) return;
    this.state = state;
    this.update();
  }

  private stateOf(open: OpenDocument): SaveState | undefined {
    const room = roomOf(open);
    if (!room) return undefined;
    this.watch(room);
    const doc = sharedModel(open).ydoc;
    const own = Y.getState(doc.store, doc.clientID);
    this.hasOwn = own > 0;
    this.problem = this.problems.get(room) ?? "";
    return saveState({
      connected: this.isConnected(open),
      own,
      durable: this.durable.get(room)?.[String(doc.clientID)] ?? 0,
      problem: this.problem,
      mayWrite: this.collegium.rights.mayWrite,
    });
  }

  /** A lost network is known to the browser long before a connection over it is given up. */
  private isConnected(open: OpenDocument): boolean {
    if (!navigator.onLine) return false;
    const local = this.collegium.current.document?.context.localPath ?? open.path;
    for (const [key, each] of this.provider.providers) {
      if (key.endsWith(`:${local}`)) return (each as Connected).wsProvider?.wsconnected ?? false;
    }
    return false;
  }

  private watch(room: string): void {
    if (this.watched.includes(room)) return;
    this.watched = [...this.watched, room].slice(-WATCHED_MOST);
    this.collegium.events.watch(this.watched);
  }

  private hear(event: ServerEvent): void {
    const room = event.room as string;
    if (event.type === "durable") {
      this.durable.set(room, { ...this.durable.get(room), ...(event.clocks as Record<string, number>) });
      this.problems.delete(room);
    } else if (event.type === "saved") {
      this.problems.delete(room);
    } else if (event.type === "unsaved") {
      this.problems.set(room, (event.reason as string) || "unknown");
    } else return;
    this.look();
  }

  private state: SaveState | undefined;
  private problem = "";
  private hasOwn = false;
  private watched: string[] = [];
  private readonly durable = new Map<string, Record<string, number>>();
  private readonly problems = new Map<string, string>();
}
