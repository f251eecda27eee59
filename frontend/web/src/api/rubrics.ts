import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type CourseRubric = Schemas["CourseRubric"];
export type RubricDraft = Schemas["RubricDraft"];
export type RubricUse = Schemas["RubricUse"];
export type MarkEffect = Schemas["MarkEffect"];

const one = (course_id: string, rubric: number) => ({
  params: { path: { course_id, rubric_id: String(rubric) } },
});

export const rubricsQuery = (id: string) =>
  queryOptions({
    queryKey: ["course", id, "rubrics"],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/courses/{course_id}/rubrics", { params: { path: { course_id: id } }, signal })),
  });

/** What a change would do to marks; a rubric that is not made yet changes none. */
export const rubricEffectsQuery = (id: string, rubric: number | undefined, draft: RubricDraft | null) =>
  queryOptions({
    queryKey: ["course", id, "rubric-effects", rubric, draft],
    enabled: rubric !== undefined && draft !== null,
    queryFn: ({ signal }) =>
      unwrap(
        api.POST("/courses/{course_id}/rubrics/{rubric_id}/effects", {
          ...one(id, rubric ?? 0),
          body: draft ?? { name: "", items: [] },
          signal,
        }),
      ),
  });

export const makeRubric = (id: string) => (body: RubricDraft) =>
  unwrap(api.POST("/courses/{course_id}/rubrics", { params: { path: { course_id: id } }, body }));

export const changeRubric = (id: string, rubric: number) => (body: Schemas["RubricUpdate"]) =>
  unwrap(api.PUT("/courses/{course_id}/rubrics/{rubric_id}", { ...one(id, rubric), body }));

export const removeRubric = (id: string) => (rubric: number) =>
  unwrap(api.DELETE("/courses/{course_id}/rubrics/{rubric_id}", one(id, rubric)));

export const offerRubric =
  (id: string) =>
  ({ rubric, isOffered, ...body }: RubricUse & { rubric: number; isOffered: boolean }) =>
    isOffered
      ? unwrap(api.POST("/courses/{course_id}/rubrics/{rubric_id}/uses", { ...one(id, rubric), body }))
      : unwrap(
          api.POST("/courses/{course_id}/rubrics/{rubric_id}/uses/removal", { ...one(id, rubric), body }),
        );

export const addRubricItem = (id: string, assignment: string) => (body: Schemas["ItemAdd"]) =>
  unwrap(
    api.POST("/courses/{course_id}/assignments/{assignment}/rubric", {
      params: { path: { course_id: id, assignment } },
      body,
    }),
  );
