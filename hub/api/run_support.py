"""What the operations on runs share: the caller's rights, the project's pipelines, rows as they are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from hub import project_pipelines
from hub.api import run_schemas as s
from hub.api.context import Context
from hub.data import projects
from hub.errors import ConflictError, InvalidError, NotFoundError
from hub.policy import Capability
from hub.project_files import ProjectFolder
from hub.project_pipelines import ProjectPipelines

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from pipelines import Parameter
    from pipelines.graph import ItemRow, Pipeline, PipelineService, RunRow

T = TypeVar("T")
MOST_ITEMS = 1000
MOST_FILES_LOOKED_AT = 20_000
MOST_FILES_FOUND = 200


async def allowed(ctx: Context, needed: Capability) -> str:
    """Return the id of the project of the path, when the caller may do there what is `needed`."""
    project, _role = await ctx.platform.read(projects.get, ctx.path["project_id"], ctx.actor, needed)
    return str(project.id)


async def in_project(ctx: Context, needed: Capability, work: Callable[[ProjectPipelines, str], T]) -> T:
    """Run blocking work on a project's pipelines beside the event loop; its errors become those of the API.

    Parameters
    ----------
    ctx
        The request.
    needed
        What the caller must be allowed to do in the project.
    work
        Called with the pipelines of all projects and the project's id.
    """
    project_id = await allowed(ctx, needed)
    return await beside_the_loop(project_pipelines.of_platform(ctx.platform), project_id, work)


async def beside_the_loop(
    pipelines: ProjectPipelines, project_id: str, work: Callable[[ProjectPipelines, str], T]
) -> T:
    """Run work on a project's pipelines in a thread; what does not fit them is the caller's error."""

    def guarded() -> T:
        from pipelines import ParameterValueError, PipelinesError
        from pipelines.graph import RunStateError, UnknownRunError

        try:
            return work(pipelines, project_id)
        except UnknownRunError as error:
            raise NotFoundError("There is no such run in this project.") from error
        except RunStateError as error:
            raise ConflictError(str(error)) from error
        except PipelinesError as error:
            problems = error.problems if isinstance(error, ParameterValueError) else None
            raise InvalidError(pipelines.readable(project_id, str(error)), problems) from error

    return await asyncio.to_thread(guarded)


def file_of(pipelines: ProjectPipelines, project_id: str, name: str) -> Path:
    """The file, or the folder of a pipeline, of a project that a request names.

    Raises
    ------
    InvalidError
        If there is none.
    PipelineFileError
        If it lies outside the project.
    """
    from pipelines.graph import Confinement

    path = Confinement(pipelines.files(project_id)).path(name)
    if not path.exists():
        raise InvalidError(f"There is no file “{name}” in this project.", {"file": "is not there"})
    return path


def files_named(folder: ProjectFolder, names: Collection[str], endings: tuple[str, ...]) -> list[str]:
    """The paths of the files of a project that have one of these names, or of these endings; of many, the first."""
    if not folder.root.is_dir():
        return []
    seen = islice(folder.walk(), MOST_FILES_LOOKED_AT)
    found = (entry.path for entry, _folder in seen if entry.name in names or entry.name.endswith(endings))
    return sorted(islice(found, MOST_FILES_FOUND))


def notebook_of(pipelines: ProjectPipelines, project_id: str, file: Path) -> NotebookNode:
    """Read a notebook of a project."""
    from pipelines import read_notebook
    from pipelines.graph import Confinement

    return read_notebook(file, Confinement(pipelines.files(project_id)).open)


def values_of(
    pipelines: ProjectPipelines, project_id: str, file: Path, parameters: Mapping[str, Any], texts: Mapping[str, str]
) -> dict[str, Any]:
    """Values with those that were typed as text."""
    from pipelines import check_texts, inspect_notebook

    if not texts:
        return dict(parameters)
    if file.suffix in (".ipynb", ".py"):
        declared = inspect_notebook(notebook_of(pipelines, project_id, file), file.name)
        return {**parameters, **check_texts(declared, dict(texts), file.name, partial=True)}
    import yaml

    try:
        return {**parameters, **{name: yaml.safe_load(text) for name, text in texts.items()}}
    except yaml.YAMLError as error:
        raise InvalidError(f"A value is not YAML: {error}") from error


def exact_run(service: PipelineService, run_id: str) -> RunRow:
    """A run by its whole id.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    run = service.history.run(run_id)
    if run is None:
        raise NotFoundError("There is no such run in this project.")
    return run


def exact_item(service: PipelineService, run_id: str, step: str, index: str) -> ItemRow:
    """An item of a run of this project.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    run = exact_run(service, run_id)
    found = service.history.item(run.id, step, int(index)) if index.isdigit() else None
    if found is None:
        raise NotFoundError("There is no such item in this run.")
    return found


def run_state(pipelines: ProjectPipelines, project_id: str, run: RunRow) -> s.RunState:
    """A run as it is answered."""
    origin = dict(run.origin or {})
    scheduled = origin.get("scheduled_for")
    return s.RunState(
        id=run.id,
        pipeline=run.pipeline,
        file=pipelines.readable(project_id, run.file),
        status=run.status,
        parameters=dict(run.parameters),
        message=pipelines.readable(project_id, run.message),
        kind=str(origin.get("kind", "manual")),
        started_by=str(origin.get("by", "")),
        scheduled_for=datetime.fromisoformat(scheduled) if scheduled else None,
        created_at=run.created_at,
        ended_at=run.ended_at,
    )


def item_state(pipelines: ProjectPipelines, project_id: str, row: ItemRow) -> s.RunItem:
    """An item as it is answered."""
    error = None
    if row.error:
        cell = row.error.get("cell")
        told = pipelines.readable(project_id, str(row.error.get("value", "")))
        error = s.RunError(name=str(row.error.get("name", "Error")), value=told, cell=cell)
    return s.RunItem(
        step=row.step,
        index=row.index,
        status=row.status,
        reason=row.reason,
        item=row.item,
        error=error,
        has_record=row.record is not None or row.status == "running",
        values=dict(row.values or {}),
        attempts=row.attempts,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def run_detail(pipelines: ProjectPipelines, project_id: str, run: RunRow) -> s.RunDetail:
    """A run with its graph and its first items."""
    history = pipelines.of(project_id).history
    counts = history.counts(run.id)
    rows = list(islice(history.items(run.id), MOST_ITEMS + 1))
    drawn = dict((run.origin or {}).get("steps", {}))
    return s.RunDetail(
        run=run_state(pipelines, project_id, run),
        steps=[
            s.StepState(name=name, counts=counts.get(name, {}), **cast("dict[str, Any]", step))
            for name, step in drawn.items()
        ],
        items=[item_state(pipelines, project_id, row) for row in rows[:MOST_ITEMS]],
        has_more_items=len(rows) > MOST_ITEMS,
    )


def pipeline_steps(pipeline: Pipeline) -> list[s.StepState]:
    """The steps of a pipeline that has not run."""
    from pipelines.graph import dependencies

    return [
        s.StepState(
            name=step.name,
            notebook=step.notebook,
            after=sorted(dependencies(step)),
            maps=step.foreach is not None,
            counts={},
        )
        for step in pipeline.steps.values()
    ]


def parameter_state(parameter: Parameter) -> s.NotebookParameter:
    """A notebook's parameter as a form needs it."""
    import typing

    kind: object = parameter.type
    choices = list(typing.get_args(kind)) if typing.get_origin(kind) is typing.Literal else []
    return s.NotebookParameter(
        name=parameter.name,
        type=parameter.type_text,
        default=parameter.default_text,
        required=parameter.required,
        help=parameter.help,
        choices=choices,
    )
