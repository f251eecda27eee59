import type { Enrolment } from "@/api/courses";

type Limits = Pick<Enrolment, "graded_sections" | "graded_assignments">;

/** What a grader grades, in words; empty without limits. */
export function limitsInWords({ graded_sections = [], graded_assignments = [] }: Partial<Limits>): string {
  const parts = [
    graded_sections.length > 0
      ? `${graded_sections.length > 1 ? "sections" : "section"} ${list(graded_sections)}`
      : "",
    graded_assignments.length > 0 ? list(graded_assignments) : "",
  ];
  return parts.filter(Boolean).join(" · ");
}

/** The same as a sentence, for who sets it. */
export function limitsAsSentence({ graded_sections = [], graded_assignments = [] }: Partial<Limits>): string {
  const whose =
    graded_sections.length > 0
      ? `students of ${graded_sections.length > 1 ? "the sections" : "section"} ${list(graded_sections)}`
      : "all students";
  const what = graded_assignments.length > 0 ? list(graded_assignments) : "every assignment";
  return `Grades the work of ${whose} on ${what}.`;
}

function list(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? "") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
