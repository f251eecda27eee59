import type { ServerConnection } from "@jupyterlab/services";
import { Signal } from "@lumino/signaling";

import type { ServerEvents } from "./events";
import { server } from "./server";

interface Me {
  identity: { username: string; display_name: string; name: string };
  permissions: Record<string, string[]>;
}

/** Who the signed-in person is here, and what they may do; kept true while roles change. */
export class Rights {
  /** What the person may do changed. */
  readonly changed = new Signal<this, void>(this);
  /** Resolved once it is known for the first time. */
  readonly ready: Promise<void>;
  username = "";
  displayName = "";
  mayWrite = true;
  mayExecute = true;

  constructor(
    private readonly settings: ServerConnection.ISettings,
    events: ServerEvents,
  ) {
    this.ready = this.ask();
    events.received.connect((_, event) => {
      if (event.type !== "hello") return;
      const capabilities = event.capabilities as string[];
      this.set(capabilities.includes("write"), capabilities.includes("execute"));
    });
  }

  private async ask(): Promise<void> {
    const wanted = encodeURIComponent(JSON.stringify({ contents: ["write"], kernels: ["execute"] }));
    const me = await server<Me>(this.settings, "GET", `api/me?permissions=${wanted}`);
    this.username = me.identity.username;
    this.displayName = me.identity.display_name || me.identity.name;
    this.set(
      me.permissions.contents?.includes("write") ?? false,
      me.permissions.kernels?.includes("execute") ?? false,
      true,
    );
  }

  private set(mayWrite: boolean, mayExecute: boolean, first = false): void {
    if (!first && mayWrite === this.mayWrite && mayExecute === this.mayExecute) return;
    this.mayWrite = mayWrite;
    this.mayExecute = mayExecute;
    this.changed.emit();
  }
}
