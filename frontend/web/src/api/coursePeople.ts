import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import type { Enrolment } from "./courses";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type EnrolmentUpdate = Schemas["EnrolmentUpdate"];
export type CourseRole = Enrolment["role"];
export type HubGroup = Schemas["HubGroup"];
export type HubGroupsSynchronised = Schemas["HubGroupsSynchronised"];

/** Put somebody into a course, or change their part in it. */
export const enrolPerson =
  (courseId: string) =>
  ({ userName, part }: { userName: string; part: EnrolmentUpdate }) =>
    unwrap(
      api.PUT("/courses/{course_id}/people/{user_name}", {
        params: { path: { course_id: courseId, user_name: userName } },
        body: part,
      }),
    );

/** Take somebody out of a course; their work stays. */
export const endEnrolment = (courseId: string) => (userName: string) =>
  unwrap(
    api.DELETE("/courses/{course_id}/people/{user_name}", {
      params: { path: { course_id: courseId, user_name: userName } },
    }),
  );

const course = (id: string) => ({ params: { path: { course_id: id } } });

export const hubGroupsQuery = (id: string) =>
  queryOptions({
    queryKey: ["course", id, "hub-groups"],
    queryFn: ({ signal }) => unwrap(api.GET("/courses/{course_id}/hub-groups", { ...course(id), signal })),
  });

/** Let the members of a group of the platform into a course, and out when they leave it. */
export const linkHubGroup = (id: string) => (body: Schemas["HubGroupLink"]) =>
  unwrap(api.PUT("/courses/{course_id}/hub-groups", { ...course(id), body }));

export const unlinkHubGroup = (id: string) => (name: string) =>
  unwrap(api.POST("/courses/{course_id}/hub-groups/unlink", { ...course(id), body: { name } }));

export const synchroniseHubGroups = (id: string) => () =>
  unwrap(api.POST("/courses/{course_id}/hub-groups/synchronise", course(id)));
