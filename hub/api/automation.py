"""Operations on what runs by itself: schedules, triggers, and who is told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar

from hub import project_pipelines
from hub.api import run_schemas as s
from hub.api.context import Context
from hub.api.operation import Audience, operation
from hub.api.run_support import allowed, beside_the_loop, file_of, in_project, run_state
from hub.data import projects, users
from hub.errors import InvalidError, NotFoundError
from hub.pipeline_notices import check_address
from hub.policy import Actor, Capability
from hub.project_pipelines import ProjectPipelines
from hub.runtime import API_PREFIX

if TYPE_CHECKING:
    from pipelines.graph import NoticeRow, Schedule, ScheduleRow, TriggerRow

State = TypeVar("State")
Kind = Literal["schedules", "triggers", "notices"]
MOST_BACKFILLED = 200
MOST_OF_A_KIND = 100
PROJECT = "/automation/{project_id}"


@operation("GET", PROJECT, "Schedules, triggers and notices of a project", response=s.AutomationState)
async def read_automation(ctx: Context) -> s.AutomationState:
    """Return what runs by itself, and who is told; addresses of triggers and secrets are not shown again."""

    def work(pipelines: ProjectPipelines, project_id: str) -> s.AutomationState:
        kept = pipelines.automation
        return s.AutomationState(
            schedules=[_schedule(row) for row in kept.schedules(project_id)],
            triggers=[_trigger(row) for row in kept.triggers(project_id)],
            notices=[_notice(row) for row in kept.notices(project_id)],
        )

    return await in_project(ctx, Capability.READ, work)


@operation(
    "POST",
    PROJECT + "/schedules",
    "Run a pipeline by the clock",
    body=s.ScheduleCreate,
    response=s.ScheduleState,
    status=201,
)
async def create_schedule(ctx: Context) -> s.ScheduleState:
    """Make a schedule; its runs are the caller's, and end when the caller may not run things here any more."""
    body, by, now = ctx.body_as(s.ScheduleCreate), ctx.actor.name, ctx.platform.now()

    def add(pipelines: ProjectPipelines, project_id: str) -> s.ScheduleState:
        from pipelines.graph import validate

        pipeline = pipelines.of(project_id).read(file_of(pipelines, project_id, body.file), body.parameters)
        validate(pipeline, body.parameters)
        when = _when(body, pipeline.schedule)
        return _schedule(pipelines.automation.add_schedule(project_id, body.file, body.parameters, when, by, now))

    return await _create(ctx, "schedules", add)


@operation(
    "PATCH",
    PROJECT + "/schedules/{schedule_id}",
    "Let a schedule wait, or go on",
    body=s.ScheduleChange,
    response=s.ScheduleState,
)
async def change_schedule(ctx: Context) -> s.ScheduleState:
    """Pause or go on; what was missed in a pause is not made up for by itself: `backfill`."""
    body, now = ctx.body_as(s.ScheduleChange), ctx.platform.now()

    def work(pipelines: ProjectPipelines, project_id: str) -> s.ScheduleState:
        row = _schedule_row(pipelines, project_id, ctx.path["schedule_id"])
        pipelines.automation.pause(row, body.paused, now)
        return _schedule(_schedule_row(pipelines, project_id, row.id))

    return await in_project(ctx, Capability.EXECUTE, work)


@operation(
    "POST",
    PROJECT + "/schedules/{schedule_id}/backfills",
    "Make up for times of a schedule",
    body=s.Backfill,
    response=s.RunPage,
    status=201,
)
async def backfill(ctx: Context) -> s.RunPage:
    """Begin a run for every time of the schedule in an interval that has none yet; `run.scheduled_for` is its time."""
    body = ctx.body_as(s.Backfill)
    if body.since.tzinfo is None or body.until.tzinfo is None:
        raise InvalidError("Give times with their zone, for example 2026-11-01T00:00:00Z.", {"since": "has no zone"})

    def work(pipelines: ProjectPipelines, project_id: str) -> s.RunPage:
        from pipelines.graph import times_between

        row = _schedule_row(pipelines, project_id, ctx.path["schedule_id"])
        times = times_between(row.cron, row.timezone, body.since, body.until, MOST_BACKFILLED)
        if len(times) > MOST_BACKFILLED:
            raise InvalidError(f"These are more than {MOST_BACKFILLED} times; take a shorter interval.")
        runs = [pipelines.begin_scheduled(row, at, "backfill") for at in times]
        return s.RunPage(items=[run_state(pipelines, project_id, run) for run in runs], next_cursor=None)

    return await in_project(ctx, Capability.EXECUTE, work)


@operation(
    "POST",
    PROJECT + "/triggers",
    "Make an address that starts a pipeline",
    body=s.TriggerCreate,
    response=s.TriggerState,
    status=201,
    has_secret=True,
)
async def create_trigger(ctx: Context) -> s.TriggerState:
    """Make an address; whoever has it may start this pipeline, and nothing else."""
    body, by, now = ctx.body_as(s.TriggerCreate), ctx.actor.name, ctx.platform.now()

    def add(pipelines: ProjectPipelines, project_id: str) -> s.TriggerState:
        pipelines.of(project_id).read(file_of(pipelines, project_id, body.file))
        row, token = pipelines.automation.add_trigger(project_id, body.file, by, now)
        public = ctx.platform.settings.public_url.rstrip("/")
        return _trigger(row).model_copy(update={"url": f"{public}{API_PREFIX}/triggers/{token}"})

    return await _create(ctx, "triggers", add)


@operation(
    "POST",
    PROJECT + "/notices",
    "Tell somebody when runs end",
    body=s.NoticeCreate,
    response=s.NoticeState,
    status=201,
    has_secret=True,
)
async def create_notice(ctx: Context) -> s.NoticeState:
    """Call a webhook, or write to a member, when a run fails, succeeds or ends."""
    body, by, now = ctx.body_as(s.NoticeCreate), ctx.actor.name, ctx.platform.now()
    project_id = await allowed(ctx, Capability.EXECUTE)
    if body.kind == "webhook":
        check_address(body.target)
    else:
        await ctx.platform.read(users.get, body.target)
        await ctx.platform.read(projects.get, project_id, Actor(body.target), Capability.READ)

    def add(pipelines: ProjectPipelines, project_id: str) -> s.NoticeState:
        from pipelines.graph import NoticeRow

        row = NoticeRow("", project_id, body.pipeline, body.on, body.kind, body.target, "", by, now)
        made = pipelines.automation.add_notice(row)
        return _notice(made).model_copy(update={"secret": made.secret if body.kind == "webhook" else None})

    return await _create(ctx, "notices", add)


@operation("DELETE", PROJECT + "/{automation_id}", "Remove a schedule, a trigger or a notice", status=204)
async def remove_automation(ctx: Context) -> None:
    """Remove it; runs that it began are kept."""

    def work(pipelines: ProjectPipelines, project_id: str) -> None:
        if not pipelines.automation.remove(project_id, ctx.path["automation_id"]):
            raise NotFoundError("There is no such schedule, trigger or notice in this project.")

    await in_project(ctx, Capability.EXECUTE, work)


@operation(
    "POST",
    "/triggers/{token}",
    "Start the pipeline of a trigger",
    audience=Audience.ANYONE,
    body=s.TriggerCall,
    response=s.TriggerAnswer,
    status=202,
)
async def pull_trigger(ctx: Context) -> s.TriggerAnswer:
    """Begin a run, or return the one that this key began before."""
    body, now = ctx.body_as(s.TriggerCall), ctx.platform.now()

    def work(pipelines: ProjectPipelines, _project: str) -> s.TriggerAnswer:
        row = pipelines.automation.trigger_of(ctx.path["token"])
        if row is None:
            raise NotFoundError("There is no such trigger; it may have been removed.")
        ctx.platform.database.read(projects.get, row.scope, Actor(row.created_by), Capability.EXECUTE)
        run = _run_triggered(pipelines, row.id, row.scope, row.file, row.created_by, body)
        pipelines.automation.used(row, now)
        return s.TriggerAnswer(run=run.id, status=run.status)

    return await beside_the_loop(project_pipelines.of_platform(ctx.platform), "", work)


def _run_triggered(
    pipelines: ProjectPipelines, trigger_id: str, project_id: str, file: str, by: str, body: s.TriggerCall
) -> s.RunState:
    key = hashlib.sha256(f"{trigger_id}\0{body.idempotency_key}".encode()).hexdigest()[:24]
    origin = {"kind": "trigger", "by": by, "trigger": trigger_id}
    service = pipelines.of(project_id)
    path = file_of(pipelines, project_id, file)
    run = service.create(path, body.parameters, origin=origin, run_id=f"trigger-{key}")
    pipelines.workspaces.begin(project_id, run.id)
    return run_state(pipelines, project_id, run)


async def _create(ctx: Context, kind: Kind, add: Callable[[ProjectPipelines, str], State]) -> State:
    """Add one more of a kind for the caller, unless the project has too many of them."""

    def work(pipelines: ProjectPipelines, project_id: str) -> State:
        kept = pipelines.automation
        rows: dict[Kind, Callable[[str], Sequence[object]]] = {
            "schedules": kept.schedules,
            "triggers": kept.triggers,
            "notices": kept.notices,
        }
        if len(rows[kind](project_id)) >= MOST_OF_A_KIND:
            raise InvalidError(f"A project can have {MOST_OF_A_KIND} {kind}; remove some first.")
        return add(pipelines, project_id)

    return await in_project(ctx, Capability.EXECUTE, work)


def _when(body: s.ScheduleCreate, own: Schedule | None) -> tuple[str, str]:
    """Cron and time zone: as asked for, or as the file says."""
    cron = body.cron or (own.cron if own is not None else "")
    if not cron:
        raise InvalidError("Say when: the file has no schedule of its own.", {"cron": "is missing"})
    return cron, body.timezone or (own.timezone if own is not None and not body.cron else "UTC")


def _schedule_row(pipelines: ProjectPipelines, project_id: str, schedule_id: str) -> ScheduleRow:
    row = pipelines.automation.schedule(project_id, schedule_id)
    if row is None:
        raise NotFoundError("There is no such schedule in this project.")
    return row


def _schedule(row: ScheduleRow) -> s.ScheduleState:
    state = s.ScheduleState.model_validate(row, from_attributes=True)
    return state.model_copy(update={"next_at": None}) if row.paused else state


def _trigger(row: TriggerRow) -> s.TriggerState:
    return s.TriggerState.model_validate(row, from_attributes=True)


def _notice(row: NoticeRow) -> s.NoticeState:
    return s.NoticeState.model_validate(
        {name: getattr(row, name) for name in ("id", "kind", "target", "on", "pipeline", "created_by", "last_status")}
    )
