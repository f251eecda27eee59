"""What the operations on pipelines, runs and their automation take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, JsonValue

from hub.api.schemas import Body

RunStatus = Literal["queued", "running", "ok", "failed", "cancelled"]
ItemStatus = Literal["waiting", "running", "ok", "reused", "failed", "skipped", "blocked", "cancelled"]
FilePath = Annotated[str, Field(min_length=1, max_length=1000)]
Values = Annotated[dict[str, JsonValue], Field(default_factory=dict, max_length=500)]


class RunCreate(Body):
    """A pipeline, or a notebook, and the values it runs with.

    `texts` are values as people type them into a form; they are read by the type of the notebook's parameter, or as
    YAML for a pipeline.
    """

    file: FilePath
    parameters: Values
    texts: Annotated[dict[str, Annotated[str, Field(max_length=100_000)]], Field(default_factory=dict, max_length=500)]


class RunRetry(Body):
    """Where to begin again; without a step, everything that is not known runs."""

    from_step: Annotated[str, Field(max_length=128)] = ""


class StepState(BaseModel):
    """A step of a run's graph."""

    name: str
    notebook: str
    after: list[str]
    maps: bool
    counts: dict[str, int]


class RunState(BaseModel):
    """One run."""

    id: str
    pipeline: str
    file: str
    status: RunStatus
    parameters: dict[str, JsonValue]
    message: str
    kind: str
    started_by: str
    scheduled_for: datetime | None
    created_at: datetime
    ended_at: datetime | None


class RunPage(BaseModel):
    """Runs, the newest first; `next_cursor` is for the page after."""

    items: list[RunState]
    next_cursor: str | None


class RunError(BaseModel):
    """What ended an item."""

    name: str
    value: str
    cell: int | None = None


class RunItem(BaseModel):
    """One item of a step: one notebook run."""

    step: str
    index: int
    status: ItemStatus
    reason: str
    item: JsonValue
    error: RunError | None
    has_record: bool
    values: dict[str, JsonValue]
    attempts: int
    started_at: datetime | None
    ended_at: datetime | None


class CellProgress(BaseModel):
    """How far a running notebook is: the cell that runs, counted from one, and how many there are."""

    step: str
    index: int
    cell: int
    of: int


class RunDetail(BaseModel):
    """A run with its graph and its items; of very many items the first are here, and all are in the counts."""

    run: RunState
    steps: list[StepState]
    items: list[RunItem]
    has_more_items: bool


class RunChange(BaseModel):
    """What has changed since the last event; `ended` is the last one."""

    run: RunState
    items: list[RunItem]
    progress: list[CellProgress]
    ended: bool


class RunFile(BaseModel):
    """A file that an item has written."""

    name: str
    size_bytes: int


class ItemDetail(BaseModel):
    """One item with what it printed and wrote."""

    item: RunItem
    notebook: str
    parameters: dict[str, JsonValue]
    log: str
    files: list[RunFile]


class RecordPage(BaseModel):
    """A record as a page without scripts; the failing cell has the id `failing`."""

    html: str
    has_failing_cell: bool


class CopiedNotebook(BaseModel):
    """A notebook that was written into the project."""

    path: str


class PipelineInfo(BaseModel):
    """A pipeline of the project; `problems` are what has to be mended before it can run."""

    file: str
    name: str
    parameters: dict[str, JsonValue]
    steps: list[StepState]
    cron: str | None
    timezone: str | None
    problems: list[str]


class PipelineList(BaseModel):
    """The pipelines of a project."""

    items: list[PipelineInfo]


class PlanStep(BaseModel):
    """What would happen to a step."""

    step: str
    status: Literal["reused", "runs", "skipped", "unknown"]
    items: int | None
    reason: str


class Plan(BaseModel):
    """What a run would do, step by step."""

    steps: list[PlanStep]


class NotebookParameter(BaseModel):
    """A parameter of a notebook, read from its parameters cell."""

    name: str
    type: str
    default: str
    required: bool
    help: str
    choices: list[JsonValue]


class NotebookParameters(BaseModel):
    """What a form for a notebook is made of."""

    file: str
    parameters: list[NotebookParameter]


class ScheduleCreate(Body):
    """A pipeline and when it runs: five cron fields, read in a time zone. Both default to what its file says."""

    file: FilePath
    parameters: Values
    cron: Annotated[str, Field(max_length=128)] = ""
    timezone: Annotated[str, Field(max_length=64)] = ""


class ScheduleChange(Body):
    """Whether a schedule waits."""

    paused: bool


class Backfill(Body):
    """The times of a schedule that are to be made up for."""

    since: datetime
    until: datetime


class ScheduleState(BaseModel):
    """A schedule, when it is due next, and why its last time gave no run."""

    id: str
    file: str
    parameters: dict[str, JsonValue]
    cron: str
    timezone: str
    paused: bool
    created_by: str
    next_at: datetime | None
    last_at: datetime | None
    last_run: str | None
    problem: str


class TriggerCreate(Body):
    """The pipeline that an address starts."""

    file: FilePath


class TriggerState(BaseModel):
    """An address that starts a pipeline; the address itself is shown once, when it is made."""

    id: str
    file: str
    created_by: str
    created_at: datetime
    used_at: datetime | None
    url: str | None = None


class TriggerCall(Body):
    """A call of a trigger: the same `idempotency_key` gives the same run, however often it is sent."""

    idempotency_key: Annotated[str, Field(min_length=1, max_length=200)]
    parameters: Values


class TriggerAnswer(BaseModel):
    """The run that a trigger began, or had begun for this key before."""

    run: str
    status: RunStatus


class NoticeCreate(Body):
    """Who is told when runs end: an address (`webhook`), or a member by name (`email`)."""

    kind: Literal["webhook", "email"]
    target: Annotated[str, Field(min_length=1, max_length=2000)]
    on: Literal["failure", "success", "end"] = "failure"
    pipeline: Annotated[str, Field(max_length=128)] = ""


class NoticeState(BaseModel):
    """Who is told, and what became of the last time; the secret that signs is shown once, when it is made."""

    id: str
    kind: Literal["webhook", "email"]
    target: str
    on: Literal["failure", "success", "end"]
    pipeline: str
    created_by: str
    last_status: str
    secret: str | None = None


class AutomationState(BaseModel):
    """What runs by itself in a project, and who is told."""

    schedules: list[ScheduleState]
    triggers: list[TriggerState]
    notices: list[NoticeState]
