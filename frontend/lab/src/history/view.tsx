import { Dialog, showDialog } from "@jupyterlab/apputils";
import React, { useEffect, useMemo, useRef, useState } from "react";

import { ago, baseName, clock, count } from "../core/format";
import type { Rights } from "../core/rights";
import { attempt, Avatar, Button, Empty, Failure, Loading, useLoaded, useSignals } from "../core/view";
import type { DocumentHistory } from "./api";
import { BlameView } from "./blameview";
import { DiffView } from "./diffview";
import { authorName, byDay, type Revision } from "./revisions";

type Compare = "previous" | "now" | number;

/** A document's past: a slider over its moments, what changed, who wrote what, and the way back. */
export function HistoryView({
  history,
  rights,
}: {
  history: DocumentHistory;
  rights: Rights;
}): React.JSX.Element {
  useSignals(rights.changed);
  const listing = useLoaded(history.path, () => history.list());
  const [picked, setPicked] = useState<number>();
  const [compare, setCompare] = useState<Compare>("previous");
  const [shows, setShows] = useState<"changes" | "authors">("changes");
  if (listing.error) return <Failure error={listing.error} retry={listing.reload} />;
  if (!listing.data) return <Loading />;
  const { revisions, users = {} } = listing.data;
  if (!revisions.length) return <Empty>Nothing has been written here yet.</Empty>;
  const newest = revisions[revisions.length - 1]!;
  const current = revisions.find((revision) => revision.n === picked) ?? newest;
  const restore = (cell?: string) => restoreMoment(history, current, cell, listing.reload);
  return (
    <div className="collegium-History">
      <TimeBar {...{ revisions, users, current, history }} pick={setPicked} reload={listing.reload}>
        <Button
          kind="accept"
          disabled={!rights.mayWrite || current === newest}
          onClick={() => void restore()}
        >
          Restore this moment
        </Button>
      </TimeBar>
      <div className="collegium-History-columns">
        <RevisionList {...{ revisions, users, current }} pick={setPicked} />
        <div className="collegium-History-page">
          <div className="collegium-History-choices" role="group" aria-label="What is shown">
            <Button aria-pressed={shows === "changes"} onClick={() => setShows("changes")}>
              Changes
            </Button>
            <Button aria-pressed={shows === "authors"} onClick={() => setShows("authors")}>
              Who wrote it
            </Button>
            {shows === "changes" && <CompareChoice {...{ revisions, users, compare }} choose={setCompare} />}
          </div>
          {shows === "authors" ? (
            <BlameView {...{ history, users }} newest={newest.n} />
          ) : (
            <Difference
              {...{ history, revisions, current, compare }}
              restoreCell={rights.mayWrite && current !== newest ? (cell) => void restore(cell) : undefined}
            />
          )}
        </div>
      </div>
    </div>
  );
}

async function restoreMoment(
  history: DocumentHistory,
  revision: Revision,
  cell: string | undefined,
  done: () => void,
): Promise<void> {
  const what = cell ? "this cell" : baseName(history.path);
  const answer = await showDialog({
    title: `Restore ${what}?`,
    body: `It becomes what it was ${ago(revision.at, clock())}. This is a new edit: what is there now stays in the history, and everybody in the document sees the change.`,
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: "Restore" })],
  });
  if (answer.button.accept && (await attempt(() => history.restore(revision.n, cell), `Restored ${what}.`)))
    done();
}

function TimeBar(props: {
  revisions: Revision[];
  users: Record<string, string>;
  current: Revision;
  history: DocumentHistory;
  pick: (n: number) => void;
  reload: () => void;
  children: React.ReactNode;
}): React.JSX.Element {
  const { revisions, users, current, history, pick } = props;
  const index = revisions.indexOf(current);
  const words = `${authorName(current.author, users)}, ${ago(current.at, clock())}`;
  return (
    <div className="collegium-TimeBar">
      <label>
        <span>
          {words} <small>{count(current.edits, "edit")}</small>
        </span>
        <input
          type="range"
          min={0}
          max={revisions.length - 1}
          value={index}
          aria-label="Moment"
          aria-valuetext={words}
          disabled={revisions.length < 2}
          onChange={(event) => pick(revisions[Number(event.target.value)]!.n)}
        />
      </label>
      <div className="collegium-TimeBar-actions">
        {props.children}
        <a className="collegium-Link" href={history.exportAddress(current.n)} download>
          Download this moment
        </a>
        <a className="collegium-Link" href={history.exportAddress("all")} download>
          Download all
        </a>
        <Button kind="link" onClick={props.reload}>
          Refresh
        </Button>
      </div>
    </div>
  );
}

function RevisionList(props: {
  revisions: Revision[];
  users: Record<string, string>;
  current: Revision;
  pick: (n: number) => void;
}): React.JSX.Element {
  const days = useMemo(() => byDay(props.revisions, clock()), [props.revisions]);
  const chosen = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    void chosen.current?.scrollIntoView({ block: "nearest" });
  });
  return (
    <nav className="collegium-History-list" aria-label="Moments">
      {days.map((day) => (
        <section key={day.name}>
          <h3>{day.name}</h3>
          {day.revisions.map((revision) => {
            const name = authorName(revision.author, props.users);
            const isCurrent = revision === props.current;
            return (
              <button
                key={revision.n}
                ref={isCurrent ? chosen : undefined}
                type="button"
                className="collegium-History-moment"
                aria-current={isCurrent}
                onClick={() => props.pick(revision.n)}
              >
                <Avatar name={name} />
                <span className="collegium-Person-words">
                  <span>{name}</span>
                  <small>
                    {new Date(revision.at * 1000).toLocaleTimeString([], {
                      hour: "2-digit",
                      minute: "2-digit",
                    })}{" "}
                    · {count(revision.edits, "edit")}
                  </small>
                </span>
              </button>
            );
          })}
        </section>
      ))}
    </nav>
  );
}

function CompareChoice(props: {
  revisions: Revision[];
  users: Record<string, string>;
  compare: Compare;
  choose: (compare: Compare) => void;
}): React.JSX.Element {
  const now = clock();
  return (
    <label>
      compared with{" "}
      <select
        className="jp-mod-styled"
        value={String(props.compare)}
        onChange={({ target: { value } }) =>
          props.choose(value === "previous" || value === "now" ? value : Number(value))
        }
      >
        <option value="previous">the moment before</option>
        <option value="now">now</option>
        {[...props.revisions].reverse().map((revision) => (
          <option key={revision.n} value={revision.n}>
            {authorName(revision.author, props.users)}, {ago(revision.at, now)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Difference(props: {
  history: DocumentHistory;
  revisions: Revision[];
  current: Revision;
  compare: Compare;
  restoreCell?: (id: string) => void;
}): React.JSX.Element {
  const { history, revisions, current, compare } = props;
  const other = otherMoment(revisions, current, compare);
  const moments = useLoaded(`${current.n} ${other?.n ?? ""}`, () =>
    Promise.all([other ? history.at(other.n) : Promise.resolve(undefined), history.at(current.n)]),
  );
  if (moments.error) return <Failure error={moments.error} retry={moments.reload} />;
  if (!moments.data) return <Loading />;
  const [there, here] = moments.data;
  // The older moment is always on the "−" side, whichever way round the two were picked.
  const isLater = other !== undefined && other.n > current.n;
  return isLater && there ? (
    <DiffView before={here} after={there} />
  ) : (
    <DiffView before={there} after={here} restoreCell={props.restoreCell} />
  );
}

function otherMoment(revisions: Revision[], current: Revision, compare: Compare): Revision | undefined {
  if (compare === "previous") return revisions[revisions.indexOf(current) - 1];
  if (compare === "now") return revisions[revisions.length - 1];
  return revisions.find((revision) => revision.n === compare);
}
