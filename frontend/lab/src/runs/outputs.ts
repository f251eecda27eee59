import { MimeModel, type IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import { PanelLayout, Widget } from "@lumino/widgets";

import { bytes } from "../core/format";
import { isMissing } from "../core/errors";
import { serverResponse } from "../core/server";
import type { ICollegium } from "../core/token";
import { asError } from "../core/view";
import { MORE, MoreRenderer } from "./more";

const LARGE = "application/vnd.collegium.output+json";
const BINARY = /^(image\/(?!svg)|application\/pdf)/;

interface LargeOutput {
  digest: string;
  types: Record<string, number>;
}

/** Show what is kept on the server because it is large: whole outputs when they are seen, long texts piece by piece. */
export function renderLargeOutputs(rendermime: IRenderMimeRegistry, collegium: ICollegium): void {
  rendermime.addFactory(
    { safe: true, mimeTypes: [LARGE], createRenderer: () => new LargeRenderer(rendermime, collegium) },
    0,
  );
  rendermime.addFactory(
    { safe: true, mimeTypes: [MORE], createRenderer: () => new MoreRenderer(collegium) },
    0,
  );
}

class LargeRenderer extends Widget implements IRenderMime.IRenderer {
  constructor(
    private readonly rendermime: IRenderMimeRegistry,
    private readonly collegium: ICollegium,
  ) {
    super();
    this.addClass("collegium-LargeOutput");
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const { digest, types } = model.data[LARGE] as unknown as LargeOutput;
    const known = Object.fromEntries(Object.keys(types).map((type) => [type, ""]));
    const type = this.rendermime.preferredMimeType(known, model.trusted ? "any" : "ensure");
    if (!type) {
      this.node.textContent = "This output cannot be shown here.";
      return;
    }
    const path = `api/collaboration/outputs/${digest}?type=${encodeURIComponent(type)}`;
    this.node.textContent = `Loading ${bytes(types[type] ?? 0)}…`;
    let response: Response;
    try {
      response = await serverResponse(this.collegium.settings, "GET", path);
    } catch (error) {
      this.node.textContent = isMissing(error)
        ? "This output is not on the server any more. Run the cell again."
        : `This output cannot be shown now. ${asError(error).message}`;
      return;
    }
    const content = BINARY.test(type) ? await base64(await response.blob()) : await response.text();
    const data = type.endsWith("json") ? (JSON.parse(content) as string) : content;
    const renderer = this.rendermime.createRenderer(type);
    await renderer.renderModel(
      new MimeModel({ data: { [type]: data }, metadata: model.metadata, trusted: model.trusted }),
    );
    this.node.textContent = "";
    this.layout = new PanelLayout();
    (this.layout as PanelLayout).addWidget(renderer);
  }
}

async function base64(blob: Blob): Promise<string> {
  const text = await blob.slice(0, 5).text();
  // The server keeps what the kernel sent: pictures are base64 text already, or raw bytes.
  if (/^[A-Za-z0-9+/]{5}$/.test(text)) return blob.text();
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve((reader.result as string).replace(/^data:[^,]*,/, ""));
    reader.readAsDataURL(blob);
  });
}
