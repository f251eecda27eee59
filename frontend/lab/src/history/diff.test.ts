import { describe, expect, it } from "vitest";

import { blocks, diffCells, diffLines, type CellContent } from "./diff";

const cell = (id: string, source: string, outputs: CellContent["outputs"] = []): CellContent => ({
  id,
  cell_type: "code",
  source,
  outputs,
});
const kinds = (before: CellContent[], after: CellContent[]) =>
  diffCells(before, after).map((change) => change.kind);

describe("lines", () => {
  it("keeps what is equal, and puts removed lines before added ones", () => {
    expect(diffLines("a\nb\nc", "a\nx\nc")).toEqual([
      { kind: "same", text: "a" },
      { kind: "removed", text: "b" },
      { kind: "added", text: "x" },
      { kind: "same", text: "c" },
    ]);
  });

  it("rebuilds both texts, whatever they are", () => {
    let seed = 7;
    const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    const text = () => Array.from({ length: random(12) }, () => "abc"[random(3)]).join("\n");
    for (let i = 0; i < 500; i++) {
      const [before, after] = [text(), text()];
      const lines = diffLines(before, after);
      const side = (other: string) =>
        lines
          .filter((line) => line.kind !== other)
          .map((line) => line.text)
          .join("\n");
      expect(side("added")).toBe(before);
      expect(side("removed")).toBe(after);
    }
  });

  it("does not compare what is too long to be compared, and still shows all of it", () => {
    const long = (word: string) => Array.from({ length: 3000 }, (_, i) => word + i).join("\n");
    expect(diffLines(long("a"), long("b"))).toHaveLength(6000);
  });

  it("leaves out equal lines far from a change, and says how many", () => {
    const before = Array.from({ length: 20 }, (_, i) => `line ${i}`).join("\n");
    const found = blocks(diffLines(before, before.replace("line 10", "other")), 2);
    expect(found).toHaveLength(3);
    expect(found[0]).toEqual({ skipped: 8 });
    expect(found[2]).toEqual({ skipped: 7 });
  });
});

describe("cells", () => {
  it("are known by their ids", () => {
    const [a, b, c] = [cell("a", "1"), cell("b", "2"), cell("c", "3")];
    expect(kinds([a, b], [a, cell("b", "2 + 2"), c])).toEqual(["same", "changed", "added"]);
    expect(kinds([a, b, c], [a, c])).toEqual(["same", "removed", "same"]);
  });

  it("that were moved are shown once, where they are now", () => {
    const cells = ["a", "b", "c"].map((id) => cell(id, id));
    const found = kinds(cells, [cells[2]!, cells[0]!, cells[1]!]);
    expect(found.filter((kind) => kind === "moved")).toHaveLength(1);
    expect(found).toHaveLength(3);
  });

  it("without ids are known by what they contain, twice the same included", () => {
    const old = (source: string): CellContent => ({ cell_type: "code", source });
    expect(kinds([old("x"), old("x")], [old("x"), old("y"), old("x")])).toEqual(["same", "added", "same"]);
  });

  it("whose output alone differs are changed", () => {
    const [change] = diffCells(
      [cell("a", "f()", [{ output_type: "stream", text: "1" }])],
      [cell("a", "f()", [{ output_type: "stream", text: "2" }])],
    );
    expect(change).toMatchObject({ kind: "changed", outputs: true });
  });
});
