import type { JupyterFrontEnd, LabShell } from "@jupyterlab/application";
import type { IDocumentManager } from "@jupyterlab/docmanager";
import type { DocumentRegistry, IDocumentWidget } from "@jupyterlab/docregistry";
import { NotebookPanel } from "@jupyterlab/notebook";
import { Signal } from "@lumino/signaling";
import type { YDocument, DocumentChange } from "@jupyter/ydoc";

/** A document that is open in the main area. */
export interface OpenDocument {
  path: string;
  widget: IDocumentWidget;
  context: DocumentRegistry.Context;
  /** The notebook, when it is one. */
  notebook: NotebookPanel | null;
}

/** The document that the person looks at: panels beside it show what belongs to it. */
export class CurrentDocument {
  /** Another document is looked at, or it got another name. */
  readonly changed = new Signal<this, OpenDocument | null>(this);

  constructor(
    app: JupyterFrontEnd,
    private readonly documents: IDocumentManager,
  ) {
    const shell = app.shell as LabShell;
    shell.currentChanged?.connect(() => this.update(shell.currentWidget));
    void app.restored.then(() => this.update(shell.currentWidget));
  }

  /** The document, or null when something else is in front. */
  get document(): OpenDocument | null {
    return this.current;
  }

  private update(widget: LabShell["currentWidget"]): void {
    // A click into a side panel does not change what the panel is about.
    const context = widget ? this.documents.contextForWidget(widget) : undefined;
    if (context === this.current?.context && widget === this.current?.widget) return;
    this.current?.context.pathChanged.disconnect(this.renamed, this);
    this.current =
      context && widget
        ? {
            path: context.path,
            widget: widget as IDocumentWidget,
            context,
            notebook: widget instanceof NotebookPanel ? widget : null,
          }
        : null;
    this.current?.context.pathChanged.connect(this.renamed, this);
    this.changed.emit(this.current);
  }

  private renamed(_: unknown, path: string): void {
    if (!this.current) return;
    this.current = { ...this.current, path };
    this.changed.emit(this.current);
  }

  private current: OpenDocument | null = null;
}

/** The shared document behind an open one. */
export function sharedModel(document: OpenDocument): YDocument<DocumentChange> {
  return document.context.model.sharedModel as unknown as YDocument<DocumentChange>;
}

/** The name of its room, or undefined before it is connected. */
export function roomOf(document: OpenDocument): string | undefined {
  return sharedModel(document).getState("document_id") as string | undefined;
}

/** Make a cell the active one and show it. */
export function goToCell(panel: NotebookPanel, index: number): void {
  panel.content.activeCellIndex = index;
  void panel.content.scrollToItem(index, "smart");
}
