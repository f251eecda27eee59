"""Read `pipeline.yaml`; every problem is reported with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from kernels import RunMode
from pipelines.file_access import ALL_FILES, FileAccess
from pipelines.yaml_lines import Lines, read_model

from .model import Pipeline, Resources, Retry, Schedule, Step

MEBIBYTE = 1024 * 1024
NOTEBOOKS = (".ipynb", ".py")
NOTEBOOK_STEP = "notebook"
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
    disk_mebibytes: Annotated[int, Field(gt=0)] | None = None


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
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=100)]
    parameters: dict[str, Any] = {}
    parallel: Annotated[int, Field(ge=1, le=1000)] = 4
    schedule: _ScheduleFile | None = None
    steps: Annotated[dict[Annotated[str, Field(pattern=_NAME)], _StepFile], Field(min_length=1)]


def read_pipeline(path: Path | str, values: Mapping[str, Any] | None = None, files: FileAccess = ALL_FILES) -> Pipeline:
    """Read the description of a pipeline; `validate` then checks what it refers to.

    Parameters
    ----------
    path
        The file, or a folder that holds a `pipeline.yaml`. A notebook is a pipeline of one step, `notebook`, whose
        parameters are those that are given, and whose results are not reused.
    values
        Given parameters; they matter for a notebook only.
    files
        How this file, and those that it names, are opened.

    Raises
    ------
    PipelineFileError
        If it cannot be read, is not YAML, or does not have the form of a pipeline.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "pipeline.yaml"
    if path.suffix in NOTEBOOKS:
        return replace(_of_notebook(path, values or {}), files=files)
    model, lines = read_model(path, _PipelineFile, files.open)
    return replace(_pipeline(model, path, lines), files=files)


def _of_notebook(path: Path, values: Mapping[str, Any]) -> Pipeline:
    # What looks like an expression is meant literally: it goes through a parameter of the pipeline.
    parameters = {name: f"${{parameters.{name}}}" if _looks_filled(v) else v for name, v in values.items()}
    step = Step(NOTEBOOK_STEP, path.name, parameters, cache=False, line=1)
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem)[:100] or "notebook"
    return Pipeline(name, path.resolve().parent, dict(values), {NOTEBOOK_STEP: step}, file=str(path))


def _looks_filled(value: Any) -> bool:
    return "${" in json.dumps(value, default=str)


def _pipeline(model: _PipelineFile, path: Path, lines: Lines) -> Pipeline:
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
    memory, disk = step.resources.memory_mebibytes, step.resources.disk_mebibytes
    foreach, when = step.foreach, step.when
    return Step(
        name=name,
        notebook=step.notebook,
        parameters=step.parameters,
        after=tuple(step.after),
        foreach=tuple(foreach) if isinstance(foreach, list) else foreach,
        when=repr(when) if isinstance(when, bool) else when,
        retry=Retry(**step.retry.model_dump()),
        timeout_seconds=step.timeout_seconds,
        cell_timeout_seconds=step.cell_timeout_seconds,
        resources=Resources(
            step.resources.cpu,
            memory * MEBIBYTE if memory else None,
            step.resources.gpu,
            disk * MEBIBYTE if disk else None,
        ),
        environment=step.environment,
        secrets=step.secrets,
        inputs=tuple(step.inputs),
        cache=step.cache,
        mode=step.mode,
        kernel=step.kernel,
        line=line,
    )
