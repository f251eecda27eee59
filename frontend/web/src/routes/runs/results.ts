/** Rows of a sweep or an experiment: what was varied and what came out. */
export interface ResultRow {
  id: string;
  label: string;
  status: "ok" | "failed" | "open";
  isBest: boolean;
  values: Readonly<Record<string, unknown>>;
  note: string;
}

export interface Sorting {
  column: string;
  descending: boolean;
}

/** Order rows by a column: numbers by size, everything else as text; rows without a value come last. */
export function sorted(rows: readonly ResultRow[], { column, descending }: Sorting): ResultRow[] {
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [a.values[column], b.values[column]];
    if (left === undefined || left === null) return right === undefined || right === null ? 0 : 1;
    if (right === undefined || right === null) return -1;
    if (typeof left === "number" && typeof right === "number") return sign * (left - right);
    return sign * shown(left).localeCompare(shown(right), undefined, { numeric: true });
  });
}

/** A value as people read it: six digits, short texts. */
export function shown(value: unknown): string {
  if (typeof value === "number")
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The columns that a picture can show: a list or a table of values has no place on an axis. */
export function drawable(rows: readonly ResultRow[], columns: readonly string[]): string[] {
  const isPlain = (value: unknown) => typeof value !== "object" || value === null;
  return columns.filter((column) => rows.every((row) => isPlain(row.values[column])));
}

/** The place of each value on an axis from 0 to 1: numbers by size, anything else in order of appearance. */
export function axis(values: readonly unknown[]): {
  at: (value: unknown) => number;
  low: string;
  high: string;
} {
  const numbers = values.filter(
    (value): value is number => typeof value === "number" && Number.isFinite(value),
  );
  if (numbers.length > 0 && numbers.length === values.filter((value) => value !== undefined).length) {
    const low = Math.min(...numbers);
    const high = Math.max(...numbers);
    const span = high - low;
    return {
      at: (value) => (typeof value === "number" && span > 0 ? (value - low) / span : 0.5),
      low: shown(low),
      high: shown(high),
    };
  }
  const names = [...new Set(values.filter((value) => value !== undefined).map(shown))];
  return {
    at: (value) => (names.length > 1 ? names.indexOf(shown(value)) / (names.length - 1) : 0.5),
    low: names[0] ?? "",
    high: names.at(-1) ?? "",
  };
}

const FENCE = 3;
const FEWEST_FOR_A_FENCE = 8;

/**
 * The worst value that an axis shows so that one far outlier does not flatten all others: Tukey's outer fence, three
 * times the distance of the quartiles beyond the quartile of the worse side (J. W. Tukey, Exploratory Data Analysis, 1977).
 */
export function worstShown(values: readonly number[], direction: string): number {
  const sign = direction === "maximize" ? -1 : 1;
  const ordered = values.map((value) => sign * value).sort((a, b) => a - b);
  const worst = ordered.at(-1) ?? 0;
  const quartile = (share: number) => ordered[Math.round(share * (ordered.length - 1))] ?? worst;
  const fence = quartile(0.75) + FENCE * (quartile(0.75) - quartile(0.25));
  if (ordered.length < FEWEST_FOR_A_FENCE || fence >= worst) return sign * worst;
  return sign * (ordered.filter((value) => value <= fence).at(-1) ?? worst);
}
