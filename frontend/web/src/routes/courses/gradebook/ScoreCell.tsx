import { ActionIcon } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { memo, useId, useState, type ClipboardEvent, type KeyboardEvent } from "react";
import type { ColumnCell } from "@/api/gradebook";
import { parseScore, pastedTable, scoreText, type Score } from "./scoreText";

export interface ScoreCellProps {
  cell: ColumnCell;
  user: string;
  name: string;
  row: number;
  place: number;
  /** Why the last attempt to save it failed. */
  problem: string | undefined;
  onSet: (user: string, cell: ColumnCell, score: Score, revision: number) => void;
  onPaste: (row: number, place: number, table: string[][]) => void;
  onExplain: (user: string, cell: ColumnCell) => void;
  onUndo: () => void;
}

interface Draft {
  text: string;
  revision: number; // of what the person saw when they began to type
}

/** A score that is typed: Enter and the arrows save and go on, Escape takes back what is typed. */
export const ScoreCell = memo(function ScoreCell(props: ScoreCellProps) {
  const { cell, user, name, row, place, onSet } = props;
  const [draft, setDraft] = useState<Draft | null>(null);
  const parsed = draft ? parseScore(draft.text, cell.points) : null;
  const wrong = typeof parsed === "string" ? parsed : undefined;
  const told = wrong ?? props.problem;
  const id = useId();

  const save = () => {
    if (!draft || parsed === null || typeof parsed === "string") return;
    setDraft(null);
    if (scoreText(parsed) !== scoreText(cell)) onSet(user, cell, parsed, draft.revision);
  };

  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    const input = event.currentTarget;
    const go = (rows: number, places: number) => {
      if (wrong) return;
      event.preventDefault();
      save();
      focusCell(input, row + rows, place + places);
    };
    if (event.key === "Enter") go(event.shiftKey ? -1 : 1, 0);
    else if (event.key === "ArrowDown") go(1, 0);
    else if (event.key === "ArrowUp") go(-1, 0);
    else if (event.key === "ArrowLeft" && (!draft || isAt(input, 0))) go(0, -1);
    else if (event.key === "ArrowRight" && (!draft || isAt(input, input.value.length))) go(0, 1);
    else if (event.key === "Escape") setDraft(null);
    else if (event.key === "?") {
      event.preventDefault();
      props.onExplain(user, cell);
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey) && !draft) {
      event.preventDefault();
      props.onUndo();
    }
  };

  const onPaste = (event: ClipboardEvent) => {
    const table = pastedTable(event.clipboardData.getData("text/plain"));
    if (!table) return;
    event.preventDefault();
    setDraft(null);
    props.onPaste(row, place, table);
  };

  return (
    <div className="score-cell">
      <input
        className="score-input"
        inputMode="decimal"
        autoComplete="off"
        data-cell={`${row} ${place}`}
        aria-label={`${cell.name} of ${name}, of ${cell.points}`}
        aria-invalid={told !== undefined}
        aria-describedby={told ? `${id}-told` : undefined}
        value={draft?.text ?? scoreText(cell)}
        onFocus={(event) => event.currentTarget.select()}
        onChange={(event) => {
          const text = event.currentTarget.value;
          setDraft((present) => ({ text, revision: present?.revision ?? cell.revision }));
        }}
        onBlur={save}
        onKeyDown={onKeyDown}
        onPaste={onPaste}
      />
      <ActionIcon
        className="score-why"
        variant="subtle"
        color="gray"
        size="sm"
        tabIndex={-1}
        aria-label={`Where ${cell.name} of ${name} comes from`}
        onClick={() => props.onExplain(user, cell)}
      >
        <IconHistory size={16} />
      </ActionIcon>
      {told && (
        <span className="score-told" id={`${id}-told`} role="alert">
          {told}
        </span>
      )}
    </div>
  );
});

const isAt = (input: HTMLInputElement, place: number) =>
  input.selectionStart === place && input.selectionEnd === place;

function focusCell(from: HTMLInputElement, row: number, place: number) {
  from.closest("table")?.querySelector<HTMLInputElement>(`[data-cell="${row} ${place}"]`)?.focus();
}
