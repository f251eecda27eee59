import type { Cell } from "@jupyterlab/cells";
import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import { type PanelLayout, Widget } from "@lumino/widgets";

import { count } from "../core/format";
import { server } from "../core/server";
import type { ICollegium } from "../core/token";
import type { Thread } from "./model";

const CLASS = "collegium-CommentMark";

/** A mark on every cell with open comments, which leads to them. */
export function markCommentedCells(
  notebooks: INotebookTracker,
  collegium: ICollegium,
  open: () => void,
): void {
  notebooks.widgetAdded.connect((_, panel) => {
    const threads = new Map<number, Thread>();
    const mark = () => !panel.isDisposed && markCells(panel, threads, open);
    void panel.context.ready.then(async () => {
      const path = encodeURIComponent(panel.context.localPath);
      const address = `api/collaboration/comments?path=${path}&resolved=0`;
      try {
        const found = await server<{ threads: Thread[] }>(collegium.settings, "GET", address);
        found.threads.forEach((thread) => threads.set(thread.id, thread));
      } catch {
        // The panel says what is wrong when it is opened; a mark is no place for it.
      }
      mark();
    });
    const listener = (_: unknown, event: { type: string; [field: string]: unknown }) => {
      if (event.path !== panel.context.localPath) return;
      if (event.type === "comment") threads.set((event.thread as Thread).id, event.thread as Thread);
      else if (event.type === "comment-deleted") threads.delete(event.id as number);
      else return;
      mark();
    };
    collegium.events.received.connect(listener);
    panel.disposed.connect(() => collegium.events.received.disconnect(listener));
    panel.content.modelContentChanged.connect(mark);
  });
}

function markCells(panel: NotebookPanel, threads: Map<number, Thread>, open: () => void): void {
  const counts = new Map<string, number>();
  for (const thread of threads.values()) {
    if (!thread.resolved && thread.cell_id) counts.set(thread.cell_id, (counts.get(thread.cell_id) ?? 0) + 1);
  }
  panel.content.widgets.forEach((cell, index) => {
    markCell(cell, counts.get(cell.model.id) ?? 0, () => {
      panel.content.activeCellIndex = index;
      open();
    });
  });
}

function markCell(cell: Cell, threads: number, open: () => void): void {
  const layout = cell.layout as PanelLayout;
  const there = layout.widgets.find((widget) => widget.hasClass(CLASS));
  const words = threads ? count(threads, "comment") : "";
  if ((there?.node.textContent ?? "") === words) return;
  there?.dispose();
  if (!words) return;
  const widget = new Widget({ node: document.createElement("button") });
  widget.addClass(CLASS);
  widget.node.textContent = words;
  widget.node.title = "Read the comments";
  widget.node.onclick = open;
  layout.addWidget(widget);
}
