import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import type { View } from "./types";

const SECOND = 1000;
const PAGE_SIZE = 50;
/** How often to look what others changed, while the page is in front: a new member sees the project this soon. */
const OTHERS_WORK_TOO = 5 * SECOND;

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => unwrap(api.GET("/me", { signal })),
  staleTime: 60 * SECOND,
});

export const projectsQuery = (search: string, everybody = false, view: View = "active") =>
  infiniteQueryOptions({
    queryKey: ["projects", search, everybody, view],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/projects", {
          params: {
            query: {
              search,
              limit: PAGE_SIZE,
              ...(everybody ? { everybody } : {}),
              ...(view === "active" ? {} : { view }),
              ...(pageParam ? { cursor: pageParam } : {}),
            },
          },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    staleTime: 5 * SECOND,
    refetchInterval: OTHERS_WORK_TOO,
  });

export const projectQuery = (id: string) =>
  queryOptions({
    queryKey: ["project", id],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/projects/{project_id}", { params: { path: { project_id: id } }, signal })),
    staleTime: 5 * SECOND,
    refetchInterval: OTHERS_WORK_TOO,
  });

export const serverQuery = (id: string) =>
  queryOptions({
    queryKey: ["server", id],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/projects/{project_id}/server", { params: { path: { project_id: id } }, signal })),
    // A server changes by itself and by other people: look often while it moves, now and then otherwise.
    refetchInterval: ({ state }) =>
      state.data?.state === "starting" || state.data?.state === "stopping" ? SECOND : OTHERS_WORK_TOO,
  });

export const peopleQuery = (search: string) =>
  queryOptions({
    queryKey: ["people", search],
    queryFn: ({ signal }) => unwrap(api.GET("/people", { params: { query: { search, limit: 8 } }, signal })),
    enabled: search !== "",
    staleTime: 30 * SECOND,
  });

export const usersQuery = (search: string, state: "" | "active" | "deactivated" | "admin") =>
  infiniteQueryOptions({
    queryKey: ["users", search, state],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/users", {
          params: { query: { search, state, limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    staleTime: 5 * SECOND,
  });
