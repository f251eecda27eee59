/** nbgrader's cell metadata, schema 3: what each kind of cell is. Pure. */

/** nbgrader's part of a cell's metadata. */
export interface GradingMetadata {
  schema_version: number;
  grade_id: string;
  grade: boolean;
  solution: boolean;
  locked: boolean;
  task: boolean;
  points?: number;
  cell_type?: string;
  checksum?: string;
}

export type CellKind = "" | "tests" | "autograded answer" | "manual answer" | "task" | "read-only";

/** Names and explanations of the kinds, in the order in which they are offered. */
export const KINDS: Record<CellKind, string> = {
  "": "An ordinary cell: students may do with it what they like.",
  "autograded answer": "Students write here; tests in other cells score it.",
  tests: "Is run to score answers; students cannot change it.",
  "manual answer": "Students write here; a person scores it.",
  task: "Describes what to do; a person scores what is made of it.",
  "read-only": "Students cannot change it.",
};

const SCHEMA = 3;
export const GRADE_ID = /^[a-zA-Z0-9_-]+$/;

/** What kind of cell its metadata makes it. */
export function kindOf(metadata: Partial<GradingMetadata> | undefined): CellKind {
  if (!metadata) return "";
  const { grade = false, solution = false, locked = false, task = false } = metadata;
  if (task) return "task";
  if (grade && solution) return "manual answer";
  if (grade) return "tests";
  if (solution) return "autograded answer";
  return locked ? "read-only" : "";
}

/** The kinds that a cell of this type can be. */
export function kindsFor(cellType: string): CellKind[] {
  if (cellType === "code") return ["", "autograded answer", "tests", "manual answer", "read-only"];
  if (cellType === "markdown") return ["", "manual answer", "task", "read-only"];
  return ["", "read-only"];
}

export const isScored = (kind: CellKind): boolean =>
  kind === "tests" || kind === "manual answer" || kind === "task";
/** Locked for students: what grading puts back to what was released. */
export const isLocked = (kind: CellKind): boolean =>
  kind === "tests" || kind === "task" || kind === "read-only";

/** The metadata of a cell that becomes `kind`; undefined for an ordinary one. Its id and points are kept. */
export function metadataFor(
  kind: CellKind,
  cellType: string,
  old: Partial<GradingMetadata> | undefined,
  newId: string,
): GradingMetadata | undefined {
  if (kind === "") return undefined;
  const made: GradingMetadata = {
    schema_version: SCHEMA,
    grade_id: old?.grade_id || newId,
    grade: kind === "tests" || kind === "manual answer",
    solution: kind === "autograded answer" || kind === "manual answer",
    locked: isLocked(kind),
    task: kind === "task",
    cell_type: cellType,
  };
  if (kind === "task") made.grade = false;
  if (isScored(kind)) made.points = old?.points ?? 0;
  return made;
}

/** What is wrong with an id, given all ids of the notebook; empty when nothing is. */
export function idProblem(id: string, all: readonly string[]): string {
  if (!id) return "An id is needed.";
  if (!GRADE_ID.test(id)) return "Only letters, digits, - and _.";
  if (all.filter((each) => each === id).length > 1) return "Another cell has this id.";
  return "";
}

/** Points of all cells that are scored. */
export function totalPoints(cells: readonly (Partial<GradingMetadata> | undefined)[]): number {
  return cells.reduce((sum, cell) => sum + (isScored(kindOf(cell)) ? (cell?.points ?? 0) : 0), 0);
}
