"""Operations on the pipelines and the notebooks of a project: find them, plan, read parameters."""

from __future__ import annotations

from pathlib import Path

from hub.api import run_schemas as s
from hub.api.context import Context
from hub.api.operation import Query, operation
from hub.api.run_support import (
    file_of,
    files_named,
    in_project,
    notebook_of,
    parameter_state,
    pipeline_steps,
    values_of,
)
from hub.policy import Capability
from hub.project_files import ProjectFolder
from hub.project_pipelines import ProjectPipelines

NAMES = ("pipeline.yaml", "pipeline.yml")
ENDINGS = (".pipeline.yaml", ".pipeline.yml")


class NotebookQuery(Query):
    """Which notebook."""

    file: str


@operation("GET", "/pipelines/{project_id}", "List the pipelines of a project", response=s.PipelineList)
async def list_pipelines(ctx: Context) -> s.PipelineList:
    """Return every `pipeline.yaml` and `*.pipeline.yaml` of the project, those with mistakes included."""

    def work(pipelines: ProjectPipelines, project_id: str) -> s.PipelineList:
        found = files_named(ProjectFolder(pipelines.files(project_id)), NAMES, ENDINGS)
        return s.PipelineList(items=[_info(pipelines, project_id, name) for name in found])

    return await in_project(ctx, Capability.READ, work)


@operation("POST", "/pipelines/{project_id}/plans", "What a run would do", body=s.RunCreate, response=s.Plan)
async def plan_run(ctx: Context) -> s.Plan:
    """Say, step by step, what a run with these values would do, and why; nothing is run."""
    body = ctx.body_as(s.RunCreate)

    def work(pipelines: ProjectPipelines, project_id: str) -> s.Plan:
        from pipelines.graph import make_plan

        service = pipelines.of(project_id)
        file = file_of(pipelines, project_id, body.file)
        values = values_of(pipelines, project_id, file, body.parameters, body.texts)
        lines = make_plan(service.read(file, values), values, service.history, service.store)
        return s.Plan(steps=[s.PlanStep(step=x.step, status=x.status, items=x.items, reason=x.reason) for x in lines])

    return await in_project(ctx, Capability.READ, work)


@operation(
    "GET",
    "/pipelines/{project_id}/parameters",
    "The parameters of a notebook, for a form",
    query=NotebookQuery,
    response=s.NotebookParameters,
    from_project=True,
)
async def notebook_parameters(ctx: Context) -> s.NotebookParameters:
    """Read the parameters cell of a notebook; nothing is run."""
    name = ctx.query_as(NotebookQuery).file

    def work(pipelines: ProjectPipelines, project_id: str) -> s.NotebookParameters:
        from pipelines import inspect_notebook

        notebook = notebook_of(pipelines, project_id, file_of(pipelines, project_id, name))
        declared = inspect_notebook(notebook, name)
        return s.NotebookParameters(file=name, parameters=[parameter_state(p) for p in declared])

    return await in_project(ctx, Capability.READ, work)


def _info(pipelines: ProjectPipelines, project_id: str, name: str) -> s.PipelineInfo:
    from pipelines import PipelinesError
    from pipelines.graph import PipelineFileError, validate

    info = s.PipelineInfo(
        file=name, name=Path(name).parent.name or name, parameters={}, steps=[], cron=None, timezone=None, problems=[]
    )
    try:
        pipeline = pipelines.of(project_id).read(file_of(pipelines, project_id, name))
        info.name, info.parameters, info.steps = pipeline.name, dict(pipeline.parameters), pipeline_steps(pipeline)
        if pipeline.schedule is not None:
            info.cron, info.timezone = pipeline.schedule.cron, pipeline.schedule.timezone
        validate(pipeline)
    except PipelineFileError as error:
        info.problems = [pipelines.readable(project_id, text) for text in error.problems]
    except PipelinesError as error:
        info.problems = [pipelines.readable(project_id, str(error))]
    return info
