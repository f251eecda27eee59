import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { components } from "@/api/schema";

type Schemas = components["schemas"];

export type Schedule = Schemas["ScheduleState"];
export type Trigger = Schemas["TriggerState"];
export type Notice = Schemas["NoticeState"];
export type NoticeCreate = Schemas["NoticeCreate"];

/** Make, pause and remove what runs by itself in a project, and who is told. */
export function useAutomation(projectId: string) {
  const client = useQueryClient();
  const onSuccess = () => client.invalidateQueries({ queryKey: ["automation", projectId] });
  const path = { project_id: projectId };
  return {
    schedule: useMutation({
      mutationFn: (body: { file: string; cron: string; timezone: string }) =>
        unwrap(
          api.POST("/automation/{project_id}/schedules", {
            params: { path },
            body: { ...body, parameters: {} },
          }),
        ),
      onSuccess,
    }),
    pause: useMutation({
      mutationFn: ({ id, paused }: { id: string; paused: boolean }) =>
        unwrap(
          api.PATCH("/automation/{project_id}/schedules/{schedule_id}", {
            params: { path: { ...path, schedule_id: id } },
            body: { paused },
          }),
        ),
      onSuccess,
    }),
    addTrigger: useMutation({
      mutationFn: (file: string) =>
        unwrap(api.POST("/automation/{project_id}/triggers", { params: { path }, body: { file } })),
      onSuccess,
    }),
    addNotice: useMutation({
      mutationFn: (body: NoticeCreate) =>
        unwrap(api.POST("/automation/{project_id}/notices", { params: { path }, body })),
      onSuccess,
    }),
    remove: useMutation({
      mutationFn: (id: string) =>
        unwrap(
          api.DELETE("/automation/{project_id}/{automation_id}", {
            params: { path: { ...path, automation_id: id } },
          }),
        ),
      onSuccess,
    }),
  };
}
