import {
  IConnectionLost,
  JupyterLab,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin,
} from "@jupyterlab/application";
import { Dialog } from "@jupyterlab/apputils";
import { PromiseDelegate } from "@lumino/coreutils";

import type { Schemas } from "../core/api";
import { isMissing, RequestError } from "../core/errors";
import type { ServerEvents } from "../core/events";
import { platform } from "../core/platform";
import { isOwnOrigin, projectId, projectPage } from "../core/project";
import { serverUrl } from "../core/server";
import { renewSession } from "../core/session";
import { ICollegium } from "../core/token";
import { attempt } from "../core/view";
import { KEPT, stopped } from "./rules";

const ASK_MS = 3000;
const ANSWER_MS = 10_000;
const BLIP_MS = 2000;
const NOT_RUNNING = [424, 503];

/**
 * What happens when the server cannot be reached, in the place of a dialog that says it is not running.
 *
 * Without a network the status bar says that what is typed is kept, and nothing stands in the way of typing on. Only a
 * server that really has stopped is asked about, once: starting it needs a decision.
 */
export const connectionPlugin: JupyterFrontEndPlugin<IConnectionLost> = {
  id: "@collegium/lab:connection-lost",
  description: "Waits for the network; offers to start a server that has stopped.",
  autoStart: true,
  requires: [ICollegium],
  optional: [JupyterLab.IInfo],
  provides: IConnectionLost,
  activate: (
    _app: JupyterFrontEnd,
    { settings, events }: ICollegium,
    info: JupyterLab.IInfo | null,
  ): IConnectionLost => {
    let isLost = false;
    let isLostAgain = false;
    const lost = async () => {
      isLostAgain = true;
      if (isLost) return;
      isLost = true;
      if (info) info.isConnected = false; // nothing is asked meanwhile
      while (isLostAgain) {
        await new Outage(serverUrl(settings, "api/status"), events).untilItIsOver();
        isLostAgain = false;
        await renewSession(settings);
      }
      if (info) info.isConnected = true;
      isLost = false;
    };
    // Sooner than JupyterLab, which asks now and then, and less and less often.
    events.connectedChanged.connect((_, isConnected) => {
      if (!isConnected) window.setTimeout(() => void (events.isConnected || lost()), BLIP_MS);
    });
    return lost;
  },
};

/**
 * One time during which the server cannot be reached.
 *
 * It is over when the server answers, or has told something over its own connection: it may run and stop again between
 * two questions, which is another outage then, to be asked about anew.
 */
class Outage {
  constructor(
    private readonly address: string,
    private readonly events: ServerEvents,
  ) {}

  async untilItIsOver(): Promise<void> {
    this.events.connectedChanged.connect(this.hear, this);
    for (let isOver = false; !isOver;) {
      await this.look();
      const pause = new Promise<false>((resolve) => window.setTimeout(() => resolve(false), ASK_MS));
      isOver = await Promise.race([this.over.promise, pause]);
    }
    this.events.connectedChanged.disconnect(this.hear, this);
    this.dialog?.reject(); // what it asks is answered
  }

  private hear(_: ServerEvents, isConnected: boolean): void {
    if (isConnected) this.over.resolve(true);
  }

  private async look(): Promise<void> {
    const status = navigator.onLine ? await statusOf(this.address) : 0;
    if (status && !NOT_RUNNING.includes(status)) this.over.resolve(true);
    else if (status && !this.hasAsked) void this.ask();
  }

  /** Offer to start the server to those who may; again later when it cannot be known yet who may. */
  private async ask(): Promise<void> {
    this.hasAsked = true;
    const offer = isOwnOrigin ? offerToOpen : await offerToStart();
    if (!offer) this.hasAsked = false;
    else await offer(this.show);
  }

  private readonly show = async (body: string, buttons: Dialog.IButton[]): Promise<boolean> => {
    this.dialog = new Dialog({ title: "The project's server has stopped", body, buttons });
    const isAccepted = (await this.dialog.launch()).button.accept;
    this.dialog = undefined;
    return isAccepted;
  };

  private readonly over = new PromiseDelegate<true>();
  private hasAsked = false;
  private dialog: Dialog<unknown> | undefined;
}

async function statusOf(address: string): Promise<number> {
  try {
    return (await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) })).status;
  } catch {
    return 0; // no network, whatever the browser believes
  }
}

type Show = (body: string, buttons: Dialog.IButton[]) => Promise<boolean>;
type Offer = (show: Show) => Promise<void>;

/** What to offer to the person on a page of the platform's origin; undefined while nobody knows what they may. */
async function offerToStart(): Promise<Offer | undefined> {
  const held = await capabilities();
  if (!held) return undefined;
  const { body, mayStart } = stopped(held);
  const buttons = mayStart
    ? [Dialog.cancelButton({ label: "Not now" }), Dialog.okButton({ label: "Start it" })]
    : [Dialog.cancelButton({ label: "Close" })];
  return async (show) => {
    if ((await show(body, buttons)) && mayStart)
      await attempt(() => platform("POST", `/projects/${projectId}/server`));
  };
}

/** From its own origin a page may not start its server: the platform's page does, in a tab of its own. */
async function offerToOpen(show: Show): Promise<void> {
  const buttons = [Dialog.cancelButton({ label: "Not now" }), Dialog.okButton({ label: "Open the project" })];
  const isAccepted = await show(`Open the project to start its server. ${KEPT}`, buttons);
  if (isAccepted) window.open(`${projectPage}/open`, "_blank", "noopener");
}

/** What the person may do now: it may have changed since the page was opened. Undefined while nobody answers. */
async function capabilities(): Promise<string[] | undefined> {
  try {
    return (await platform<Schemas["Project"]>("GET", `/projects/${projectId}`)).capabilities;
  } catch (error) {
    return isMissing(error) || (error instanceof RequestError && error.status === 403) ? [] : undefined;
  }
}
