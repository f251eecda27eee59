import { useMutation, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { meQuery, projectQuery, serverQuery } from "./queries";
import type { components } from "./schema";
import type { Project, Role } from "./types";

type Schemas = components["schemas"];

export function useCreateProject() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["ProjectCreate"]) => unwrap(api.POST("/projects", { body })),
    onSuccess: (project) => keepProject(client, project),
  });
}

export function useUpdateProject(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["ProjectUpdate"]) =>
      unwrap(api.PATCH("/projects/{project_id}", { params: { path: { project_id: id } }, body })),
    onSuccess: (project) => keepProject(client, project),
  });
}

export function useDeleteProject(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.DELETE("/projects/{project_id}", { params: { path: { project_id: id } } })),
    onSuccess: () => forgetProject(client, id),
  });
}

export function useSetMember(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ name, role }: { name: string; role: Role }) =>
      unwrap(
        api.PUT("/projects/{project_id}/members/{user_name}", {
          params: { path: { project_id: id, user_name: name } },
          body: { role },
        }),
      ),
    onSuccess: (project) => keepProject(client, project),
  });
}

export function useRemoveMember(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ name }: { name: string; isSelf: boolean }) =>
      unwrap(
        api.DELETE("/projects/{project_id}/members/{user_name}", {
          params: { path: { project_id: id, user_name: name } },
        }),
      ),
    onSuccess: (project, { isSelf }) => (isSelf ? forgetProject(client, id) : keepProject(client, project)),
  });
}

export function useStopServer(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () =>
      unwrap(api.DELETE("/projects/{project_id}/server", { params: { path: { project_id: id } } })),
    onSuccess: (server) => {
      client.setQueryData(serverQuery(id).queryKey, server);
      return client.invalidateQueries({ queryKey: ["projects"] });
    },
  });
}

export function useUpdateMe() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["MeUpdate"]) => unwrap(api.PATCH("/me", { body })),
    onSuccess: (me) => client.setQueryData(meQuery.queryKey, me),
  });
}

export function useCreateUser() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["UserCreate"]) => unwrap(api.POST("/users", { body })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["users"] }),
  });
}

export function useUpdateUser() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ name, ...body }: Schemas["UserUpdate"] & { name: string }) =>
      unwrap(api.PATCH("/users/{user_name}", { params: { path: { user_name: name } }, body })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["users"] }),
  });
}

export function useCreateSignInLink() {
  return useMutation({
    mutationFn: (name: string) =>
      unwrap(api.POST("/users/{user_name}/sign-in-links", { params: { path: { user_name: name } } })),
  });
}

export function keepProject(client: QueryClient, project: Project) {
  client.setQueryData(projectQuery(project.id).queryKey, project);
  return client.invalidateQueries({ queryKey: ["projects"] });
}

function forgetProject(client: QueryClient, id: string) {
  client.removeQueries({ queryKey: projectQuery(id).queryKey });
  client.removeQueries({ queryKey: serverQuery(id).queryKey });
  // Not waited for: the page, which would now say that there is no such project, is to be left at once.
  void client.invalidateQueries({ queryKey: ["projects"] });
}
