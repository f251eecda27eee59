import { Notification, ReactWidget } from "@jupyterlab/apputils";
import type { LabIcon } from "@jupyterlab/ui-components";
import type { ISignal } from "@lumino/signaling";
import React, { useCallback, useEffect, useReducer, useRef, useState } from "react";

import { initials } from "./format";

/** A side panel made of a React element. */
export class Panel extends ReactWidget {
  constructor(
    id: string,
    title: string,
    icon: LabIcon,
    private readonly element: () => React.JSX.Element,
  ) {
    super();
    this.id = id;
    this.title.icon = icon;
    this.title.caption = title;
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", title);
    this.addClass("collegium-Panel");
  }

  protected override render(): React.JSX.Element {
    return this.element();
  }
}

/** Draw again whenever one of the signals is emitted. */
export function useSignals(...signals: ISignal<unknown, unknown>[]): void {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const kept = useRef(signals);
  useEffect(() => {
    const listener = () => draw();
    const listened = kept.current;
    listened.forEach((signal) => signal.connect(listener));
    return () => listened.forEach((signal) => signal.disconnect(listener));
  }, []);
}

/** What was loaded, what is still loading, or why it could not be. */
export interface Loaded<T> {
  data: T | undefined;
  error: Error | undefined;
  reload: () => void;
}

/** Load something now, again when `key` changes, and again on `reload`; an answer that comes too late is dropped. */
export function useLoaded<T>(key: string, load: () => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: Error }>({ key });
  const [turn, reload] = useReducer((n: number) => n + 1, 0);
  const latest = useRef(load);
  useEffect(() => {
    latest.current = load;
  });
  useEffect(() => {
    let isWanted = true;
    latest.current().then(
      (data) => isWanted && setState({ key, data }),
      (error: unknown) =>
        isWanted && setState((old) => ({ ...(old.key === key ? old : {}), key, error: asError(error) })),
    );
    return () => {
      isWanted = false;
    };
  }, [key, turn]);
  const own = state.key === key ? state : { key };
  return { data: own.data, error: own.error, reload: useCallback(() => reload(), []) };
}

/** Do something that may fail; a failure is shown to the person. Returns whether it succeeded. */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work();
    if (done) Notification.success(done, { autoClose: 4000 });
    return true;
  } catch (error) {
    Notification.error(asError(error).message, { autoClose: false });
    return false;
  }
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** The head of a panel. */
export function Heading({
  title,
  children,
}: {
  title: string;
  children?: React.ReactNode;
}): React.JSX.Element {
  return (
    <div className="collegium-Heading">
      <h2>{title}</h2>
      <span className="collegium-Heading-actions">{children}</span>
    </div>
  );
}

/** What a panel says when it has nothing to show. */
export function Empty({ children }: { children: React.ReactNode }): React.JSX.Element {
  return <p className="collegium-Empty">{children}</p>;
}

/** What a panel says when something did not work, with a way to try again. */
export function Failure({ error, retry }: { error: Error; retry?: () => void }): React.JSX.Element {
  return (
    <div className="collegium-Failure" role="alert">
      <p>{error.message}</p>
      {retry && (
        <button className="jp-mod-styled" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Loading(): React.JSX.Element {
  return (
    <p className="collegium-Empty" aria-live="polite">
      Loading…
    </p>
  );
}

/** A small button with words or a sign. */
export function Button(
  props: { kind?: "accept" | "warn" | "plain" | "link" } & React.ButtonHTMLAttributes<HTMLButtonElement>,
): React.JSX.Element {
  const { kind = "plain", className = "", ...rest } = props;
  const looks = {
    accept: "jp-mod-styled jp-mod-accept",
    warn: "jp-mod-styled jp-mod-warn",
    plain: "jp-mod-styled",
    link: "collegium-Link",
  };
  return <button type="button" className={`${looks[kind]} ${className}`} {...rest} />;
}

/** A person's initials in their colour. */
export function Avatar({
  name,
  colour,
  title,
}: {
  name: string;
  colour?: string;
  title?: string;
}): React.JSX.Element {
  return (
    <span
      className="collegium-Avatar"
      style={colour ? { backgroundColor: colour } : undefined}
      title={title ?? name}
      aria-hidden
    >
      {initials(name)}
    </span>
  );
}
