import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Course = Schemas["CourseSummary"];
export type Assignment = Awaited<ReturnType<typeof readAssignments>>["items"][number];
export type CourseSubmission = Schemas["Submission"];
export type SubmissionDetail = Schemas["SubmissionDetail"];
export type CellScore = Schemas["CellScore"];
export type Enrolment = Schemas["Enrolment"];
export type Gradebook = Schemas["Gradebook"];
export type GradebookRow = Schemas["GradebookRow"];
export type MarkingList = Schemas["MarkingList"];
export type MarkingPage = Schemas["MarkingPage"];
export type Segment = Schemas["Segment"];
export type OfferedItem = Schemas["OfferedItem"];
export type MarkUpdate = Schemas["MarkUpdate"];
export type Receipt = Schemas["Receipt"];

const SECOND = 1000;

export const coursesQuery = queryOptions({
  queryKey: ["courses"],
  queryFn: ({ signal }) => unwrap(api.GET("/courses", { signal })),
  staleTime: 30 * SECOND,
});

export const courseQuery = (id: string) =>
  queryOptions({
    queryKey: ["course", id],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/courses/{course_id}", { params: { path: { course_id: id } }, signal })),
    staleTime: 30 * SECOND,
  });

const readAssignments = (id: string, signal?: AbortSignal) =>
  unwrap(
    api.GET("/courses/{course_id}/assignments", {
      params: { path: { course_id: id } },
      ...(signal ? { signal } : {}),
    }),
  );

export const assignmentsQuery = (id: string) =>
  queryOptions({
    queryKey: ["course", id, "assignments"],
    queryFn: ({ signal }) => readAssignments(id, signal),
    staleTime: 5 * SECOND,
  });

export const submissionsQuery = (id: string, assignment: string) =>
  queryOptions({
    queryKey: ["course", id, "submissions", assignment],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/courses/{course_id}/assignments/{assignment}/submissions", {
          params: { path: { course_id: id, assignment } },
          signal,
        }),
      ),
    staleTime: 2 * SECOND,
  });

export const submissionQuery = (id: string, submission: number) =>
  queryOptions({
    queryKey: ["course", id, "submission", submission],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/courses/{course_id}/submissions/{submission_id}", {
          params: { path: { course_id: id, submission_id: String(submission) } },
          signal,
        }),
      ),
  });

export const feedbackQuery = (id: string, submission: number) =>
  queryOptions({
    queryKey: ["course", id, "feedback", submission],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/courses/{course_id}/submissions/{submission_id}/feedback", {
          params: { path: { course_id: id, submission_id: String(submission) } },
          signal,
        }),
      ),
  });

export const courseWorkQuery = (id: string, assignment: string) =>
  queryOptions({
    queryKey: ["course", id, "work", assignment],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/courses/{course_id}/assignments/{assignment}/work", {
          params: { path: { course_id: id, assignment } },
          signal,
        }),
      ),
  });

export const peopleInCourseQuery = (id: string) =>
  queryOptions({
    queryKey: ["course", id, "people"],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/courses/{course_id}/people", { params: { path: { course_id: id } }, signal })),
  });

export const gradebookQuery = (id: string) =>
  queryOptions({
    queryKey: ["course", id, "gradebook"],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/courses/{course_id}/gradebook", { params: { path: { course_id: id } }, signal })),
  });

export const gradingQuery = (id: string) =>
  queryOptions({
    queryKey: ["course", id, "grading"],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/courses/{course_id}/grading", { params: { path: { course_id: id } }, signal })),
  });

export const accommodationsQuery = (id: string, assignment: string) =>
  queryOptions({
    queryKey: ["course", id, "accommodations", assignment],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/courses/{course_id}/assignments/{assignment}/accommodations", {
          params: { path: { course_id: id, assignment } },
          signal,
        }),
      ),
  });

export const ownGradesQuery = (id: string) =>
  queryOptions({
    queryKey: ["course", id, "grades"],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/courses/{course_id}/grades", { params: { path: { course_id: id } }, signal })),
  });

export const progressQuery = (id: string, assignment: string) =>
  queryOptions({
    queryKey: ["course", id, "gradings", assignment],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/courses/{course_id}/assignments/{assignment}/gradings", {
          params: { path: { course_id: id, assignment } },
          signal,
        }),
      ),
    refetchInterval: ({ state }) =>
      state.data && (state.data.states.queued || state.data.states.running) ? SECOND : 10 * SECOND,
  });

export const auditQuery = (id: string) =>
  queryOptions({
    queryKey: ["course", id, "audit"],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/courses/{course_id}/audit", {
          params: { path: { course_id: id }, query: { limit: 200 } },
          signal,
        }),
      ),
  });

export const markingListQuery = (id: string, assignment: string, names: boolean) =>
  queryOptions({
    queryKey: ["course", id, "marking", assignment, names],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/courses/{course_id}/assignments/{assignment}/marking", {
          params: { path: { course_id: id, assignment }, query: { names } },
          signal,
        }),
      ),
  });

export const markingPageQuery = (id: string, submission: number, names: boolean) =>
  queryOptions({
    queryKey: ["course", id, "marking-page", submission, names],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/courses/{course_id}/submissions/{submission_id}/marking", {
          params: { path: { course_id: id, submission_id: String(submission) }, query: { names } },
          signal,
        }),
      ),
  });

/** A change in a course, after which everything shown of the course is asked for again. */
export function useInCourse<V, R>(id: string, change: (value: V) => Promise<R>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => client.invalidateQueries({ queryKey: ["course", id] }),
  });
}

const one = (course_id: string, assignment: string) => ({ params: { path: { course_id, assignment } } });

export const fetchAssignment = (id: string) => (name: string) =>
  unwrap(api.POST("/courses/{course_id}/assignments/{assignment}/fetch", one(id, name)));

export const handInWork = (id: string) => (name: string) =>
  unwrap(api.POST("/courses/{course_id}/assignments/{assignment}/hand-in", one(id, name)));

export const handInFiles = (id: string, name: string) => async (files: readonly File[]) => {
  const contents = await Promise.all(
    files.map(async (file) => ({ path: file.name, content_base64: await base64(file) })),
  );
  return unwrap(
    api.POST("/courses/{course_id}/assignments/{assignment}/submissions", {
      ...one(id, name),
      body: { files: contents, request_key: "" },
    }),
  );
};

export const releaseAssignment = (id: string) => (name: string) =>
  unwrap(
    api.POST("/courses/{course_id}/assignments/{assignment}/release", {
      ...one(id, name),
      body: { version: null },
    }),
  );

export const deliverAssignment = (id: string) => (name: string) =>
  unwrap(api.POST("/courses/{course_id}/assignments/{assignment}/deliver", one(id, name)));

export const collectWork = (id: string) => (name: string) =>
  unwrap(api.POST("/courses/{course_id}/assignments/{assignment}/collect", one(id, name)));

export const gradeAgain = (id: string) => (name: string) =>
  unwrap(
    api.POST("/courses/{course_id}/assignments/{assignment}/gradings", {
      ...one(id, name),
      body: { submissions: null, propose: false },
    }),
  );

export const returnScores = (id: string) => (name: string) =>
  unwrap(api.POST("/courses/{course_id}/assignments/{assignment}/feedback", one(id, name)));

export const enrolRoster = (id: string) => (csv: string) =>
  unwrap(api.POST("/courses/{course_id}/roster", { params: { path: { course_id: id } }, body: { csv } }));

export const joinCourse = (token: string) => unwrap(api.POST("/course-enrolments", { body: { token } }));

export const makeEnrolmentLink = (id: string) => () =>
  unwrap(
    api.POST("/courses/{course_id}/enrolment-links", {
      params: { path: { course_id: id } },
      body: { role: "student", section: "", days: 14 },
    }),
  );

export const requestsQuery = (id: string, submission: number) =>
  queryOptions({
    queryKey: ["course", id, "requests", submission],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/courses/{course_id}/submissions/{submission_id}/requests", {
          params: { path: { course_id: id, submission_id: String(submission) } },
          signal,
        }),
      ),
  });

export const sayInRequest = (id: string, submission: number) => (body: Schemas["RequestSay"]) =>
  unwrap(
    api.POST("/courses/{course_id}/submissions/{submission_id}/requests", {
      params: { path: { course_id: id, submission_id: String(submission) } },
      body,
    }),
  );

export const setMark = (id: string, submission: number) => (body: MarkUpdate) =>
  unwrap(
    api.PUT("/courses/{course_id}/submissions/{submission_id}/marks", {
      params: { path: { course_id: id, submission_id: String(submission) } },
      body,
    }),
  );

export const addAssignment =
  (id: string) =>
  async ({ name, category, files }: { name: string; category: string; files: readonly File[] }) => {
    const contents = await Promise.all(
      files.map(async (file) => ({ path: file.name, content_base64: await base64(file) })),
    );
    const known = await readAssignments(id);
    if (!known.items.some((assignment) => assignment.name === name)) {
      await unwrap(
        api.POST("/courses/{course_id}/assignments", {
          params: { path: { course_id: id } },
          body: { name, category },
        }),
      );
    }
    return unwrap(
      api.POST("/courses/{course_id}/assignments/{assignment}/versions", {
        ...one(id, name),
        body: { files: contents, request_key: "" },
      }),
    );
  };

export const setDue =
  (id: string) =>
  ({ name, schedule }: { name: string; schedule: Schemas["ScheduleSettings"] }) =>
    unwrap(
      api.PUT("/courses/{course_id}/assignments/{assignment}/schedule", {
        ...one(id, name),
        body: schedule,
      }),
    );

export const setGrading = (id: string) => (grading: Schemas["GradingSettings"]) =>
  unwrap(api.PUT("/courses/{course_id}/grading", { params: { path: { course_id: id } }, body: grading }));

export type Accommodation = Schemas["AccommodationSettings"];
export type Grading = Schemas["GradingSettings"];

export const changeCourse = (id: string) => (course: Schemas["CourseUpdate"]) =>
  unwrap(api.PUT("/courses/{course_id}", { params: { path: { course_id: id } }, body: course }));

export const copyCourse = (id: string) => (copy: Schemas["CopyRequest"]) =>
  unwrap(api.POST("/courses/{course_id}/copies", { params: { path: { course_id: id } }, body: copy }));

export const setAccommodation =
  (id: string) =>
  ({ name, granted }: { name: string; granted: Accommodation }) =>
    unwrap(
      api.PUT("/courses/{course_id}/assignments/{assignment}/accommodations", {
        ...one(id, name),
        body: granted,
      }),
    );

export const setAssignmentSettings =
  (id: string) =>
  ({ name, settings }: { name: string; settings: Schemas["AssignmentSettings"] }) =>
    unwrap(
      api.PUT("/courses/{course_id}/assignments/{assignment}/settings", {
        ...one(id, name),
        body: settings,
      }),
    );

export const openStaffProject = (id: string) => () =>
  unwrap(api.POST("/courses/{course_id}/staff-project", { params: { path: { course_id: id } } }));

export const connectCourse = (body: Schemas["LtiConnect"]) => unwrap(api.POST("/lti-connections", { body }));

/** What a file holds, as the API takes it. */
export async function base64(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}
