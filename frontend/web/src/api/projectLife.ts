import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { keepProject } from "./mutations";
import { projectQuery } from "./queries";
import type { components } from "./schema";
import type { Project, ProjectSummary } from "./types";

type Schemas = components["schemas"];
export type Activity = Schemas["Activity"];
export type Invitation = Schemas["Invitation"];
export type Publication = Schemas["Publication"];
export type Profile = Schemas["Profile"];

const SECOND = 1000;
const project = (id: string) => ({ params: { path: { project_id: id } } });

export const templatesQuery = queryOptions({
  queryKey: ["templates"],
  queryFn: ({ signal }) => unwrap(api.GET("/templates", { signal })),
  staleTime: 300 * SECOND,
});

export const profilesQuery = queryOptions({
  queryKey: ["profiles"],
  queryFn: ({ signal }) => unwrap(api.GET("/profiles", { signal })),
  staleTime: 300 * SECOND,
});

export const activityQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ["activity", id],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/projects/{project_id}/activity", {
          params: {
            path: { project_id: id },
            query: { limit: 30, ...(pageParam ? { cursor: pageParam } : {}) },
          },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });

export const usageQuery = (id: string, days: number) =>
  queryOptions({
    queryKey: ["usage", id, days],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/projects/{project_id}/usage", {
          params: { path: { project_id: id }, query: { days } },
          signal,
        }),
      ),
  });

export const invitationsQuery = (id: string) =>
  queryOptions({
    queryKey: ["invitations", id],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/projects/{project_id}/invitations", { ...project(id), signal })),
  });

export const publicationsQuery = (id: string) =>
  queryOptions({
    queryKey: ["publications", id],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/projects/{project_id}/publications", { ...project(id), signal })),
  });

export const publishedQuery = (search: string) =>
  infiniteQueryOptions({
    queryKey: ["published", search],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/published", {
          params: { query: { search, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });

export const publicationQuery = (id: string) =>
  queryOptions({
    queryKey: ["publication", id],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/published/{publication_id}", { params: { path: { publication_id: id } }, signal })),
  });

export const invitationQuery = (token: string) =>
  queryOptions({
    queryKey: ["invitation", token],
    queryFn: ({ signal }) => unwrap(api.GET("/invitations/{token}", { params: { path: { token } }, signal })),
    retry: false,
  });

/** Mark as a favourite or not; shown at once, taken back if the platform refuses. */
export function useStar() {
  const client = useQueryClient();
  const show = (id: string, starred: boolean) => {
    client.setQueriesData<{ pages: { items: ProjectSummary[] }[] }>(
      { queryKey: ["projects"] },
      (data) =>
        data && {
          ...data,
          pages: data.pages.map((page) => ({
            ...page,
            items: page.items.map((item) => (item.id === id ? { ...item, starred } : item)),
          })),
        },
    );
    client.setQueryData<Project>(projectQuery(id).queryKey, (data) => data && { ...data, starred });
  };
  return useMutation({
    mutationFn: ({ id, starred }: { id: string; starred: boolean }) =>
      unwrap(
        starred
          ? api.PUT("/projects/{project_id}/star", project(id))
          : api.DELETE("/projects/{project_id}/star", project(id)),
      ),
    onMutate: ({ id, starred }) => show(id, starred),
    onError: (_error, { id, starred }) => show(id, !starred),
    onSettled: () => client.invalidateQueries({ queryKey: ["projects"] }),
  });
}

export function useRestoreProject() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => unwrap(api.POST("/trash/{project_id}/restore", project(id))),
    onSuccess: (restored) => keepProject(client, restored),
  });
}

export function usePurgeProject() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => unwrap(api.DELETE("/trash/{project_id}", project(id))),
    onSuccess: () => client.invalidateQueries({ queryKey: ["projects"] }),
  });
}

export function useTransferProject(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (to: string) =>
      unwrap(api.POST("/projects/{project_id}/transfer", { ...project(id), body: { to } })),
    onSuccess: (changed) => keepProject(client, changed),
  });
}

export function useCreateInvitation(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["InvitationCreate"]) =>
      unwrap(api.POST("/projects/{project_id}/invitations", { ...project(id), body })),
    onSuccess: () => client.invalidateQueries(invitationsQuery(id)),
  });
}

export function useRevokeInvitation(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (invitation: number) =>
      unwrap(
        api.DELETE("/projects/{project_id}/invitations/{invitation_id}", {
          params: { path: { project_id: id, invitation_id: String(invitation) } },
        }),
      ),
    onSuccess: () => client.invalidateQueries(invitationsQuery(id)),
  });
}

export function useAcceptInvitation(token: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.POST("/invitations/{token}", { params: { path: { token } } })),
    onSuccess: (joined) => keepProject(client, joined),
  });
}

export function usePublish(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["PublicationCreate"]) =>
      unwrap(api.POST("/projects/{project_id}/publications", { ...project(id), body })),
    onSuccess: () => client.invalidateQueries(publicationsQuery(id)),
  });
}

export function useChangePublication(id: string) {
  const client = useQueryClient();
  const at = (publication: string) => ({ params: { path: { project_id: id, publication_id: publication } } });
  const settle = { onSuccess: () => client.invalidateQueries(publicationsQuery(id)) };
  const update = useMutation({
    mutationFn: ({ publication, ...body }: Schemas["PublicationUpdate"] & { publication: string }) =>
      unwrap(api.PATCH("/projects/{project_id}/publications/{publication_id}", { ...at(publication), body })),
    ...settle,
  });
  const revoke = useMutation({
    mutationFn: (publication: string) =>
      unwrap(api.DELETE("/projects/{project_id}/publications/{publication_id}", at(publication))),
    ...settle,
  });
  return { update, revoke };
}
