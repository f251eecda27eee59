import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type LtiPlatform = Schemas["LtiPlatform"];
export type LtiPlatformCreate = Schemas["LtiPlatformCreate"];
export type LtiLink = Schemas["LtiLink"];
export type LtiConnection = Schemas["LtiConnection"];

/** The learning platforms that may launch courses here, and the addresses that they have to be told. */
export const ltiPlatformsQuery = queryOptions({
  queryKey: ["lti-platforms"],
  queryFn: ({ signal }) => unwrap(api.GET("/lti/platforms", { signal })),
});

export function useRegisterLtiPlatform() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: LtiPlatformCreate) => unwrap(api.POST("/lti/platforms", { body })),
    onSuccess: () => client.invalidateQueries(ltiPlatformsQuery),
  });
}

export function useRemoveLtiPlatform() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: number) =>
      unwrap(api.DELETE("/lti/platforms/{platform_id}", { params: { path: { platform_id: String(id) } } })),
    onSuccess: () => client.invalidateQueries(ltiPlatformsQuery),
  });
}

/** The courses over there that a course is linked with, and the links that lead into it. */
export const ltiLinksQuery = (id: string) =>
  queryOptions({
    queryKey: ["course", id, "lti-links"],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/courses/{course_id}/lti-links", { params: { path: { course_id: id } }, signal })),
  });

export const setLtiLink = (id: string) => (body: Schemas["LtiLinkUpdate"]) =>
  unwrap(api.PUT("/courses/{course_id}/lti-links", { params: { path: { course_id: id } }, body }));

export const chooseLtiActivities = (id: string) => (body: Schemas["LtiChoice"]) =>
  unwrap(api.POST("/courses/{course_id}/lti-activities", { params: { path: { course_id: id } }, body }));

export const takeLtiRoster = (id: string) => () =>
  unwrap(api.POST("/courses/{course_id}/lti-roster", { params: { path: { course_id: id } } }));

export const sendLtiScores = (id: string) => (assignment: string) =>
  unwrap(
    api.POST("/courses/{course_id}/assignments/{assignment}/lti-scores", {
      params: { path: { course_id: id, assignment } },
    }),
  );
