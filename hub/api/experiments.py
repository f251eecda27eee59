"""Operations on experiments: create one, ask for a suggestion, report an observation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import BaseModel, Field, JsonValue, ValidationError
from sqlalchemy.orm import Session

from hub.api.context import Context
from hub.api.operation import operation
from hub.api.run_support import files_named, in_project
from hub.api.schemas import Body
from hub.data import projects
from hub.errors import ConflictError, InvalidError, NotFoundError
from hub.policy import Capability
from hub.project_experiments import ENDINGS, NAMES, ProjectExperiments, run_id_of_trial, storage_of
from hub.project_files import ProjectFolder
from hub.project_pipelines import ProjectPipelines, of_platform

if TYPE_CHECKING:  # Optuna takes half a second to import, and most requests need none of it
    from pipelines.experiments import Experiment, Trial

T = TypeVar("T")
MOST_PARAMETERS = 200


class ExperimentCreate(Body):
    """A new experiment; parameters, metrics and constraints as in `experiment.yaml`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=100)]
    parameters: Annotated[dict[str, dict[str, JsonValue]], Field(min_length=1, max_length=MOST_PARAMETERS)]
    metrics: Annotated[list[dict[str, JsonValue]], Field(min_length=1, max_length=20)]
    constraints: Annotated[list[dict[str, JsonValue]], Field(max_length=50, default_factory=list)]
    sampler: Literal["gaussian-process", "tpe", "random"] = "gaussian-process"
    seed: int | None = None
    budget: Annotated[int, Field(ge=1, le=10_000)] = 30
    queue: Annotated[list[dict[str, JsonValue]], Field(max_length=1000, default_factory=list)]


class SuggestionMade(BaseModel):
    """Parameters to try, and the number by which to report what they gave."""

    trial: int
    parameters: dict[str, JsonValue]


class Observation(Body):
    """What a suggestion gave: `values` with every metric, or `failure`."""

    trial: Annotated[int, Field(ge=0)]
    values: dict[str, JsonValue] | None = None
    uncertainty: Annotated[float, Field(ge=0)] | None = None
    failure: Annotated[str, Field(min_length=1, max_length=2000)] | None = None


class TrialState(BaseModel):
    """A suggestion and what became of it."""

    number: int
    parameters: dict[str, JsonValue]
    status: Literal["open", "observed", "failed"]
    metrics: dict[str, float]
    values: dict[str, JsonValue]
    feasible: bool
    failure: str
    begun_at: datetime | None
    ended_at: datetime | None
    run_id: str | None = Field(description="Its run, where the platform runs the trials.")


class ExperimentState(BaseModel):
    """An experiment with its trials, the best of them, and how much each parameter matters."""

    name: str
    budget: int
    metrics: list[dict[str, JsonValue]]
    trials: list[TrialState]
    best: list[int]
    importances: dict[str, float]
    reason_to_stop: str | None
    notebook: str | None = Field(description="What a trial runs; none where others observe.")
    file: str | None = Field(description="From which it was begun.")
    status: Literal["elsewhere", "running", "stopping", "ended"]
    message: str = Field(description="Why it does not run any more.")


class ExperimentFile(BaseModel):
    """A file of the project that describes an experiment."""

    file: str
    name: str
    notebook: str
    budget: int
    problems: list[str]


class ExperimentNames(BaseModel):
    """Names of a project's experiments, and the files from which some can be begun."""

    items: list[str]
    files: list[ExperimentFile]


class ExperimentStart(Body):
    """A file of the project that describes an experiment with a notebook."""

    file: Annotated[str, Field(min_length=1, max_length=1000)]


@operation("GET", "/experiments/{project_id}", "List the experiments of a project", response=ExperimentNames)
async def list_experiments(ctx: Context) -> ExperimentNames:
    """Return the names."""
    storage, experiments = await _storage(ctx, Capability.READ), _experiments(ctx)

    def work() -> ExperimentNames:
        from pipelines.experiments import Experiment

        project_id = ctx.path["project_id"]
        found = files_named(ProjectFolder(experiments.pipelines.files(project_id)), NAMES, ENDINGS)
        files = [_file(experiments, project_id, name) for name in found]
        return ExperimentNames(items=Experiment.names(storage), files=files)

    return await _in_thread(work)


@operation(
    "POST",
    "/experiments/{project_id}/starts",
    "Run the trials of an experiment",
    body=ExperimentStart,
    response=ExperimentState,
    status=202,
)
async def start_experiment(ctx: Context) -> ExperimentState:
    """Begin the experiment that a file describes, or go on with it; each trial is a run of its notebook."""
    await _storage(ctx, Capability.EXECUTE)
    experiments, body, by = _experiments(ctx), ctx.body_as(ExperimentStart), ctx.actor.name

    def work(_pipelines: ProjectPipelines, project_id: str) -> ExperimentState:
        return _state(experiments.start(project_id, body.file, by), project_id)

    return await in_project(ctx, Capability.EXECUTE, work)


@operation(
    "POST",
    "/experiments/{project_id}/{name}/stop",
    "Stop the trials of an experiment",
    response=ExperimentState,
    status=202,
)
async def stop_experiment(ctx: Context) -> ExperimentState:
    """Ask an experiment to stop; the notebooks that run are interrupted, and begun again it goes on."""
    storage, experiments = await _storage(ctx, Capability.EXECUTE), _experiments(ctx)

    def work() -> ExperimentState:
        experiment = _load(ctx, storage)
        experiments.stop(experiment)
        return _state(experiment, ctx.path["project_id"])

    return await _in_thread(work)


@operation(
    "POST",
    "/experiments/{project_id}",
    "Create an experiment",
    body=ExperimentCreate,
    response=ExperimentState,
    status=201,
)
async def create_experiment(ctx: Context) -> ExperimentState:
    """Create an experiment whose trials are observed from elsewhere."""
    storage, body = await _storage(ctx, Capability.WRITE), ctx.body_as(ExperimentCreate)

    def work() -> ExperimentState:
        from pipelines.experiments import Experiment, ExperimentSpec

        try:
            spec = ExperimentSpec.model_validate(body.model_dump())
            for parameter in spec.parameters.values():
                parameter.distribution()
        except ValidationError as error:
            fields = {".".join(str(part) for part in e["loc"]) or "body": e["msg"] for e in error.errors()}
            raise InvalidError("; ".join(f"{name}: {text}" for name, text in fields.items()), fields) from error
        except ValueError as error:
            raise InvalidError(str(error)) from error
        if body.name in Experiment.names(storage):
            raise ConflictError(f"There is an experiment “{body.name}” already; choose another name.")
        return _state(Experiment(spec, storage), ctx.path["project_id"])

    return await _in_thread(work)


@operation("GET", "/experiments/{project_id}/{name}", "An experiment with its trials", response=ExperimentState)
async def read_experiment(ctx: Context) -> ExperimentState:
    """Return an experiment."""
    storage = await _storage(ctx, Capability.READ)
    return await _in_thread(lambda: _state(_load(ctx, storage), ctx.path["project_id"]))


@operation(
    "POST",
    "/experiments/{project_id}/{name}/suggestions",
    "Ask for parameters to try",
    response=SuggestionMade,
    status=201,
)
async def suggest(ctx: Context) -> SuggestionMade:
    """Return the next suggestion; it stays open until it is observed."""
    storage = await _storage(ctx, Capability.WRITE)

    def work() -> SuggestionMade:
        made = _load(ctx, storage).suggest()
        return SuggestionMade(trial=made.trial, parameters=dict(made.parameters))

    return await _in_thread(work)


@operation(
    "POST",
    "/experiments/{project_id}/{name}/observations",
    "Report what a suggestion gave",
    body=Observation,
    response=TrialState,
    status=201,
)
async def observe(ctx: Context) -> TrialState:
    """Take an observation, or the report of a failure."""
    storage, seen = await _storage(ctx, Capability.WRITE), ctx.body_as(Observation)
    if (seen.values is None) == (seen.failure is None):
        raise InvalidError("Give either values or failure.", {"values": "or failure"})

    def work() -> TrialState:
        experiment = _load(ctx, storage)
        trial = experiment.observe(seen.trial, seen.values, uncertainty=seen.uncertainty, failure=seen.failure)
        return _trial(trial, None)

    return await _in_thread(work)


async def _storage(ctx: Context, needed: Capability) -> str:
    """Where the experiments of the project are kept, for somebody who may do what is `needed`."""
    project_id, actor = ctx.path["project_id"], ctx.actor

    def check(session: Session) -> str:
        project, _role = projects.get(session, project_id, actor, needed)
        return project.id

    found = await ctx.platform.read(check)
    return await asyncio.to_thread(storage_of, ctx.platform, found)


def _experiments(ctx: Context) -> ProjectExperiments:
    return of_platform(ctx.platform).experiments


def _file(experiments: ProjectExperiments, project_id: str, name: str) -> ExperimentFile:
    from pipelines import PipelinesError

    try:
        spec = experiments.read(project_id, name)
    except (PipelinesError, InvalidError) as error:
        problem = experiments.pipelines.readable(project_id, str(error))
        return ExperimentFile(file=name, name=name, notebook="", budget=0, problems=[problem])
    return ExperimentFile(file=name, name=spec.name, notebook=spec.notebook or "", budget=spec.budget, problems=[])


def _load(ctx: Context, storage: str) -> Experiment:
    from pipelines.experiments import Experiment

    name = ctx.path["name"]
    if name not in Experiment.names(storage):
        raise NotFoundError(f"There is no experiment “{name}” in this project.")
    return Experiment.load(name, storage)


def _state(experiment: Experiment, project_id: str) -> ExperimentState:
    spec, run_by = experiment.spec, experiment.carried_out()
    runs = {t.number: run_id_of_trial(project_id, experiment, t.number) for t in experiment.trials() if run_by}
    status = run_by.get("status", "elsewhere")
    return ExperimentState(
        name=spec.name,
        budget=spec.budget,
        metrics=[metric.model_dump() for metric in spec.metrics],
        trials=[_trial(trial, runs.get(trial.number)) for trial in experiment.trials()],
        best=[trial.number for trial in experiment.best()],
        importances=experiment.importances(),
        reason_to_stop=experiment.reason_to_stop(),
        notebook=spec.notebook,
        file=run_by.get("file"),
        status="stopping" if status == "running" and run_by.get("stop_requested") else status,
        message=run_by.get("message", ""),
    )


def _trial(trial: Trial, run_id: str | None) -> TrialState:
    return TrialState.model_validate(asdict(trial) | {"run_id": run_id})


async def _in_thread(work: Callable[[], T]) -> T:
    """Run blocking work beside the event loop; what does not fit the experiment is the caller's error."""

    def guarded() -> T:
        from pipelines.experiments import ExperimentError

        try:
            return work()
        except ExperimentError as error:
            raise InvalidError(str(error)) from error

    return await asyncio.to_thread(guarded)
