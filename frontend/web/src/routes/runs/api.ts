import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { components } from "@/api/schema";

type Schemas = components["schemas"];

export type RunState = Schemas["RunState"];
export type RunItem = Schemas["RunItem"];
export type RunDetail = Schemas["RunDetail"];
export type RunChange = Schemas["RunChange"];
export type StepState = Schemas["StepState"];
export type PipelineInfo = Schemas["PipelineInfo"];
export type PlanStep = Schemas["PlanStep"];
export type Experiment = Schemas["ExperimentState"];
export type ExperimentFile = Schemas["ExperimentFile"];
export type Status = RunState["status"] | RunItem["status"];

const SECOND = 1000;

export const isEnded = (status: Status) => ["ok", "failed", "cancelled"].includes(status);

export const runsQuery = (projectId: string) =>
  queryOptions({
    queryKey: ["runs", projectId],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/runs/{project_id}", {
          params: { path: { project_id: projectId }, query: { limit: 100 } },
          signal,
        }),
      ),
    // What runs changes by the second; other people and schedules start runs now and then.
    refetchInterval: ({ state }) =>
      state.data?.items.some((run) => !isEnded(run.status)) ? 2 * SECOND : 10 * SECOND,
  });

export const pipelinesQuery = (projectId: string) =>
  queryOptions({
    queryKey: ["pipelines", projectId],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/pipelines/{project_id}", { params: { path: { project_id: projectId } }, signal })),
    staleTime: 5 * SECOND,
  });

export const automationQuery = (projectId: string) =>
  queryOptions({
    queryKey: ["automation", projectId],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/automation/{project_id}", { params: { path: { project_id: projectId } }, signal })),
    refetchInterval: 15 * SECOND,
  });

export const runQuery = (projectId: string, runId: string) =>
  queryOptions({
    queryKey: ["run", projectId, runId],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/runs/{project_id}/{run_id}", {
          params: { path: { project_id: projectId, run_id: runId } },
          signal,
        }),
      ),
  });

interface ItemName {
  projectId: string;
  runId: string;
  step: string;
  index: number;
}

const itemPath = ({ projectId, runId, step, index }: ItemName) => ({
  project_id: projectId,
  run_id: runId,
  step,
  index: String(index),
});

export const itemQuery = (name: ItemName, version: string) =>
  queryOptions({
    queryKey: ["run-item", name, version],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/runs/{project_id}/{run_id}/{step}/{index}", { params: { path: itemPath(name) }, signal }),
      ),
  });

export const pageQuery = (name: ItemName, version: string) =>
  queryOptions({
    queryKey: ["run-page", name, version],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/runs/{project_id}/{run_id}/{step}/{index}/page", {
          params: { path: itemPath(name) },
          signal,
        }),
      ),
  });

export const experimentsQuery = (projectId: string) =>
  queryOptions({
    queryKey: ["experiments", projectId],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/experiments/{project_id}", { params: { path: { project_id: projectId } }, signal })),
  });

export const experimentQuery = (projectId: string, name: string) =>
  queryOptions({
    queryKey: ["experiment", projectId, name],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/experiments/{project_id}/{name}", {
          params: { path: { project_id: projectId, name } },
          signal,
        }),
      ),
    refetchInterval: ({ state }) => (state.data?.status === "running" ? 2 * SECOND : 5 * SECOND),
  });

export function useStartRun(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { file: string; texts: Record<string, string> }) =>
      unwrap(
        api.POST("/runs/{project_id}", {
          params: { path: { project_id: projectId } },
          body: { ...body, parameters: {} },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: ["runs", projectId] }),
  });
}

export function usePlan(projectId: string) {
  return useMutation({
    mutationFn: (body: { file: string; texts: Record<string, string> }) =>
      unwrap(
        api.POST("/pipelines/{project_id}/plans", {
          params: { path: { project_id: projectId } },
          body: { ...body, parameters: {} },
        }),
      ),
  });
}

/** Have the platform run the trials of an experiment, or stop it. */
export function useExperimentActions(projectId: string) {
  const client = useQueryClient();
  const path = { project_id: projectId };
  const onSuccess = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: ["experiments", projectId] }),
      client.invalidateQueries({ queryKey: ["experiment", projectId] }),
    ]);
  return {
    start: useMutation({
      mutationFn: (file: string) =>
        unwrap(api.POST("/experiments/{project_id}/starts", { params: { path }, body: { file } })),
      onSuccess,
    }),
    stop: useMutation({
      mutationFn: (name: string) =>
        unwrap(api.POST("/experiments/{project_id}/{name}/stop", { params: { path: { ...path, name } } })),
      onSuccess,
    }),
  };
}

/** Cancel, resume, or run again from a step. */
export function useRunActions(projectId: string, runId: string) {
  const client = useQueryClient();
  const params = { path: { project_id: projectId, run_id: runId } };
  const onSuccess = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: ["run", projectId, runId] }),
      client.invalidateQueries({ queryKey: ["runs", projectId] }),
    ]);
  return {
    cancel: useMutation({
      mutationFn: () => unwrap(api.POST("/runs/{project_id}/{run_id}/cancel", { params })),
      onSuccess,
    }),
    resume: useMutation({
      mutationFn: () => unwrap(api.POST("/runs/{project_id}/{run_id}/resume", { params })),
      onSuccess,
    }),
    retry: useMutation({
      mutationFn: (step: string) =>
        unwrap(api.POST("/runs/{project_id}/{run_id}/retry", { params, body: { from_step: step } })),
      onSuccess,
    }),
  };
}

export function useCopyItem(name: ItemName) {
  return useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/runs/{project_id}/{run_id}/{step}/{index}/copies", { params: { path: itemPath(name) } }),
      ),
  });
}
