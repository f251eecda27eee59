import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import { Widget } from "@lumino/widgets";

import { bytes } from "../core/format";
import { isMissing } from "../core/errors";
import { server, serverUrl } from "../core/server";
import type { ICollegium } from "../core/token";
import { attempt } from "../core/view";
import { isSameText, Unfolded, type Fetch, type MoreText, type Piece } from "./unfolded";

/** Type of the output that stands behind a text that is cut off. */
export const MORE = "application/vnd.collegium.more+json";
const CLASS = "collegium-MoreOutput";

/** What is unfolded in the outputs of each cell, in their order: an output that changes is put in anew. */
const unfoldedIn = new WeakMap<Element, Map<number, Unfolded>>();

/** The rest of a long text, fetched piece by piece; what was fetched stays when the text grows and when it ends. */
export class MoreRenderer extends Widget implements IRenderMime.IRenderer {
  private more: MoreText | undefined;
  private readonly text = document.createElement("pre");
  private readonly state = document.createElement("span");
  private readonly button = document.createElement("button");
  private readonly download = document.createElement("a");

  constructor(private readonly collegium: ICollegium) {
    super();
    this.addClass(CLASS);
    this.button.className = "jp-mod-styled";
    this.button.textContent = "Show more";
    this.download.className = "collegium-Link";
    this.download.textContent = "Download all";
    const row = document.createElement("div");
    row.className = `${CLASS}-row`;
    row.append(this.state, this.button, this.download);
    this.node.append(this.text, row);
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.more = model.data[MORE] as unknown as MoreText;
    const address = `api/collaboration/streams/${this.more.stream}?download=1`;
    this.download.href = serverUrl(this.collegium.settings, address);
    this.download.download = `${this.more.name}.txt`;
    if (this.isAttached) this.present(this.more);
    return Promise.resolve();
  }

  protected override onAfterAttach(): void {
    if (this.more) this.present(this.more);
  }

  private present(more: MoreText): void {
    const unfolded = this.unfolded(more);
    unfolded.changed = () => this.draw(unfolded);
    this.button.onclick = () => void attempt(() => unfolded.showMore());
    void attempt(() => unfolded.become(more));
  }

  private unfolded(more: MoreText): Unfolded {
    const outputs = this.node.closest(".jp-OutputArea") ?? this.node;
    const places = unfoldedIn.get(outputs) ?? new Map<number, Unfolded>();
    unfoldedIn.set(outputs, places);
    const place = [...outputs.querySelectorAll(`.${CLASS}`)].indexOf(this.node);
    const there = places.get(place);
    if (there && isSameText(there.more, more)) return there;
    const begun = new Unfolded(more, fetcher(this.collegium));
    places.set(place, begun);
    return begun;
  }

  private draw({ text, offset, isAll, more }: Unfolded): void {
    const isOnlyLonger = text.startsWith(this.text.textContent);
    if (isOnlyLonger) this.text.append(text.slice(this.text.textContent.length));
    else this.text.textContent = text; // a selection in it would be lost otherwise
    this.state.textContent = isAll
      ? `All ${bytes(more.bytes)} are shown.`
      : `${bytes(offset)} of ${bytes(more.bytes)} are shown.`;
    this.button.hidden = isAll;
  }
}

function fetcher(collegium: ICollegium): Fetch {
  return async (stream, offset, limit) => {
    const address = `api/collaboration/streams/${stream}?offset=${offset}&limit=${limit}`;
    try {
      return await server<Piece>(collegium.settings, "GET", address);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };
}
