"""Check a pipeline as a whole, before anything runs: names, cycles, notebooks, values, files, secrets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from pipelines.errors import ParameterValueError, PipelinesError
from pipelines.notebook_files import read_notebook
from pipelines.notebook_run import checked_values
from pipelines.parameters import inspect_notebook, language_of

from . import expressions
from .errors import ExpressionError, PipelineFileError
from .model import Pipeline, Step


def dependencies(step: Step) -> set[str]:
    """Names of the steps that have to be done before `step`."""
    texts = [step.parameters, step.environment, step.inputs, _as_expression(step.foreach), _as_expression(step.when)]
    return set(step.after) | {name for text in texts for name in expressions.step_names(text)}


def order(pipeline: Pipeline) -> list[str]:
    """Names of the steps, each after those that it depends on.

    Raises
    ------
    PipelineFileError
        If there is a cycle.
    """
    graph = {name: sorted(dependencies(step) & set(pipeline.steps)) for name, step in pipeline.steps.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        names = list(reversed(error.args[1]))
        line = pipeline.steps[names[0]].line
        problem = f"{pipeline.file}, line {line}: the steps wait for each other: {' → '.join(names)}."
        raise PipelineFileError([problem]) from error


def validate(pipeline: Pipeline, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Check everything that can be known before the run; return the pipeline's parameters with defaults filled in.

    Raises
    ------
    PipelineFileError
        With every problem found, each with file and line.
    """
    values = values or {}
    unknown = [name for name in values if name not in pipeline.parameters]
    known = ", ".join(pipeline.parameters) or "none"
    problems = [f"{pipeline.file}: the pipeline has no parameter {name!r}; known: {known}." for name in unknown]
    for step in pipeline.steps.values():
        where = f"{pipeline.file}, line {step.line}: step {step.name!r}"
        problems += [f"{where}: {text}" for text in _check(pipeline, step)]
    if not problems:
        order(pipeline)
    if problems:
        raise PipelineFileError(problems)
    return {**pipeline.parameters, **values}


def _check(pipeline: Pipeline, step: Step) -> Iterator[str]:
    try:
        needed = dependencies(step)
        yield from _check_names(pipeline, step, needed)
    except ExpressionError as error:
        yield f"{error}."
    yield from _check_notebook(pipeline, step)
    for pattern in step.inputs:
        # With an expression, which files are meant is known when the step begins.
        if "${" not in pattern and not any(True for _ in pipeline.files.glob(pipeline.folder, pattern)):
            yield f"no file matches the input {pattern!r} in {pipeline.folder}."
    for name, reference in step.secrets.items():
        kind, _, where = reference.partition(":")
        missing = where not in os.environ if kind == "env" else not Path(where).is_file()
        if missing:
            yield f"secret {name!r}: {'the environment has no variable' if kind == 'env' else 'no file'} {where!r}."


def _check_names(pipeline: Pipeline, step: Step, needed: set[str]) -> Iterator[str]:
    for name in sorted(needed - set(pipeline.steps)):
        yield f"there is no step {name!r}; known: {', '.join(pipeline.steps)}."
    texts = [step.parameters, step.environment, step.inputs, _as_expression(step.foreach), _as_expression(step.when)]
    used = {name for text in texts for name in expressions.parameter_names(text)}
    for name in sorted(used - set(pipeline.parameters)):
        yield f"the pipeline has no parameter {name!r}; known: {', '.join(pipeline.parameters) or 'none'}."


def _check_notebook(pipeline: Pipeline, step: Step) -> Iterator[str]:
    path = pipeline.folder / step.notebook
    try:
        notebook = read_notebook(path, pipeline.files.open)
        if language_of(notebook) != "python":
            return
        declared = inspect_notebook(notebook, str(path))
        constant = {name: value for name, value in step.parameters.items() if not _has_expression(value)}
        later = {p.name for p in declared if p.name in step.parameters and p.name not in constant}
        unknown = [name for name in step.parameters if name not in {p.name for p in declared}]
        if unknown:
            constant |= dict.fromkeys(unknown)
        checked_values(notebook, constant, str(path))
    except ParameterValueError as error:
        yield from (f"{step.notebook}: {text}." for name, text in error.problems.items() if name not in later)
    except PipelinesError as error:
        yield str(error)


def _has_expression(value: Any) -> bool:
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, Mapping):
        return any(_has_expression(item) for item in value.values())
    return isinstance(value, list | tuple) and any(_has_expression(item) for item in value)


def _as_expression(text: str | tuple[Any, ...] | None) -> str:
    """`when` and `foreach` are expressions with or without `${…}` around them."""
    if not isinstance(text, str):
        return ""
    return text if "${" in text else "${" + text + "}"
