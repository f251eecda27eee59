import type { Schemas } from "../core/api";
import { platform } from "../core/platform";
import { projectId } from "../core/project";

export type Course = Schemas["CourseSummary"];
export type Assignment = Schemas["Assignment"];
export type Submission = Schemas["Submission"];
export type Receipt = Schemas["Receipt"];

/** An assignment that was put into a project (hub/api/course_work_schemas.py). */
export interface Delivered {
  project_id: string;
  folder: string;
  version: number;
  files: { path: string; target: string; step: string }[];
}
export interface Finding {
  kind: string;
  notebook: string;
  grade_id: string;
  text: string;
}
/** What would be handed in, and what is wrong with it. */
export interface WorkState {
  project_id: string | null;
  folder: string;
  files: { path: string; sha256: string; size: number }[];
  problems: Finding[];
}

const one = (course: string, assignment: string) =>
  `/courses/${course}/assignments/${encodeURIComponent(assignment)}`;

/** What a student asks of the platform. */
export const work = {
  courses: async () => (await platform<{ items: Course[] }>("GET", "/courses")).items,
  assignments: async (course: string) =>
    (await platform<{ items: Assignment[] }>("GET", `/courses/${course}/assignments`)).items,
  submissions: async (course: string, assignment: string) =>
    (await platform<{ items: Submission[] }>("GET", `${one(course, assignment)}/submissions`)).items,
  fetch: (course: string, assignment: string) =>
    platform<Delivered>("POST", `${one(course, assignment)}/fetch`),
  state: (course: string, assignment: string) =>
    platform<WorkState>("GET", `${one(course, assignment)}/work`),
  handIn: (course: string, assignment: string) =>
    platform<Receipt>("POST", `${one(course, assignment)}/hand-in`),
  feedback: async (course: string, submission: number) =>
    (await platform<Schemas["Feedback"]>("GET", `/courses/${course}/submissions/${submission}/feedback`))
      .items,
};

/** An assignment on which the person works in this project (hub/api/project_assignments.py). */
export interface WorkPlace {
  course_id: string;
  course_title: string;
  name: string;
  points: number;
  due_at: string | null;
  closes_at: string | null;
  handed_in_at: string | null;
  feedback_released_at: string | null;
}

/** What a page in its project's own origin may ask: about the work that lies in the project. */
export const workHere = {
  assignments: async () =>
    (await platform<{ items: WorkPlace[] }>("GET", `/projects/${projectId}/assignments`)).items,
  state: (place: WorkPlace) =>
    platform<WorkState>(
      "GET",
      `/projects/${projectId}/assignments/${place.course_id}/${encodeURIComponent(place.name)}`,
    ),
};
