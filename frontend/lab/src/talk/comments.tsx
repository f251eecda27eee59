import type { NotebookPanel } from "@jupyterlab/notebook";
import React, { useEffect, useState } from "react";

import { goToCell } from "../core/current";
import { baseName } from "../core/format";
import { server } from "../core/server";
import { attempt, Button, Empty, Failure, Heading, Loading, useLoaded, useSignals } from "../core/view";
import { inOrder, merged, type Thread } from "./model";
import { Composer, MessageView, type Talk } from "./parts";

const ADDRESS = "api/collaboration/comments";

/** The threads of the document in front, kept true by the server's events. */
export function useThreads(talk: Talk, path: string | undefined) {
  const { settings, events } = talk.collegium;
  const loaded = useLoaded(path ?? "", async () =>
    path === undefined
      ? []
      : (await server<{ threads: Thread[] }>(settings, "GET", `${ADDRESS}?path=${encodeURIComponent(path)}`))
          .threads,
  );
  const [changed, setChanged] = useState<{ path?: string; threads: Thread[]; gone: number[] }>({
    threads: [],
    gone: [],
  });
  useEffect(() => {
    const listener = (_: unknown, event: { type: string; [field: string]: unknown }) => {
      if (event.path !== path) return;
      const fresh = (old: typeof changed) => (old.path === path ? old : { path, threads: [], gone: [] });
      if (event.type === "comment") {
        const thread = event.thread as Thread;
        setChanged((old) => ({
          ...fresh(old),
          threads: merged(fresh(old).threads, thread, (t) => t.created),
        }));
      } else if (event.type === "comment-deleted") {
        setChanged((old) => ({ ...fresh(old), gone: [...fresh(old).gone, event.id as number] }));
      }
    };
    events.received.connect(listener);
    return () => void events.received.disconnect(listener);
  }, [events, path]);
  const own = changed.path === path ? changed : { threads: [], gone: [] as number[] };
  const threads = own.threads
    .reduce((all, thread) => merged(all, thread, (t) => t.created), loaded.data ?? [])
    .filter((thread) => !own.gone.includes(thread.id));
  return { ...loaded, threads };
}

/** Threads on the cells of the document in front. */
export function CommentsPanel({ talk }: { talk: Talk }): React.JSX.Element {
  const { current, settings } = talk.collegium;
  useSignals(current.changed);
  const open = current.document;
  const path = open?.context.localPath;
  const { threads, data, error, reload } = useThreads(talk, path);
  const [showsResolved, setShowsResolved] = useState(false);
  const panel = open?.notebook ?? null;
  const cells = panel ? panel.content.widgets.map((cell) => cell.model.id) : [];
  const shown = inOrder(threads, cells).filter((thread) => showsResolved || !thread.resolved);
  const resolved = threads.filter((thread) => thread.resolved).length;
  return (
    <>
      <Heading title={path ? `Comments: ${baseName(path)}` : "Comments"}>
        {resolved > 0 && (
          <Button kind="link" aria-pressed={showsResolved} onClick={() => setShowsResolved(!showsResolved)}>
            {showsResolved ? "Hide" : "Show"} {resolved} resolved
          </Button>
        )}
      </Heading>
      <div className="collegium-Panel-body">
        {path === undefined && <Empty>Open a document to read and write comments on it.</Empty>}
        {path !== undefined && error && <Failure error={error} retry={reload} />}
        {path !== undefined && !data && !error && <Loading />}
        {data && path !== undefined && (
          <>
            {shown.length === 0 && (
              <Empty>No open comments. Select a cell and write the first one below.</Empty>
            )}
            {shown.map((thread) => (
              <ThreadView key={thread.id} talk={talk} thread={thread} panel={panel} cells={cells} />
            ))}
            <h3>{panel ? "New comment on the selected cell" : "New comment"}</h3>
            <Composer
              talk={talk}
              label="Write a comment"
              send={(text) => server(settings, "POST", ADDRESS, { path, text, ...placeOf(panel) })}
            />
          </>
        )}
      </div>
    </>
  );
}

function placeOf(panel: NotebookPanel | null): { cell_id?: string; quote?: string } {
  const cell = panel?.content.activeCell;
  if (!cell) return {};
  const quote = cell.model.sharedModel.getSource().split("\n").slice(0, 3).join("\n").slice(0, 200);
  return { cell_id: cell.model.id, quote };
}

function ThreadView(props: {
  talk: Talk;
  thread: Thread;
  panel: NotebookPanel | null;
  cells: string[];
}): React.JSX.Element {
  const { talk, thread, panel, cells } = props;
  const { settings } = talk.collegium;
  const index = cells.indexOf(thread.cell_id ?? "");
  const address = `${ADDRESS}/${thread.id}`;
  const goTo = () => {
    if (panel && index >= 0) goToCell(panel, index);
  };
  return (
    <section className="collegium-Thread" data-resolved={thread.resolved} aria-label="Thread">
      <header>
        {thread.quote && (
          <button type="button" className="collegium-Thread-quote" title="Go to the cell" onClick={goTo}>
            {thread.quote}
          </button>
        )}
        {thread.cell_id && index < 0 && panel && <small>The cell has been deleted.</small>}
        <Button
          kind="link"
          onClick={() =>
            void attempt(() => server(settings, "PATCH", address, { resolved: !thread.resolved }))
          }
        >
          {thread.resolved ? "Open again" : "Resolve"}
        </Button>
      </header>
      {thread.messages.map((message) => (
        <MessageView key={message.id} talk={talk} message={message} address={`${address}/${message.id}`} />
      ))}
      {!thread.resolved && (
        <Composer talk={talk} label="Reply" send={(text) => server(settings, "POST", address, { text })} />
      )}
    </section>
  );
}
