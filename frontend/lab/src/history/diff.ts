/** What differs between two moments of a document. Pure. */

/** A cell as nbformat has it, as far as a comparison looks. */
export interface CellContent {
  id?: string;
  cell_type: string;
  source: string | string[];
  outputs?: OutputContent[];
}
export interface OutputContent {
  output_type: string;
  text?: string | string[];
  data?: Record<string, unknown>;
  ename?: string;
  evalue?: string;
}
export interface Line {
  kind: "same" | "added" | "removed";
  text: string;
}
export interface CellChange {
  kind: "same" | "added" | "removed" | "changed" | "moved";
  before?: CellContent;
  after?: CellContent;
  /** Whether the outputs differ too. */
  outputs: boolean;
}
/** Lines that are shown, or how many are left out between them. */
export type Block = { lines: Line[] } | { skipped: number };

const PRODUCT_MOST = 4_000_000;

/** nbformat's multi-line text as one string. */
export function text(source: string | string[] | undefined): string {
  return Array.isArray(source) ? source.join("") : (source ?? "");
}

/** The pairs of equal items of a longest common subsequence, by index. */
export function commonPairs<T>(a: readonly T[], b: readonly T[]): [number, number][] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end])
    end++;
  const pairs: [number, number][] = [];
  for (let i = 0; i < start; i++) pairs.push([i, i]);
  pairs.push(...middlePairs(a.slice(start, a.length - end), b.slice(start, b.length - end), start));
  for (let i = end; i > 0; i--) pairs.push([a.length - i, b.length - i]);
  return pairs;
}

function middlePairs<T>(a: readonly T[], b: readonly T[], offset: number): [number, number][] {
  const [n, m] = [a.length, b.length];
  if (n === 0 || m === 0 || n * m > PRODUCT_MOST) return []; // too much to compare: all of it is replaced
  const width = m + 1;
  const length = new Uint32Array((n + 1) * width);
  const at = (i: number, j: number) => length[i * width + j] ?? 0;
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      length[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < n && j < m;) {
    if (a[i] === b[j]) pairs.push([offset + i++, offset + j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return pairs;
}

/** The lines of two texts, removed ones before the added ones that replace them. */
export function diffLines(before: string, after: string): Line[] {
  const [a, b] = [split(before), split(after)];
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  for (const [x, y] of [...commonPairs(a, b), [a.length, b.length] as [number, number]]) {
    for (; i < x; i++) lines.push({ kind: "removed", text: a[i] ?? "" });
    for (; j < y; j++) lines.push({ kind: "added", text: b[j] ?? "" });
    if (x < a.length) lines.push({ kind: "same", text: a[x] ?? "" });
    i = x + 1;
    j = y + 1;
  }
  return lines;
}

const split = (whole: string): string[] => (whole === "" ? [] : whole.split("\n"));

/** Leave out what is far from any change: `around` equal lines stay on each side. */
export function blocks(lines: readonly Line[], around = 3): Block[] {
  const isNear = lines.map(() => false);
  lines.forEach((line, i) => {
    if (line.kind !== "same")
      for (let k = i - around; k <= i + around; k++) if (k in isNear) isNear[k] = true;
  });
  const found: Block[] = [];
  lines.forEach((line, i) => {
    const last = found[found.length - 1];
    if (!isNear[i]) {
      if (last && "skipped" in last) last.skipped++;
      else found.push({ skipped: 1 });
    } else if (last && "lines" in last) last.lines.push(line);
    else found.push({ lines: [line] });
  });
  return found;
}

/** What became of each cell: cells are known by their ids, where there are none by what they contain. */
export function diffCells(before: readonly CellContent[], after: readonly CellContent[]): CellChange[] {
  const [a, b] = [keys(before), keys(after)];
  const inA = new Map(a.map((key, i) => [key, i]));
  const inB = new Map(b.map((key, j) => [key, j]));
  const changes: CellChange[] = [];
  let [i, j] = [0, 0];
  for (const [x, y] of [...commonPairs(a, b), [a.length, b.length] as [number, number]]) {
    for (; i < x; i++)
      if (!inB.has(a[i] ?? "")) changes.push({ kind: "removed", before: before[i], outputs: false });
    for (; j < y; j++) {
      const old = inA.get(b[j] ?? "");
      if (old === undefined) changes.push({ kind: "added", after: after[j], outputs: false });
      else changes.push({ ...compare(before[old]!, after[j]!), kind: "moved" });
    }
    if (x < a.length) changes.push(compare(before[x]!, after[y]!));
    i = x + 1;
    j = y + 1;
  }
  return changes;
}

function keys(cells: readonly CellContent[]): string[] {
  const seen = new Map<string, number>();
  return cells.map((cell) => {
    const base = cell.id ?? `${cell.cell_type}:${text(cell.source)}`;
    const times = seen.get(base) ?? 0;
    seen.set(base, times + 1);
    return times ? `${base}#${times}` : base;
  });
}

function compare(before: CellContent, after: CellContent): CellChange {
  const outputs = JSON.stringify(before.outputs ?? []) !== JSON.stringify(after.outputs ?? []);
  const isSame =
    before.cell_type === after.cell_type && text(before.source) === text(after.source) && !outputs;
  return { kind: isSame ? "same" : "changed", before, after, outputs };
}
