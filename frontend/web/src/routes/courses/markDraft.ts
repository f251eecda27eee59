import { useState } from "react";
import type { CellScore } from "@/api/courses";

/** What somebody who marks has entered and not saved. */
export interface Draft {
  points: number | string;
  extra: number | string;
  comment: string;
  items: readonly number[];
}

/** The entries that say what is saved. */
export function draftOf(saved: CellScore): Draft {
  return {
    points: saved.manual_score ?? saved.score ?? "",
    extra: saved.extra_credit,
    comment: saved.comment,
    items: saved.rubric_items,
  };
}

/** Whether two drafts say the same. */
export function isSame(one: Draft, other: Draft): boolean {
  return (
    one.points === other.points &&
    one.extra === other.extra &&
    one.comment === other.comment &&
    one.items.join() === other.items.join()
  );
}

/**
 * A draft of a mark. It follows what is saved as long as nothing was entered; then it stays with the mark that it was
 * begun from, so that saving it tells when somebody else was faster.
 */
export function useMarkDraft(saved: CellScore) {
  const [begunFrom, setBegunFrom] = useState(saved);
  const [draft, setDraft] = useState(() => draftOf(saved));
  if (saved.revision > begunFrom.revision && isSame(draft, draftOf(begunFrom))) {
    setBegunFrom(saved);
    setDraft(draftOf(saved));
  }
  return {
    draft,
    revision: begunFrom.revision,
    change: (part: Partial<Draft>) => setDraft((now) => ({ ...now, ...part })),
    /** Go on from what was saved; what was entered while it was sent is kept. */
    goOnFrom: (made: CellScore, sent: Draft) => {
      setBegunFrom(made);
      setDraft((now) => (isSame(now, sent) ? draftOf(made) : now));
    },
    /** Give up what was entered. */
    discard: () => setDraft(draftOf(begunFrom)),
  };
}
