import type { ServerConnection } from "@jupyterlab/services";

import { encodePath, server, serverUrl } from "../core/server";
import type { CellContent } from "./diff";
import type { Revision } from "./revisions";

export interface Listing {
  revisions: Revision[];
  users?: Record<string, string>;
}
/** A document at one moment. */
export interface Moment {
  revision: number;
  type: string;
  content: string | { cells: CellContent[] };
}
export interface BlameLine {
  author: string;
  at: number;
  revision: number;
}
export interface Blame {
  cells?: (BlameLine & { id: string; lines: BlameLine[] })[];
  lines?: BlameLine[];
}

const MOMENTS_KEPT = 40;

/** The past of one document. */
export class DocumentHistory {
  constructor(
    readonly settings: ServerConnection.ISettings,
    readonly path: string,
  ) {}

  list(): Promise<Listing> {
    return server(this.settings, "GET", this.address("history"));
  }

  /** The document at a revision; asked for once. */
  at(revision: number): Promise<Moment> {
    const known = this.moments.get(revision);
    if (known) return known;
    const asked = server<Moment>(this.settings, "GET", this.address("history", `revision=${revision}`));
    this.moments.set(revision, asked);
    asked.catch(() => this.moments.delete(revision));
    if (this.moments.size > MOMENTS_KEPT) this.moments.delete(this.moments.keys().next().value!);
    return asked;
  }

  blame(): Promise<Blame> {
    return server(this.settings, "GET", this.address("blame"));
  }

  /** Make the document, or one of its cells, what it was: as a new edit, so that nothing is lost. */
  restore(revision: number, cell?: string): Promise<{ revision: number }> {
    return server(this.settings, "POST", this.address("restore"), { revision, ...(cell ? { cell } : {}) });
  }

  /** Address of the file as it was, or of all its revisions. */
  exportAddress(revision: number | "all"): string {
    const query = revision === "all" ? "what=history" : `revision=${revision}`;
    return serverUrl(this.settings, this.address("export", query));
  }

  private address(what: string, query = ""): string {
    const isNotebook = this.path.toLowerCase().endsWith(".ipynb");
    const kind = isNotebook ? "format=json&type=notebook" : "format=text&type=file";
    return `api/collaboration/${what}/${encodePath(this.path)}?${kind}${query && "&"}${query}`;
  }

  private readonly moments = new Map<number, Promise<Moment>>();
}
