export interface Placed {
  name: string;
  x: number;
  y: number;
}

export interface Edge {
  from: Placed;
  to: Placed;
}

export interface Layout {
  nodes: Placed[];
  edges: Edge[];
  columns: number;
  rows: number;
}

/**
 * Place the steps of a pipeline in columns: each stands right of everything that it waits for.
 *
 * Within a column, steps are ordered by the mean place of what they wait for (the barycentre heuristic of Sugiyama's
 * layered drawing), which keeps most edges apart.
 */
export function layout(steps: readonly { name: string; after: readonly string[] }[]): Layout {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const depths = new Map<string, number>();
  const depth = (name: string, seen: ReadonlySet<string> = new Set()): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    const before = byName.get(name)?.after.filter((other) => byName.has(other) && !seen.has(other)) ?? [];
    const found = Math.max(-1, ...before.map((other) => depth(other, new Set([...seen, name])))) + 1;
    depths.set(name, found);
    return found;
  };
  const columns: string[][] = [];
  for (const step of steps) (columns[depth(step.name)] ??= []).push(step.name);
  const rows = Math.max(1, ...columns.map((column) => column.length));
  const placed = new Map<string, Placed>();
  columns.forEach((names, x) => {
    const wanted = (name: string) => {
      const before = byName.get(name)?.after.flatMap((other) => placed.get(other)?.y ?? []) ?? [];
      return before.length === 0 ? 0 : before.reduce((sum, y) => sum + y, 0) / before.length;
    };
    const ordered = x === 0 ? names : [...names].sort((a, b) => wanted(a) - wanted(b));
    const top = (rows - ordered.length) / 2;
    ordered.forEach((name, row) => placed.set(name, { name, x, y: top + row }));
  });
  const nodes = [...placed.values()];
  const edges = nodes.flatMap((to) =>
    (byName.get(to.name)?.after ?? []).flatMap((name) => {
      const from = placed.get(name);
      return from ? [{ from, to }] : [];
    }),
  );
  return { nodes, edges, columns: columns.length, rows };
}
