import { ReactWidget } from "@jupyterlab/apputils";
import type { Cell, ICellModel } from "@jupyterlab/cells";
import {
  INotebookTools,
  NotebookTools,
  type INotebookTracker,
  type NotebookPanel,
} from "@jupyterlab/notebook";
import { PanelLayout, Widget } from "@lumino/widgets";
import React from "react";

import { count } from "../core/format";
import type { ICollegium } from "../core/token";
import {
  idProblem,
  isScored,
  kindOf,
  kindsFor,
  KINDS,
  metadataFor,
  totalPoints,
  type CellKind,
  type GradingMetadata,
} from "./cells";

const KEY = "nbgrader";
const MARK_CLASS = "collegium-GradeMark";
const read = (model: ICellModel) => model.getMetadata(KEY) as Partial<GradingMetadata> | undefined;

/** The kind, id and points of the active cell, in the property inspector. */
class GradingTool extends NotebookTools.Tool {
  constructor(private readonly collegium: ICollegium) {
    super();
    this.layout = new PanelLayout();
    (this.layout as PanelLayout).addWidget(this.form);
    this.addClass("collegium-GradingTool");
  }

  protected override onActiveCellChanged(): void {
    this.form.update();
  }
  protected override onActiveCellMetadataChanged(): void {
    this.form.update();
  }

  private readonly form = ReactWidget.create(<></>);

  /** Give the form its content; `notebookTools` is there only after the tool has been added. */
  start(): void {
    this.form["render"] = () => {
      const cell = this.notebookTools.activeCell;
      const all = this.notebookTools.activeNotebookPanel?.content.model?.cells;
      return cell && all ? (
        <GradingForm cell={cell} all={[...all].map(read)} mayWrite={this.collegium.rights.mayWrite} />
      ) : (
        <></>
      );
    };
    this.form.update();
  }
}

function GradingForm(props: {
  cell: Cell;
  all: (Partial<GradingMetadata> | undefined)[];
  mayWrite: boolean;
}): React.JSX.Element {
  const { model } = props.cell;
  const metadata = read(model);
  const kind = kindOf(metadata);
  const write = (value: GradingMetadata | undefined) =>
    value ? model.setMetadata(KEY, value) : model.deleteMetadata(KEY);
  const change = (part: Partial<GradingMetadata>) => write({ ...metadata, ...part } as GradingMetadata);
  const problem = metadata
    ? idProblem(
        metadata.grade_id ?? "",
        props.all.map((each) => each?.grade_id ?? ""),
      )
    : "";
  return (
    <fieldset disabled={!props.mayWrite} aria-label="Grading">
      <label>
        Kind of cell
        <select
          className="jp-mod-styled"
          value={kind}
          onChange={(event) =>
            write(
              metadataFor(
                event.target.value as CellKind,
                model.type,
                metadata,
                `cell-${model.id.slice(0, 8)}`,
              ),
            )
          }
        >
          {kindsFor(model.type).map((each) => (
            <option key={each} value={each}>
              {each || "ordinary"}
            </option>
          ))}
        </select>
        <small>{KINDS[kind]}</small>
      </label>
      {metadata && kind && (
        <label>
          Id
          <input
            key={model.id}
            className="jp-mod-styled"
            defaultValue={metadata.grade_id}
            aria-invalid={problem !== ""}
            onBlur={(event) => change({ grade_id: event.target.value.trim() })}
          />
          {problem && <small className="collegium-mod-warn">{problem}</small>}
        </label>
      )}
      {isScored(kind) && (
        <label>
          Points
          <input
            key={`${model.id} points`}
            className="jp-mod-styled"
            type="number"
            min={0}
            step="any"
            defaultValue={metadata?.points ?? 0}
            onChange={(event) => change({ points: Math.max(0, Number(event.target.value) || 0) })}
          />
        </label>
      )}
      <small>The notebook has {count(totalPoints(props.all), "point")} in all.</small>
    </fieldset>
  );
}

/** Add the form to the property inspector, and a mark with kind and points to every cell that has one. */
export function addGradingTools(
  tools: INotebookTools,
  notebooks: INotebookTracker,
  collegium: ICollegium,
): void {
  const tool = new GradingTool(collegium);
  tools.addSection({ sectionName: "collegium-grading", label: "Grading", rank: 2 });
  tools.addItem({ tool, section: "collegium-grading", rank: 1 });
  tool.start();
  notebooks.widgetAdded.connect((_, panel) => {
    const mark = () => panel.content.widgets.forEach((cell) => markCell(cell, panel));
    panel.content.modelContentChanged.connect(mark);
    void panel.context.ready.then(mark);
  });
}

const marked = new WeakSet<Cell>();

function markCell(cell: Cell, panel: NotebookPanel): void {
  if (marked.has(cell)) return;
  marked.add(cell);
  const update = () => !cell.isDisposed && !panel.isDisposed && showMark(cell);
  cell.model.metadataChanged.connect((_, change) => change.key === KEY && update());
  void cell.ready.then(update);
}

function showMark(cell: Cell): void {
  const layout = cell.layout as PanelLayout;
  const metadata = read(cell.model);
  const kind = kindOf(metadata);
  const words =
    kind && [kind, isScored(kind) ? count(metadata?.points ?? 0, "point") : ""].filter(Boolean).join(" · ");
  const there = layout.widgets.find((widget) => widget.hasClass(MARK_CLASS));
  if (there && there.node.textContent === words) return;
  there?.dispose();
  if (!words) return;
  const widget = new Widget();
  widget.addClass(MARK_CLASS);
  widget.node.textContent = words;
  widget.node.title = KINDS[kind];
  widget.node.dataset.kind = kind;
  layout.insertWidget(0, widget);
}
