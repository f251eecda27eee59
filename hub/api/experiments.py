"""Operations on experiments: create one, ask for a suggestion, report an observation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import BaseModel, Field, JsonValue, ValidationError
from sqlalchemy.orm import Session

from hub.api.context import Context
from hub.api.operation import operation
from hub.api.schemas import Body
from hub.data import projects
from hub.errors import ConflictError, InvalidError, NotFoundError
from hub.policy import Capability

if TYPE_CHECKING:  # Optuna takes half a second to import, and most requests need none of it
    from pipelines.experiments import Experiment

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


class ExperimentState(BaseModel):
    """An experiment with its trials, the best of them, and how much each parameter matters."""

    name: str
    budget: int
    metrics: list[dict[str, JsonValue]]
    trials: list[TrialState]
    best: list[int]
    importances: dict[str, float]
    reason_to_stop: str | None


class ExperimentNames(BaseModel):
    """Names of a project's experiments."""

    items: list[str]


@operation("GET", "/experiments/{project_id}", "List the experiments of a project", response=ExperimentNames)
async def list_experiments(ctx: Context) -> ExperimentNames:
    """Return the names."""
    storage = await _storage(ctx, Capability.READ)

    def work() -> list[str]:
        from pipelines.experiments import Experiment

        return Experiment.names(storage)

    return ExperimentNames(items=await _in_thread(work))


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
        return _state(Experiment(spec, storage))

    return await _in_thread(work)


@operation("GET", "/experiments/{project_id}/{name}", "An experiment with its trials", response=ExperimentState)
async def read_experiment(ctx: Context) -> ExperimentState:
    """Return an experiment."""
    storage = await _storage(ctx, Capability.READ)
    return await _in_thread(lambda: _state(_load(ctx, storage)))


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
        return TrialState.model_validate(asdict(trial))

    return await _in_thread(work)


async def _storage(ctx: Context, needed: Capability) -> str:
    """Where the experiments of the project are kept, for somebody who may do what is `needed`."""
    project_id, actor = ctx.path["project_id"], ctx.actor

    def check(session: Session) -> str:
        project, _role = projects.get(session, project_id, actor, needed)
        return project.id

    folder: Path = ctx.platform.settings.data_dir / "experiments"
    found = await ctx.platform.read(check)
    await asyncio.to_thread(folder.mkdir, mode=0o700, exist_ok=True)
    return f"sqlite:///{folder / f'{found}.sqlite'}"


def _load(ctx: Context, storage: str) -> Experiment:
    from pipelines.experiments import Experiment

    name = ctx.path["name"]
    if name not in Experiment.names(storage):
        raise NotFoundError(f"There is no experiment “{name}” in this project.")
    return Experiment.load(name, storage)


def _state(experiment: Experiment) -> ExperimentState:
    spec = experiment.spec
    return ExperimentState(
        name=spec.name,
        budget=spec.budget,
        metrics=[metric.model_dump() for metric in spec.metrics],
        trials=[TrialState.model_validate(asdict(trial)) for trial in experiment.trials()],
        best=[trial.number for trial in experiment.best()],
        importances=experiment.importances(),
        reason_to_stop=experiment.reason_to_stop(),
    )


async def _in_thread(work: Callable[[], T]) -> T:
    """Run blocking work beside the event loop; what does not fit the experiment is the caller's error."""

    def guarded() -> T:
        from pipelines.experiments import ExperimentError

        try:
            return work()
        except ExperimentError as error:
            raise InvalidError(str(error)) from error

    return await asyncio.to_thread(guarded)
