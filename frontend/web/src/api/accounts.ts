import {
  infiniteQueryOptions,
  queryOptions,
  useMutation,
  useQueryClient,
  type QueryClient,
} from "@tanstack/react-query";
import { apiBase } from "@/lib/paths";
import { api, unwrap } from "./client";
import { meQuery, usersQuery } from "./queries";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Session = Schemas["Session"];
export type LinkedProvider = Schemas["LinkedProvider"];
export type AccessToken = Schemas["AccessToken"];
export type NewAccessToken = Schemas["NewAccessToken"];
export type Scope = Schemas["Scope"];
export type Announcement = Schemas["Announcement"];
export type AuditEntry = Schemas["AuditEntry"];
export type SignUpInvitation = Schemas["SignUpInvitation"];
export type UserTableResult = Schemas["UserTableResult"];
export type UserState = "" | "active" | "deactivated" | "admin";
export type AuditFilter = Partial<Record<"actor" | "action" | "subject" | "since" | "until", string>>;

const SECOND = 1000;

export const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: ({ signal }) => unwrap(api.GET("/me/sessions", { signal })),
});

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: ({ signal }) => unwrap(api.GET("/me/tokens", { signal })),
});

export const providersQuery = queryOptions({
  queryKey: ["providers"],
  queryFn: ({ signal }) => unwrap(api.GET("/me/providers", { signal })),
});

export const currentAnnouncementsQuery = queryOptions({
  queryKey: ["announcements", "current"],
  queryFn: ({ signal }) => unwrap(api.GET("/announcements/current", { signal })),
  staleTime: 60 * SECOND,
  refetchInterval: 60 * SECOND,
});

export const announcementsQuery = infiniteQueryOptions({
  queryKey: ["announcements", "all"],
  queryFn: ({ pageParam, signal }) =>
    unwrap(
      api.GET("/announcements", {
        params: { query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } },
        signal,
      }),
    ),
  initialPageParam: "",
  getNextPageParam: (page) => page.next_cursor ?? undefined,
});

export const invitationsQuery = queryOptions({
  queryKey: ["sign-up-invitations"],
  queryFn: ({ signal }) =>
    unwrap(api.GET("/sign-up-invitations", { params: { query: { limit: 200 } }, signal })),
});

export const auditQuery = (filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ["audit", filter],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/audit", {
          params: { query: { ...filter, limit: 100, ...(pageParam ? { cursor: Number(pageParam) } : {}) } },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    staleTime: 5 * SECOND,
  });

/** Address of the audit log as a CSV file. */
export function auditExportUrl(filter: AuditFilter): string {
  const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== ""));
  return `${apiBase}/audit/export${query.size > 0 ? `?${query.toString()}` : ""}`;
}

export function useChangePassword() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["PasswordChange"]) => unwrap(api.PUT("/me/password", { body })),
    onSuccess: (me) => {
      client.setQueryData(meQuery.queryKey, me);
      return client.invalidateQueries({ queryKey: sessionsQuery.queryKey });
    },
  });
}

export function useChangeEmail() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (email: string) => unwrap(api.PUT("/me/email", { body: { email } })),
    onSuccess: (me) => client.setQueryData(meQuery.queryKey, me),
  });
}

export function useUploadAvatar() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (file: File) =>
      unwrap(
        api.PUT("/me/avatar", {
          body: file as never,
          bodySerializer: (body: unknown) => body as BodyInit,
          headers: { "Content-Type": file.type },
        }),
      ),
    onSuccess: (me) => client.setQueryData(meQuery.queryKey, me),
  });
}

export function useRemoveAvatar() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.DELETE("/me/avatar")),
    onSuccess: (me) => client.setQueryData(meQuery.queryKey, me),
  });
}

export function useEndSession() {
  return useChange(sessionsQuery.queryKey, (id: string) =>
    unwrap(api.DELETE("/me/sessions/{session_id}", { params: { path: { session_id: id } } })),
  );
}

export function useUnlinkProvider() {
  return useChange(providersQuery.queryKey, (provider: string) =>
    unwrap(api.DELETE("/me/providers/{provider}", { params: { path: { provider } } })),
  );
}

export function useEndOtherSessions() {
  return useChange(sessionsQuery.queryKey, () => unwrap(api.DELETE("/me/sessions")));
}

export function useCreateToken() {
  return useChange(tokensQuery.queryKey, (body: Schemas["AccessTokenCreate"]) =>
    unwrap(api.POST("/me/tokens", { body })),
  );
}

export function useRevokeToken() {
  return useChange(tokensQuery.queryKey, (id: string) =>
    unwrap(api.DELETE("/me/tokens/{token_id}", { params: { path: { token_id: id } } })),
  );
}

export function useCreatePasswordLink() {
  return useMutation({
    mutationFn: (name: string) =>
      unwrap(api.POST("/users/{user_name}/password-links", { params: { path: { user_name: name } } })),
  });
}

export function useEndUserSessions() {
  return useMutation({
    mutationFn: (name: string) =>
      unwrap(api.DELETE("/users/{user_name}/sessions", { params: { path: { user_name: name } } })),
  });
}

export function useImportUsers() {
  return useChange(usersQuery("", "").queryKey.slice(0, 1), (body: Schemas["UserTable"]) =>
    unwrap(api.POST("/user-table", { body })),
  );
}

export function useCreateInvitation() {
  return useChange(invitationsQuery.queryKey, (body: Schemas["SignUpInvitationCreate"]) =>
    unwrap(api.POST("/sign-up-invitations", { body })),
  );
}

export function useRevokeInvitation() {
  return useChange(invitationsQuery.queryKey, (id: string) =>
    unwrap(api.DELETE("/sign-up-invitations/{invitation_id}", { params: { path: { invitation_id: id } } })),
  );
}

export function useCreateAnnouncement() {
  return useChange(["announcements"], (body: Schemas["AnnouncementCreate"]) =>
    unwrap(api.POST("/announcements", { body })),
  );
}

export function useUpdateAnnouncement() {
  return useChange(["announcements"], ({ id, ...body }: Schemas["AnnouncementUpdate"] & { id: string }) =>
    unwrap(
      api.PATCH("/announcements/{announcement_id}", { params: { path: { announcement_id: id } }, body }),
    ),
  );
}

export function useDeleteAnnouncement() {
  return useChange(["announcements"], (id: string) =>
    unwrap(api.DELETE("/announcements/{announcement_id}", { params: { path: { announcement_id: id } } })),
  );
}

/** A mutation after which what was loaded under a key is loaded again. */
function useChange<Given, Answer>(key: readonly unknown[], mutationFn: (given: Given) => Promise<Answer>) {
  const client: QueryClient = useQueryClient();
  return useMutation({ mutationFn, onSuccess: () => client.invalidateQueries({ queryKey: key }) });
}
