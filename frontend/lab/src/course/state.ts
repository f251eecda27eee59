/** Where a student stands with an assignment. Pure. */
import { until } from "../core/format";

export interface AssignmentFacts {
  name: string;
  points: number;
  due_at: string | null;
  closes_at: string | null;
  feedback_released_at: string | null;
}
export interface SubmissionFacts {
  id: number;
  received_at: string;
  late_seconds: number;
  is_counted: boolean;
  score: number | null;
  points: number;
  sha256: string;
}

const seconds = (at: string): number => Date.parse(at) / 1000;

/** "Due in 3 days", "Late since 2 hours, closes in 1 day", "Closed", or "No deadline". */
export function dueWords(assignment: Pick<AssignmentFacts, "due_at" | "closes_at">, now: number): string {
  const due = assignment.due_at === null ? undefined : seconds(assignment.due_at);
  const closes = assignment.closes_at === null ? undefined : seconds(assignment.closes_at);
  if (closes !== undefined && now >= closes) return "Closed";
  if (due === undefined) return closes === undefined ? "No deadline" : `Closes ${until(closes, now)}`;
  if (now < due) return `Due ${until(due, now)}`;
  return closes === undefined
    ? `Was due ${until(due, now)}`
    : `Was due ${until(due, now)}; closes ${until(closes, now)}`;
}

/** Whether it can still be handed in. */
export function isOpen(assignment: AssignmentFacts, now: number): boolean {
  return assignment.closes_at === null || now < seconds(assignment.closes_at);
}

/** The submission that counts; when none is chosen, the last one. */
export function counted(submissions: readonly SubmissionFacts[]): SubmissionFacts | undefined {
  const byTime = [...submissions].sort((a, b) => seconds(b.received_at) - seconds(a.received_at));
  return byTime.find((submission) => submission.is_counted) ?? byTime[0];
}

/** "8.5 of 10", as short as it is exact. */
export function scoreWords(score: number, points: number): string {
  const short = (n: number) => String(Number(n.toFixed(2)));
  return `${short(score)} of ${short(points)}`;
}
