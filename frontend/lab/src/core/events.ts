import { URLExt } from "@jupyterlab/coreutils";
import type { ServerConnection } from "@jupyterlab/services";
import type { IDisposable } from "@lumino/disposable";
import { Signal } from "@lumino/signaling";

import { retryDelay } from "./format";
import { renewSession, signedIn } from "./session";

const RENEW_MS = 15_000;

/** A message of the project's server; which fields there are depends on `type` (docs/dev/rooms_http.md). */
export interface ServerEvent {
  type: string;
  [field: string]: unknown;
}

/** What the project's server tells this page: one websocket, taken up again whenever it breaks. */
export class ServerEvents implements IDisposable {
  /** A message arrived. */
  readonly received = new Signal<this, ServerEvent>(this);
  /** The connection came or went. */
  readonly connectedChanged = new Signal<this, boolean>(this);

  constructor(private readonly settings: ServerConnection.ISettings) {
    this.connect();
    signedIn.connect(this.retry, this);
  }

  /** Whether the server can be heard. */
  get isConnected(): boolean {
    return this.connected;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  /** Hear about the edits of these documents, by the names of their rooms; replaces the earlier ones. */
  watch(rooms: string[]): void {
    this.rooms = rooms;
    this.sendWatch();
  }

  dispose(): void {
    this.disposed = true;
    window.clearTimeout(this.timer);
    this.socket?.close();
    Signal.clearData(this);
  }

  private connect(): void {
    const socket = new this.settings.WebSocket(URLExt.join(this.settings.wsUrl, "api/collaboration/events"));
    this.socket = socket;
    socket.onopen = () => {
      this.attempts = 0;
      this.setConnected(true);
      this.sendWatch();
    };
    socket.onmessage = (message: MessageEvent<string>) => {
      this.received.emit(JSON.parse(message.data) as ServerEvent);
    };
    socket.onclose = () => {
      if (this.disposed) return;
      this.setConnected(false);
      this.renew();
      this.timer = window.setTimeout(() => this.connect(), retryDelay(this.attempts++, Math.random()));
    };
  }

  /** Connect now, where another attempt was to come some time later. */
  private retry(): void {
    this.attempts = 0;
    if (this.disposed || this.socket?.readyState !== WebSocket.CLOSED) return;
    window.clearTimeout(this.timer);
    this.connect();
  }

  /** The server may have been started anew since the page was opened, and not know who this is. */
  private renew(): void {
    if (this.attempts === 0 || Date.now() - this.renewedAt < RENEW_MS) return;
    this.renewedAt = Date.now();
    void renewSession(this.settings);
  }

  private sendWatch(): void {
    if (this.connected) this.socket?.send(JSON.stringify({ type: "watch", rooms: this.rooms }));
  }

  private setConnected(connected: boolean): void {
    if (connected === this.connected) return;
    this.connected = connected;
    this.connectedChanged.emit(connected);
  }

  private socket: WebSocket | undefined;
  private connected = false;
  private disposed = false;
  private attempts = 0;
  private timer = 0;
  private renewedAt = 0;
  private rooms: string[] = [];
}
