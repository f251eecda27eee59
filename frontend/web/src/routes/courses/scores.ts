import type { GradebookRow } from "@/api/courses";

/** A fraction as a percentage; a dash when there is none. */
export function percent(fraction: number | null): string {
  return fraction === null ? "–" : `${(fraction * 100).toFixed(1)} %`;
}

/** How many students are in each tenth of the scale. */
export function distribution(rows: readonly GradebookRow[]): number[] {
  const counts = Array<number>(10).fill(0);
  for (const { total } of rows) {
    if (total === null) continue;
    const tenth = Math.min(9, Math.max(0, Math.floor(total * 10)));
    counts[tenth] = (counts[tenth] ?? 0) + 1;
  }
  return counts;
}

/** Students who may need help: below half of the points, or with two or more assignments missing; worst first. */
export function atRisk(rows: readonly GradebookRow[]): { row: GradebookRow; why: string }[] {
  return rows
    .map((row) => {
      const missing = row.cells.filter(({ state }) => state === "missing").length;
      const why = [
        row.total !== null && row.total < 0.5 ? `has ${percent(row.total)}` : "",
        missing >= 2 ? `${missing} assignments missing` : "",
      ].filter(Boolean);
      return { row, why: why.join(", ") };
    })
    .filter(({ why }) => why !== "")
    .sort((a, b) => (a.row.total ?? 0) - (b.row.total ?? 0));
}

/** The name as people say it, the user name where there is none. */
export function nameOf(row: { first_name: string; last_name: string; user_name: string }): string {
  return [row.first_name, row.last_name].filter(Boolean).join(" ") || row.user_name;
}
