"""Operations on runs of pipelines and notebooks in projects."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hub.api import run_schemas as s
from hub.api.context import Context
from hub.api.operation import Query, operation
from hub.api.run_support import (
    exact_run,
    file_of,
    in_project,
    run_detail,
    run_state,
    values_of,
)
from hub.policy import Capability
from hub.project_pipelines import ProjectPipelines

RUN = "/runs/{project_id}/{run_id}"


class RunsQuery(Query):
    """Which runs, which page."""

    pipeline: str = ""
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@operation("GET", "/runs/{project_id}", "List the runs of a project", query=RunsQuery, response=s.RunPage)
async def list_runs(ctx: Context) -> s.RunPage:
    """Return one page of runs, the newest first."""
    query = ctx.query_as(RunsQuery)

    def work(pipelines: ProjectPipelines, project_id: str) -> s.RunPage:
        history = pipelines.of(project_id).history
        rows = history.runs(query.pipeline or None, query.limit + 1, before=query.cursor)
        more = len(rows) > query.limit
        items = [run_state(pipelines, project_id, row) for row in rows[: query.limit]]
        return s.RunPage(items=items, next_cursor=items[-1].id if more else None)

    return await in_project(ctx, Capability.READ, work)


@operation(
    "POST",
    "/runs/{project_id}",
    "Run a pipeline or a notebook",
    body=s.RunCreate,
    response=s.RunState,
    status=201,
    from_project=True,
)
async def start_run(ctx: Context) -> s.RunState:
    """Check everything that can be known before, then begin; a notebook (`.ipynb`, `.py`) runs as a single step."""
    body, by = ctx.body_as(s.RunCreate), ctx.actor.name

    def work(pipelines: ProjectPipelines, project_id: str) -> s.RunState:
        service = pipelines.of(project_id)
        file = file_of(pipelines, project_id, body.file)
        values = values_of(pipelines, project_id, file, body.parameters, body.texts)
        run = service.create(file, values, origin={"kind": "manual", "by": by})
        pipelines.workspaces.begin(project_id, run.id)
        return run_state(pipelines, project_id, run)

    return await in_project(ctx, Capability.EXECUTE, work)


@operation("GET", RUN, "A run with its graph and items", response=s.RunDetail, from_project=True)
async def read_run(ctx: Context) -> s.RunDetail:
    """Return one run."""

    def work(pipelines: ProjectPipelines, project_id: str) -> s.RunDetail:
        return run_detail(pipelines, project_id, exact_run(pipelines.of(project_id), ctx.path["run_id"]))

    return await in_project(ctx, Capability.READ, work)


@operation("POST", RUN + "/cancel", "Stop a run", response=s.RunState, status=202)
async def cancel_run(ctx: Context) -> s.RunState:
    """Ask a run to stop; its notebooks are interrupted within seconds, their records kept."""

    def work(pipelines: ProjectPipelines, project_id: str) -> s.RunState:
        service = pipelines.of(project_id)
        run = exact_run(service, ctx.path["run_id"])
        return run_state(pipelines, project_id, service.cancel(run.id))

    return await in_project(ctx, Capability.EXECUTE, work)


@operation("POST", RUN + "/resume", "Continue a run", response=s.RunState, status=202)
async def resume_run(ctx: Context) -> s.RunState:
    """Go on with a run that failed or was cancelled; what ended well is kept."""

    def work(pipelines: ProjectPipelines, project_id: str) -> s.RunState:
        service = pipelines.of(project_id)
        run = service.prepare_resume(exact_run(service, ctx.path["run_id"]).id)
        pipelines.workspaces.begin(project_id, run.id)
        return run_state(pipelines, project_id, run)

    return await in_project(ctx, Capability.EXECUTE, work)


@operation("POST", RUN + "/retry", "Run again", body=s.RunRetry, response=s.RunState, status=201)
async def retry_run(ctx: Context) -> s.RunState:
    """Make a new run with the same values; from a step on nothing is reused."""
    body, by = ctx.body_as(s.RunRetry), ctx.actor.name

    def work(pipelines: ProjectPipelines, project_id: str) -> s.RunState:
        service = pipelines.of(project_id)
        earlier = exact_run(service, ctx.path["run_id"])
        file = file_of(pipelines, project_id, pipelines.readable(project_id, earlier.file))
        force = [body.from_step] if body.from_step else []
        origin = {"kind": "retry", "by": by, "of": earlier.id}
        run = service.create(file, dict(earlier.parameters), force, origin=origin)
        pipelines.workspaces.begin(project_id, run.id)
        return run_state(pipelines, project_id, run)

    return await in_project(ctx, Capability.EXECUTE, work)
