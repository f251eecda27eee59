import { act, renderHook } from "@testing-library/react";
import { expect, test } from "vitest";
import type { CellScore } from "@/api/courses";
import { useMarkDraft } from "./markDraft";

const unmarked: CellScore = {
  notebook: "ps1.ipynb",
  grade_id: "proof",
  kind: "manual",
  points: 4,
  score: null,
  auto_score: null,
  manual_score: null,
  extra_credit: 0,
  reason: "",
  message: "",
  comment: "",
  comment_html: "",
  auto_comment: "",
  needs_manual: true,
  marked_by: "",
  revision: 0,
  rubric_items: [],
};

const marked = (revision: number, manual_score: number, comment = "") => ({
  ...unmarked,
  revision,
  manual_score,
  score: manual_score,
  comment,
});

const draft = () => renderHook(({ saved }) => useMarkDraft(saved), { initialProps: { saved: unmarked } });

test("it follows what others save as long as nothing was entered", () => {
  const { result, rerender } = draft();
  rerender({ saved: marked(1, 3, "Good.") });
  expect(result.current.draft).toMatchObject({ points: 3, comment: "Good." });
  expect(result.current.revision).toBe(1);
});

test("what was entered stays, with the mark that it was begun from, until it is given up", () => {
  const { result, rerender } = draft();
  act(() => result.current.change({ points: 2 }));
  rerender({ saved: marked(1, 3) });
  expect(result.current.draft.points).toBe(2);
  expect(result.current.revision).toBe(0);
  act(() => result.current.discard());
  expect(result.current.draft.points).toBe(3);
  expect(result.current.revision).toBe(1);
});

test("after saving it goes on from what was saved, not from an older answer", () => {
  const { result, rerender } = draft();
  act(() => result.current.change({ points: 2 }));
  const sent = result.current.draft;
  act(() => result.current.goOnFrom(marked(2, 2), sent));
  rerender({ saved: marked(1, 3) });
  expect(result.current.draft.points).toBe(2);
  expect(result.current.revision).toBe(2);
});

test("what is entered while a mark is sent is kept", () => {
  const { result } = draft();
  act(() => result.current.change({ points: 2 }));
  const sent = result.current.draft;
  act(() => result.current.change({ comment: "And why?" }));
  act(() => result.current.goOnFrom(marked(1, 2), sent));
  expect(result.current.draft).toMatchObject({ points: 2, comment: "And why?" });
  expect(result.current.revision).toBe(1);
});
