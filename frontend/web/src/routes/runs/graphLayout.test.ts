import { describe, expect, it } from "vitest";
import { layout } from "./graphLayout";

const step = (name: string, ...after: string[]) => ({ name, after });

describe("layout", () => {
  it("places each step right of everything it waits for", () => {
    const { nodes, edges, columns } = layout([
      step("load"),
      step("train", "load"),
      step("drift", "load"),
      step("report", "train", "load"),
    ]);
    const x = Object.fromEntries(nodes.map((node) => [node.name, node.x]));
    expect(x).toEqual({ load: 0, train: 1, drift: 1, report: 2 });
    expect(columns).toBe(3);
    expect(edges.every((edge) => edge.from.x < edge.to.x)).toBe(true);
    expect(new Set(nodes.map((node) => `${node.x},${node.y}`)).size).toBe(4);
  });

  it("draws what waits in a circle, or for a step that is gone, without end", () => {
    expect(layout([step("a", "b"), step("b", "a"), step("c", "gone")]).nodes).toHaveLength(3);
    expect(layout([]).nodes).toEqual([]);
  });
});
