import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { gradebookQuery, type Gradebook } from "@/api/courses";
import { asApiError } from "@/api/errors";
import { setColumnScores } from "@/api/gradebook";
import { notifyDone, notifyProblem } from "@/lib/notify";
import type { Score } from "./scoreText";

/** A cell to set: what it is to be, what it was, and the revision of what the person saw. */
export interface CellChange extends Score {
  column: number;
  user: string;
  before: Score;
  revision: number;
}

type Step = readonly CellChange[];

const keyOf = (column: number, user: string) => `${column} ${user}`;

/**
 * Saves scores of manual columns as they are typed: shown at once, one request after the other, each naming the
 * revision that the person saw. What somebody else set meanwhile is not overwritten but told at its cell.
 */
export function useScores(courseId: string) {
  const client = useQueryClient();
  const { queryKey } = gradebookQuery(courseId);
  const [steps, setSteps] = useState<readonly Step[]>([]);
  const [problems, setProblems] = useState<ReadonlyMap<string, string>>(new Map());
  const queue = useRef(Promise.resolve());
  const own = useRef(new Map<string, number>()); // revisions that this page's own saves have led to

  const show = (change: (book: Gradebook) => Gradebook) =>
    client.setQueryData(queryKey, (book) => book && change(book));

  const mark = (changes: Step, problem: string | null) =>
    setProblems((present) => {
      const next = new Map(present);
      for (const { column, user } of changes) {
        if (problem) next.set(keyOf(column, user), problem);
        else next.delete(keyOf(column, user));
      }
      return next;
    });

  const send = async (step: Step): Promise<boolean> => {
    await client.cancelQueries({ queryKey });
    show((book) => withCells(book, step));
    for (const column of new Set(step.map((change) => change.column))) {
      const changes = step.filter((change) => change.column === column);
      try {
        const { rows } = await setColumnScores(
          courseId,
          column,
          changes.map(({ user, score, is_excused, revision }) => ({
            user_name: user,
            score,
            is_excused,
            revision: Math.max(revision, own.current.get(keyOf(column, user)) ?? 0),
          })),
        );
        for (const row of rows) {
          const revision = row.columns.find((cell) => cell.column_id === column)?.revision ?? 0;
          own.current.set(keyOf(column, row.user_name), revision);
        }
        const fresh = new Map(rows.map((row) => [row.user_name, row]));
        show((book) => ({ rows: book.rows.map((row) => fresh.get(row.user_name) ?? row) }));
        mark(changes, null);
      } catch (error) {
        const { status, detail } = asApiError(error);
        mark(changes, detail);
        if (status !== 409) notifyProblem(error);
        await client.invalidateQueries({ queryKey });
        return false;
      }
    }
    void client.invalidateQueries({ queryKey: ["course", courseId, "column"] });
    void client.invalidateQueries({ queryKey: ["course", courseId, "explained"] });
    return true;
  };

  /** Do something when everything before it is done. */
  const inTurn = (work: () => Promise<void>) => {
    queue.current = queue.current.then(work);
  };

  return {
    /** Why a cell was not saved. */
    problemOf: (column: number, user: string) => problems.get(keyOf(column, user)),
    /** What `undo` would take back. */
    last: steps.at(-1),
    set: (step: Step) => {
      if (step.length === 0) return;
      inTurn(async () => {
        if (await send(step)) setSteps((present) => [...present, step]);
      });
    },
    undo: () => {
      const step = steps.at(-1);
      if (!step) return;
      setSteps(steps.slice(0, -1));
      inTurn(async () => {
        const back = step.map((change) => ({ ...change, ...change.before, revision: change.revision + 1 }));
        if (await send(back)) notifyDone(`Taken back: ${told(step)}.`);
      });
    },
  };
}

/** What a step did, in a few words. */
export function told(step: Step): string {
  const [first] = step;
  return step.length === 1 && first ? `the score of ${first.user}` : `${step.length} scores`;
}

function withCells(book: Gradebook, step: Step): Gradebook {
  const changed = new Map(step.map((change) => [keyOf(change.column, change.user), change]));
  return {
    rows: book.rows.map((row) => ({
      ...row,
      columns: row.columns.map((cell) => {
        const change = changed.get(keyOf(cell.column_id, row.user_name));
        return change ? { ...cell, score: change.score, is_excused: change.is_excused } : cell;
      }),
    })),
  };
}
