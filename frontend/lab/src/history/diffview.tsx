import React from "react";

import { count } from "../core/format";
import { Button, Empty } from "../core/view";
import type { Moment } from "./api";
import {
  blocks,
  diffCells,
  diffLines,
  text,
  type CellChange,
  type CellContent,
  type OutputContent,
} from "./diff";

const KIND_WORDS = {
  same: "unchanged",
  added: "added",
  removed: "removed",
  changed: "changed",
  moved: "moved",
};

/** What differs between two moments, as a page of cells or of lines. */
export function DiffView(props: {
  before: Moment | undefined;
  after: Moment;
  /** Make one cell what it is in the later moment; undefined for those who may not. */
  restoreCell?: (id: string) => void;
}): React.JSX.Element {
  const { before, after, restoreCell } = props;
  if (typeof after.content === "string") {
    const old = typeof before?.content === "string" ? before.content : "";
    return <Lines before={old} after={after.content} />;
  }
  const old = before && typeof before.content !== "string" ? before.content.cells : [];
  return <Cells changes={diffCells(old, after.content.cells)} restoreCell={restoreCell} />;
}

function Cells(props: { changes: CellChange[]; restoreCell?: (id: string) => void }): React.JSX.Element {
  const shown: (CellChange | number)[] = [];
  for (const change of props.changes) {
    if (change.kind !== "same") shown.push(change);
    else if (typeof shown[shown.length - 1] === "number") (shown[shown.length - 1] as number) += 1;
    else shown.push(1);
  }
  if (!shown.some((each) => typeof each !== "number"))
    return <Empty>No difference between the two moments.</Empty>;
  return (
    <>
      {shown.map((each, i) =>
        typeof each === "number" ? (
          <p key={i} className="collegium-Diff-skipped">
            {count(each, "unchanged cell")}
          </p>
        ) : (
          <CellDiff key={i} change={each} restore={props.restoreCell} />
        ),
      )}
    </>
  );
}

function CellDiff({
  change,
  restore,
}: {
  change: CellChange;
  restore?: (id: string) => void;
}): React.JSX.Element {
  const id = change.after?.id;
  const kind = (change.after ?? change.before)?.cell_type ?? "";
  return (
    <article
      className={`collegium-CellDiff collegium-mod-${change.kind}`}
      aria-label={`${kind} cell ${change.kind}`}
    >
      <header>
        <span>
          {kind} cell · <strong>{KIND_WORDS[change.kind]}</strong>
        </span>
        {restore && id && change.kind !== "removed" && (
          <Button kind="link" onClick={() => restore(id)}>
            Restore this cell
          </Button>
        )}
      </header>
      <Lines before={text(change.before?.source)} after={text(change.after?.source)} />
      {change.outputs && <Outputs before={change.before} after={change.after} />}
      {change.kind === "added" && !!change.after?.outputs?.length && <Outputs after={change.after} />}
    </article>
  );
}

/** Two texts as one list of lines, with a sign as well as a colour for what changed. */
export function Lines({ before, after }: { before: string; after: string }): React.JSX.Element {
  const found = blocks(diffLines(before, after));
  const signs = { same: " ", added: "+", removed: "−" };
  return (
    <pre className="collegium-Lines">
      {found.length === 0 && <span className="collegium-Diff-skipped">empty</span>}
      {found.map((block, i) =>
        "skipped" in block ? (
          <span key={i} className="collegium-Diff-skipped">
            {`  ${count(block.skipped, "unchanged line")}\n`}
          </span>
        ) : (
          block.lines.map((line, k) => (
            <span key={`${i}.${k}`} className={`collegium-Line collegium-mod-${line.kind}`}>
              {`${signs[line.kind]} ${line.text}\n`}
            </span>
          ))
        ),
      )}
    </pre>
  );
}

function Outputs({ before, after }: { before?: CellContent; after?: CellContent }): React.JSX.Element {
  const [old, now] = [plain(before?.outputs), plain(after?.outputs)];
  return (
    <div className="collegium-CellDiff-outputs">
      <small>Output</small>
      {(old || now) && <Lines before={old} after={now} />}
      {pictures(after?.outputs).map((picture, i) => (
        <img key={i} src={picture} alt="Output" />
      ))}
    </div>
  );
}

// Only text and pixels: nothing of an old output can run here.
function plain(outputs: OutputContent[] = []): string {
  return outputs
    .map((output) =>
      output.output_type === "error"
        ? `${output.ename}: ${output.evalue}\n`
        : text(output.text ?? (output.data?.["text/plain"] as string | string[] | undefined)),
    )
    .join("")
    .replace(/\n$/, "");
}

function pictures(outputs: OutputContent[] = []): string[] {
  return outputs.flatMap((output) => {
    const found = (["image/png", "image/jpeg"] as const).find((type) => output.data?.[type]);
    return found ? [`data:${found};base64,${text(output.data?.[found] as string | string[])}`] : [];
  });
}
