import { describe, expect, it } from "vitest";
import { axis, drawable, shown, sorted, worstShown, type ResultRow } from "./results";

const row = (id: string, value: unknown): ResultRow => ({
  id,
  label: id,
  status: "ok",
  isBest: false,
  values: value === undefined ? {} : { x: value },
  note: "",
});

describe("sorted", () => {
  it("orders numbers by size and puts rows without a value last, both ways", () => {
    const rows = [row("a", 10), row("b", 9), row("c", undefined)];
    expect(sorted(rows, { column: "x", descending: false }).map((r) => r.id)).toEqual(["b", "a", "c"]);
    expect(sorted(rows, { column: "x", descending: true }).map((r) => r.id)).toEqual(["a", "b", "c"]);
  });
});

describe("shown", () => {
  it("cuts long fractions and leaves whole numbers", () => {
    expect([0.1 + 0.2, 200000.3, [1 / 3, "a"], 1200000, 1.5e-9, "a", { b: 1 }, null].map(shown)).toEqual([
      "0.3",
      "200000",
      "[0.333333, a]",
      "1200000",
      "1.5e-9",
      "a",
      '{"b":1}',
      "",
    ]);
  });
});

describe("drawable", () => {
  it("leaves out lists and tables of values", () => {
    const rows = [row("a", 1), { ...row("b", 2), values: { x: 2, list: [1, 2], name: "b" } }];
    expect(drawable(rows, ["x", "list", "name"])).toEqual(["x", "name"]);
  });
});

describe("axis", () => {
  it("places numbers by size and names in order, and survives a single value", () => {
    expect([2, 4, 6].map(axis([2, 4, 6]).at)).toEqual([0, 0.5, 1]);
    expect(["lu", "qr"].map(axis(["lu", "qr", "lu"]).at)).toEqual([0, 1]);
    expect(axis([3]).at(3)).toBe(0.5);
    expect(axis([]).at(1)).toBe(0.5);
  });
});

describe("worstShown", () => {
  it("leaves out what is far worse than the others, and only that", () => {
    const usual = [1, 2, 3, 4, 5, 6, 7, 8];
    expect(worstShown([...usual, 1e6], "minimize")).toBe(8);
    expect(worstShown([...usual, -1e6], "maximize")).toBe(1);
    expect(worstShown([...usual, -1e6], "minimize")).toBe(8);
    expect(worstShown([...usual, 12], "minimize")).toBe(12);
    expect(worstShown([1, 2, 1e6], "minimize")).toBe(1e6);
  });
});
