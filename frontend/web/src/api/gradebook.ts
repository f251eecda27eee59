import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type ManualColumn = Schemas["ManualColumn"];
export type ColumnCell = Schemas["ColumnCell"];
export type ColumnDraft = Schemas["ColumnCreate"];
export type ScoreEntry = Schemas["ScoreEntry"];
export type ExplainedRow = Schemas["ExplainedRow"];
export type GradebookImported = Schemas["GradebookImported"];

const column = (course_id: string, id: number) => ({
  params: { path: { course_id, column_id: String(id) } },
});

export const columnsQuery = (id: string) =>
  queryOptions({
    queryKey: ["course", id, "columns"],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/courses/{course_id}/columns", { params: { path: { course_id: id } }, signal })),
  });

export const columnHistoryQuery = (id: string, columnId: number, user: string) =>
  queryOptions({
    queryKey: ["course", id, "column", columnId, user],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/courses/{course_id}/columns/{column_id}/scores/{user_name}", {
          params: { path: { course_id: id, column_id: String(columnId), user_name: user } },
          signal,
        }),
      ),
  });

export const explainedGradeQuery = (id: string, user: string) =>
  queryOptions({
    queryKey: ["course", id, "explained", user],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/courses/{course_id}/gradebook/students/{user_name}", {
          params: { path: { course_id: id, user_name: user } },
          signal,
        }),
      ),
  });

export const submissionHistoryQuery = (id: string, submission: number) =>
  queryOptions({
    queryKey: ["course", id, "submission-history", submission],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/courses/{course_id}/submissions/{submission_id}/history", {
          params: { path: { course_id: id, submission_id: String(submission) } },
          signal,
        }),
      ),
  });

export const saveColumn = (id: string) => (draft: ColumnDraft & { known: ManualColumn | null }) => {
  const { known, ...body } = draft;
  return known
    ? unwrap(
        api.PUT("/courses/{course_id}/columns/{column_id}", {
          ...column(id, known.id),
          body: { ...body, revision: known.revision },
        }),
      )
    : unwrap(api.POST("/courses/{course_id}/columns", { params: { path: { course_id: id } }, body }));
};

export const removeColumn = (id: string) => (columnId: number) =>
  unwrap(api.DELETE("/courses/{course_id}/columns/{column_id}", column(id, columnId)));

export const restoreColumn = (id: string) => (columnId: number) =>
  unwrap(api.POST("/courses/{course_id}/columns/{column_id}/restore", column(id, columnId)));

export const setColumnScores = (id: string, columnId: number, scores: ScoreEntry[]) =>
  unwrap(
    api.PUT("/courses/{course_id}/columns/{column_id}/scores", { ...column(id, columnId), body: { scores } }),
  );

export const importGradebook = (id: string) => (body: Schemas["GradebookImport"]) =>
  unwrap(api.POST("/courses/{course_id}/gradebook/imports", { params: { path: { course_id: id } }, body }));
