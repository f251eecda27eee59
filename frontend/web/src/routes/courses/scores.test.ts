import { describe, expect, it } from "vitest";
import type { GradebookRow } from "@/api/courses";
import { neighbour, nextUngraded } from "./markingOrder";
import { atRisk, distribution, percent } from "./scores";

function row(user_name: string, total: number | null, missing = 0): GradebookRow {
  const cell = {
    assignment: "ps",
    submission_id: null,
    raw_score: null,
    score: null,
    points: 10,
    needs_manual: false,
    received_at: "",
    late_seconds: 0,
  };
  return {
    user_name,
    student_id: "",
    first_name: "",
    last_name: "",
    email: "",
    section: "",
    total,
    letter: null,
    columns: [],
    cells: Array.from({ length: 3 }, (_, at) => ({ ...cell, state: at < missing ? "missing" : "graded" })),
  };
}

describe("numbers of a class", () => {
  it("counts full marks in the last tenth and nobody without a total", () => {
    expect(distribution([row("a", 1), row("b", 0.999), row("c", 0), row("d", null)])).toEqual([
      1, 0, 0, 0, 0, 0, 0, 0, 0, 2,
    ]);
  });
  it("lists those below half or with two missing, worst first", () => {
    const found = atRisk([row("fine", 0.8), row("low", 0.4), row("lost", 0.7, 2), row("lowest", 0.1)]);
    expect(found.map(({ row: { user_name } }) => user_name)).toEqual(["lowest", "low", "lost"]);
    expect(percent(0.4)).toBe("40.0 %");
  });
});

describe("the order of marking", () => {
  const cell = (needs_manual: boolean) => [{ notebook: "p", grade_id: "q", needs_manual }];
  const items = [
    { id: 1, needs_manual: true, cells: cell(false) },
    { id: 2, needs_manual: false, cells: cell(false) },
    { id: 3, needs_manual: true, cells: cell(true) },
  ];
  it("ends at both ends", () => {
    expect(neighbour(items, 1, -1)).toBeUndefined();
    expect(neighbour(items, 1, 1)).toBe(2);
    expect(neighbour(items, 3, 1)).toBeUndefined();
  });
  it("finds the next open one, from the start again at the end, and never the present one", () => {
    expect(nextUngraded(items, 1, "")).toBe(3);
    expect(nextUngraded(items, 3, "")).toBe(1);
    expect(nextUngraded(items, 1, "p q")).toBe(3);
    expect(nextUngraded(items, 3, "p q")).toBeUndefined();
  });
});
