import { CodeCell, type Cell } from "@jupyterlab/cells";
import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import { type PanelLayout, Widget } from "@lumino/widgets";

import { encodePath, server } from "../core/server";
import type { ICollegium } from "../core/token";
import { attempt } from "../core/view";

/** What the server notes in the shared document's cell while it runs. */
interface Moment {
  request: string;
  state: "waiting" | "running" | "input";
  by: string;
  prompt?: string;
  password?: boolean;
}

const KEY = "collegium";
const CLASS = "collegium-CellState";

/** Show in each cell whether it waits and what it asks: to everybody who has the document open, also after a reload. */
export function showCellStates(notebooks: INotebookTracker, collegium: ICollegium): void {
  notebooks.widgetAdded.connect((_, panel) => {
    const watch = () => panel.content.widgets.forEach((cell) => watchCell(cell, panel, collegium));
    panel.content.modelContentChanged.connect(watch);
    void panel.context.ready.then(watch);
  });
}

const watched = new WeakSet<Cell>();

function watchCell(cell: Cell, panel: NotebookPanel, collegium: ICollegium): void {
  if (!(cell instanceof CodeCell) || watched.has(cell)) return;
  watched.add(cell);
  const update = () => !cell.isDisposed && show(cell, panel, collegium);
  cell.model.metadataChanged.connect((_, change) => change.key === KEY && update());
  void cell.ready.then(update);
}

function show(cell: CodeCell, panel: NotebookPanel, collegium: ICollegium): void {
  const moment = cell.model.getMetadata(KEY) as Moment | undefined;
  const layout = cell.layout as PanelLayout;
  const there = layout.widgets.find((widget) => widget.hasClass(CLASS));
  const shown = there?.node.dataset.moment;
  const wanted = moment && moment.state !== "running" ? JSON.stringify(moment) : undefined;
  if (shown === wanted) return;
  there?.dispose();
  if (!moment || wanted === undefined) return;
  const widget = new Widget({
    node: moment.state === "input" ? question(moment, panel, collegium) : waiting(moment),
  });
  widget.addClass(CLASS);
  widget.node.dataset.moment = wanted;
  layout.addWidget(widget);
  // Who types in a cell is not torn away from it.
  const isOwn = moment.by === collegium.rights.username && !document.activeElement?.closest(".cm-editor");
  if (isOwn) widget.node.querySelector("input")?.focus();
}

function waiting(moment: Moment): HTMLElement {
  const node = document.createElement("div");
  node.textContent = `Waiting to run · asked by ${moment.by}`;
  return node;
}

function question(moment: Moment, panel: NotebookPanel, collegium: ICollegium): HTMLElement {
  const form = document.createElement("form");
  const label = document.createElement("label");
  label.textContent = moment.prompt || "Input:";
  const input = document.createElement("input");
  input.type = moment.password ? "password" : "text";
  input.autocomplete = "off";
  input.className = "jp-mod-styled";
  const send = document.createElement("button");
  send.className = "jp-mod-styled jp-mod-accept";
  send.textContent = "Answer";
  label.append(input);
  form.append(label, send);
  input.disabled = send.disabled = !collegium.rights.mayExecute;
  // Notebook shortcuts stay out of the answer.
  form.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter" && event.shiftKey) event.preventDefault(); // meant for the next cell, not as an answer
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const address = `api/collaboration/input/${encodePath(panel.context.localPath)}`;
    const body = { request: moment.request, value: input.value };
    void attempt(() => server(collegium.settings, "POST", address, body));
  });
  return form;
}
