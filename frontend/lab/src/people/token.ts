import { Token } from "@lumino/coreutils";
import type { ISignal } from "@lumino/signaling";

import type { Follower } from "./follow";
import type { PresentPerson } from "./presence";

/** The people who are in the project now. */
export interface IPeople {
  /** Somebody came, went, moved, or is followed. */
  readonly changed: ISignal<object, void>;
  readonly follower: Follower;
  list(): PresentPerson[];
}

export const IPeople = new Token<IPeople>("@collegium/lab:IPeople", "The people who are in the project now.");
