/** A score as it stands in a cell of the gradebook. */
export interface Score {
  score: number | null;
  is_excused: boolean;
}

/** What a cell shows. */
export function scoreText({ score, is_excused }: Score): string {
  return is_excused ? "excused" : score === null ? "" : String(score);
}

/** What somebody typed, or why it is no score of a column with so many points. */
export function parseScore(text: string, points: number): Score | string {
  const typed = text.trim().toLowerCase();
  if (typed === "") return { score: null, is_excused: false };
  if (typed === "ex" || typed === "excused") return { score: null, is_excused: true };
  const score = /^-?\d*[.,]?\d+$|^-?\d+[.,]$/.test(typed) ? Number(typed.replace(",", ".")) : Number.NaN;
  if (Number.isNaN(score))
    return `“${text.trim()}” is no score: type a number, “ex” for excused, or nothing.`;
  if (score < 0 || score > points) return `${score} is not from 0 to ${points}.`;
  return { score, is_excused: false };
}

/** The lines and cells of what a spreadsheet put into the clipboard; nothing for a single value. */
export function pastedTable(text: string): string[][] | null {
  const lines = text.replace(/\r\n?/g, "\n").replace(/\n$/, "").split("\n");
  const table = lines.map((line) => line.split("\t"));
  return table.length > 1 || (table[0]?.length ?? 0) > 1 ? table : null;
}
