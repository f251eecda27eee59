import React from "react";

import { ago, clock } from "../core/format";
import { Failure, Loading, useLoaded } from "../core/view";
import type { Blame, BlameLine, DocumentHistory, Moment } from "./api";
import { text } from "./diff";
import { authored } from "./revisions";

/** The document as it is now, with who wrote each line and when. */
export function BlameView(props: {
  history: DocumentHistory;
  users: Record<string, string>;
  newest: number;
}): React.JSX.Element {
  const { history, users, newest } = props;
  const loaded = useLoaded(`${history.path} ${newest}`, () =>
    Promise.all([history.blame(), history.at(newest)]),
  );
  if (loaded.error) return <Failure error={loaded.error} retry={loaded.reload} />;
  if (!loaded.data) return <Loading />;
  return (
    <>
      {parts(...loaded.data).map((part) => (
        <article key={part.key} className="collegium-CellDiff" aria-label={part.title}>
          {part.title && <header>{part.title}</header>}
          <Authored source={part.source} lines={part.lines} users={users} />
        </article>
      ))}
    </>
  );
}

interface Part {
  key: string;
  title: string;
  source: string;
  lines: BlameLine[];
}

function parts(blame: Blame, moment: Moment): Part[] {
  if (typeof moment.content === "string") {
    return [{ key: "", title: "", source: moment.content, lines: blame.lines ?? [] }];
  }
  const known = new Map((blame.cells ?? []).map((cell) => [cell.id, cell.lines]));
  return moment.content.cells.map((cell, i) => ({
    key: cell.id ?? String(i),
    title: `${cell.cell_type} cell`,
    source: text(cell.source),
    lines: known.get(cell.id ?? "") ?? [],
  }));
}

function Authored(props: {
  source: string;
  lines: BlameLine[];
  users: Record<string, string>;
}): React.JSX.Element {
  const now = clock();
  const lines = authored(props.source, props.lines, props.users, (at) => ago(at, now));
  return (
    <table className="collegium-Blame">
      <tbody>
        {lines.map((line, i) => (
          <tr key={i} title={line.who && `${line.who}, ${line.when}`}>
            <th scope="row">{line.isNew ? line.who : ""}</th>
            <td className="collegium-Blame-when">{line.isNew ? line.when : ""}</td>
            <td>
              <pre>{line.text || " "}</pre>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
