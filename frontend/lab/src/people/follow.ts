import type { IDocumentManager } from "@jupyterlab/docmanager";
import type { NotebookPanel } from "@jupyterlab/notebook";
import type { Awareness } from "y-protocols/awareness";
import { Signal } from "@lumino/signaling";
import * as Y from "yjs";

import type { CurrentDocument } from "../core/current";
import { goToCell, sharedModel } from "../core/current";
import { pathOf, type PresenceState } from "./presence";

interface Cursor {
  head?: unknown;
}

/** Goes where another person goes: opens their document and shows the cell that their cursor is in. */
export class Follower {
  /** Somebody else is followed, or nobody. */
  readonly changed = new Signal<this, string>(this);

  constructor(
    private readonly everybody: Awareness,
    private readonly current: CurrentDocument,
    private readonly documents: IDocumentManager,
  ) {
    everybody.on("change", () => this.goAlong());
    current.changed.connect(() => this.listenToCursors());
    // Whoever starts to work on their own is not pulled away from it.
    for (const deed of ["mousedown", "wheel", "keydown"]) {
      document.addEventListener(deed, (event) => isInMainArea(event) && this.follow(""), {
        capture: true,
        passive: true,
      });
    }
  }

  /** Username of who is followed; empty when nobody is. */
  get followed(): string {
    return this.username;
  }

  /** Follow somebody, or nobody with the empty string. */
  follow(username: string): void {
    if (username === this.username) return;
    this.username = username;
    document.body.classList.toggle("collegium-mod-following", username !== "");
    this.changed.emit(username);
    this.goAlong();
    this.listenToCursors();
    this.showCursor();
  }

  private goAlong(): void {
    if (!this.username) return;
    const states = [...this.everybody.getStates().values()] as PresenceState[];
    const theirs = states.filter((state) => state.user?.username === this.username);
    if (!theirs.length) {
      this.follow(""); // they have left
      return;
    }
    const path = theirs.map((state) => pathOf(state.current)).find(Boolean);
    if (path && path !== this.current.document?.path) this.documents.openOrReveal(path);
  }

  private listenToCursors(): void {
    this.cursors?.off("change", this.showCursor);
    const open = this.current.document;
    this.cursors = this.username && open ? sharedModel(open).awareness : undefined;
    this.cursors?.on("change", this.showCursor);
  }

  private readonly showCursor = (): void => {
    const open = this.current.document;
    if (!this.username || !open?.notebook) return;
    const document = sharedModel(open);
    for (const state of document.awareness.getStates().values()) {
      const { user, cursors } = state as PresenceState & { cursors?: Cursor[] };
      const head = cursors?.[0]?.head;
      if (user?.username !== this.username || !head) continue;
      const position = Y.createAbsolutePositionFromRelativePosition(
        Y.createRelativePositionFromJSON(head),
        document.ydoc,
      );
      if (position) showCellOf(open.notebook, position.type);
    }
  };

  private username = "";
  private cursors: Awareness | undefined;
}

const isInMainArea = (event: Event) =>
  event.target instanceof Element && event.target.closest("#jp-main-dock-panel") !== null;

function showCellOf(panel: NotebookPanel, text: unknown): void {
  const index = panel.content.widgets.findIndex(
    (cell) => (cell.model.sharedModel as unknown as { ysource?: unknown }).ysource === text,
  );
  const isShown = panel.content.activeCellIndex === index;
  if (index < 0 || isShown) return;
  panel.content.mode = "command";
  goToCell(panel, index);
}
