import type { ServerConnection } from "@jupyterlab/services";
import { Token } from "@lumino/coreutils";

import type { CurrentDocument } from "./current";
import type { ServerEvents } from "./events";
import type { Rights } from "./rights";

/** What the platform's plugins share. */
export interface ICollegium {
  readonly settings: ServerConnection.ISettings;
  readonly events: ServerEvents;
  readonly rights: Rights;
  readonly current: CurrentDocument;
}

export const ICollegium = new Token<ICollegium>(
  "@collegium/lab:ICollegium",
  "The page's ties to its project.",
);
/** The palette's heading of the platform's commands. */
export const CATEGORY = "Collegium";
