"""Read `pipeline.yaml`; every problem is reported with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kernels import RunMode

from .errors import PipelineFileError
from .model import Pipeline, Resources, Retry, Schedule, Step

Location = tuple[str | int, ...]
MEBIBYTE = 1024 * 1024
_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _RetryFile(_Model):
    attempts: Annotated[int, Field(ge=1, le=100)] = 1
    wait_seconds: Annotated[float, Field(ge=0)] = 1.0
    factor: Annotated[float, Field(ge=1)] = 2.0
    longest_wait_seconds: Annotated[float, Field(ge=0)] = 300.0


class _ResourcesFile(_Model):
    cpu: Annotated[float, Field(gt=0)] | None = None
    memory_mebibytes: Annotated[int, Field(gt=0)] | None = None
    gpu: Annotated[int, Field(ge=0)] = 0


class _ScheduleFile(_Model):
    cron: str
    timezone: str = "UTC"


class _StepFile(_Model):
    notebook: str
    parameters: dict[str, Any] = {}
    after: list[str] = []
    foreach: str | list[Any] | None = None
    when: str | bool | None = None
    retry: _RetryFile = _RetryFile()
    timeout_seconds: Annotated[float, Field(gt=0)] | None = None
    cell_timeout_seconds: Annotated[float, Field(gt=0)] | None = None
    resources: _ResourcesFile = _ResourcesFile()
    environment: dict[str, str] = {}
    secrets: dict[str, Annotated[str, Field(pattern=r"^(env|file):.+")]] = {}
    inputs: list[str] = []
    cache: bool = True
    mode: RunMode = "kernel"
    kernel: str | None = None


class _PipelineFile(_Model):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    parameters: dict[str, Any] = {}
    parallel: Annotated[int, Field(ge=1, le=1000)] = 4
    schedule: _ScheduleFile | None = None
    steps: Annotated[dict[Annotated[str, Field(pattern=_NAME)], _StepFile], Field(min_length=1)]


def read_pipeline(path: Path | str) -> Pipeline:
    """Read the description of a pipeline; `validate` then checks what it refers to.

    Parameters
    ----------
    path
        The file, or a folder that holds a `pipeline.yaml`.

    Raises
    ------
    PipelineFileError
        If it cannot be read, is not YAML, or does not have the form of a pipeline.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "pipeline.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineFileError([f"{path}: the pipeline cannot be read ({error})."]) from error
    lines: dict[Location, int] = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = _plain(node, (), lines, path) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PipelineFileError([f"{path}, line {line}: this is not YAML ({error.problem})."]) from error
    try:
        model = _PipelineFile.model_validate(content)
    except ValidationError as error:
        raise PipelineFileError(_problems(error, lines, path)) from error
    return _pipeline(model, path, lines)


def _pipeline(model: _PipelineFile, path: Path, lines: dict[Location, int]) -> Pipeline:
    steps = {name: _step(name, step, lines[("steps", name)]) for name, step in model.steps.items()}
    return Pipeline(
        name=model.name,
        folder=path.resolve().parent,
        parameters=model.parameters,
        steps=steps,
        parallel=model.parallel,
        schedule=Schedule(model.schedule.cron, model.schedule.timezone) if model.schedule else None,
        file=str(path),
    )


def _step(name: str, step: _StepFile, line: int) -> Step:
    memory = step.resources.memory_mebibytes
    foreach, when = step.foreach, step.when
    return Step(
        name=name,
        notebook=step.notebook,
        parameters=step.parameters,
        after=tuple(step.after),
        foreach=repr(foreach) if isinstance(foreach, list) else foreach,
        when=repr(when) if isinstance(when, bool) else when,
        retry=Retry(**step.retry.model_dump()),
        timeout_seconds=step.timeout_seconds,
        cell_timeout_seconds=step.cell_timeout_seconds,
        resources=Resources(step.resources.cpu, memory * MEBIBYTE if memory else None, step.resources.gpu),
        environment=step.environment,
        secrets=step.secrets,
        inputs=tuple(step.inputs),
        cache=step.cache,
        mode=step.mode,
        kernel=step.kernel,
        line=line,
    )


def _plain(node: yaml.Node, where: Location, lines: dict[Location, int], path: Path) -> Any:
    """What `safe_load` makes of the node, noting the line of every value on the way."""
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*where, position), lines, path) for position, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _Scalars(node).get()
    content: dict[Any, Any] = {}
    own = {id(pair[0]) for pair in node.value}
    seen: set[str] = set()
    yaml.constructor.SafeConstructor().flatten_mapping(node)  # what “<<” merges in comes first, and may be overridden
    for key_node, value_node in node.value:
        key = _plain(key_node, (*where, "<key>"), {}, path)
        if not isinstance(key, str | int | float | bool | None):
            raise PipelineFileError([f"{path}, line {key_node.start_mark.line + 1}: a key must be a name."])
        if id(key_node) in own and str(key) in seen:
            raise PipelineFileError([f"{path}, line {key_node.start_mark.line + 1}: {key!r} is there twice."])
        if id(key_node) in own:
            seen.add(str(key))
        lines[(*where, str(key))] = key_node.start_mark.line + 1
        content[key] = _plain(value_node, (*where, str(key)), lines, path)
    return content


class _Scalars(yaml.constructor.SafeConstructor):
    """Builds single values from nodes that are parsed already."""

    def __init__(self, node: yaml.Node) -> None:
        super().__init__()
        self._node = node

    def get(self) -> Any:
        return self.construct_document(self._node)


def _problems(error: ValidationError, lines: dict[Location, int], path: Path) -> list[str]:
    problems = []
    for entry in error.errors():
        where: Location = tuple(str(part) if isinstance(part, str) else part for part in entry["loc"])
        known = where
        while known and known not in lines:
            known = known[:-1]
        what = ".".join(str(part) for part in where if part != "[key]")
        message = entry["msg"]
        if entry["type"] == "extra_forbidden":
            message = "there is no such setting"
        elif entry["type"] == "missing":
            message = "is missing"
        problems.append(f"{path}, line {lines.get(known, 1)}: {what or 'the pipeline'}: {message}.")
    return problems
