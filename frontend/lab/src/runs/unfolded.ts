/** What of a long printed text a page has unfolded, and when it stays so although its output is put in anew. */

/** What the document holds of a text that is too long for it. */
export interface MoreText {
  /** Name of the whole text at the server: one while it grows, another for good. */
  stream: string;
  name: string;
  /** Bytes that the document itself shows. */
  shown: number;
  bytes: number;
  complete: boolean;
}

/** A part of the text, as the server sends it. */
export interface Piece {
  text: string;
  next_offset: number | null;
  bytes: number;
}

/** Fetches a part of a text by its name, or undefined when the server has no text of this name. */
export type Fetch = (stream: string, offset: number, limit: number) => Promise<Piece | undefined>;

const PIECE_BYTES = 256_000;
const RENAMED_MS = 1000;

/** Whether `now` is the text of `before`, which has grown or ended, rather than that of another run. Pure. */
export function isSameText(before: MoreText, now: MoreText): boolean {
  const hasEnded = !before.complete && now.complete && before.name === now.name;
  return before.stream === now.stream || hasEnded;
}

/** The unfolded part of a text; it outlives the outputs that show it one after the other. */
export class Unfolded {
  text = "";
  /** Bytes that are shown, those in the document included. */
  offset: number;
  /** Called when there is something else to show. */
  changed: () => void = () => undefined;

  constructor(
    public more: MoreText,
    private readonly fetch: Fetch,
    private readonly renamedMs = RENAMED_MS,
  ) {
    this.offset = more.shown;
  }

  get isAll(): boolean {
    return this.offset >= this.more.bytes;
  }

  /** Unfold one piece more. */
  async showMore(): Promise<void> {
    const piece = await this.piece(this.offset, PIECE_BYTES);
    this.text += piece.text;
    this.offset = piece.next_offset ?? piece.bytes;
    this.more = { ...this.more, bytes: Math.max(this.more.bytes, piece.bytes) };
    this.changed();
  }

  /** Go on with what the text has become: the lasting one is fetched, in case it is not the one that was seen. */
  async become(more: MoreText): Promise<void> {
    const isRenamed = this.more.stream !== more.stream;
    this.more = more;
    this.changed();
    if (!isRenamed) return;
    const seen = this.offset;
    const end = Math.min(seen, more.bytes);
    let text = "";
    let offset = more.shown;
    while (offset < end) {
      const piece = await this.piece(offset, Math.min(end - offset, PIECE_BYTES));
      text += piece.text;
      offset = piece.next_offset ?? piece.bytes;
    }
    if (this.offset !== seen) return; // more was unfolded meanwhile
    this.text = text;
    this.offset = offset;
    this.changed();
  }

  private async piece(offset: number, limit: number): Promise<Piece> {
    let found = await this.fetch(this.more.stream, offset, limit);
    if (!found) {
      await new Promise((resolve) => setTimeout(resolve, this.renamedMs)); // it has just ended: its name is on the way
      found = await this.fetch(this.more.stream, offset, limit);
    }
    if (!found) throw new Error("This text is not on the server any more. Run the cell again.");
    return found;
  }
}
