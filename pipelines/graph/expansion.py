"""From a step whose inputs are there to its items: values, keys, orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from pipelines.notebook_files import read_notebook
from pipelines.notebook_run import checked_values

from . import expressions
from .errors import ExpressionError
from .keys import FileReference, canonical, digest_of, file_digest, key_of, key_parts
from .model import Pipeline, Step

MOST_ITEMS = 100_000


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a step, ready to run.

    Attributes
    ----------
    step, index, value
        Which; `value` is that of `foreach`.
    parameters
        For the notebook, checked.
    parts, key
        Of its result.
    environment
        Variables, filled in.
    label
        By which the same item is found in an earlier run, also when others came before it.
    """

    step: str
    index: int
    value: Any
    parameters: Mapping[str, Any]
    parts: Mapping[str, Any]
    key: str
    environment: Mapping[str, str]
    label: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all items of a step in one run share.

    Attributes
    ----------
    pipeline, step, notebook
        What is run.
    names
        What expressions see.
    upstream
        Keys of the items of each step it depends on.
    inputs
        Declared files: name to SHA-256.
    salt
        Makes the keys of a step without cache differ from run to run; empty otherwise.
    """

    pipeline: Pipeline
    step: Step
    notebook: NotebookNode
    names: Mapping[str, Any]
    upstream: Mapping[str, Sequence[str]]
    inputs: Mapping[str, str]
    salt: str


def surroundings(
    pipeline: Pipeline, step: Step, names: Mapping[str, Any], upstream: Mapping[str, Sequence[str]], salt: str
) -> Surroundings:
    """Read what the step's items share; raises `PipelinesError` for a notebook that is gone."""
    notebook = read_notebook(pipeline.folder / step.notebook)
    inputs = {
        path.relative_to(pipeline.folder).as_posix(): file_digest(path)
        for pattern in step.inputs
        for path in sorted(pipeline.folder.glob(pattern))
        if path.is_file()
    }
    return Surroundings(pipeline, step, notebook, names, upstream, inputs, salt)


def foreach_values(step: Step, names: Mapping[str, Any]) -> list[Any] | None:
    """The items of the step; `None` for a step without `foreach`.

    Raises
    ------
    ExpressionError
        If the value is not a list, or too long.
    """
    if step.foreach is None:
        return None
    value = expressions.evaluate(step.foreach, names) if isinstance(step.foreach, str) else list(step.foreach)
    if isinstance(value, Mapping):
        value = list(value)
    if not isinstance(value, list):
        raise ExpressionError(f"foreach: “{step.foreach}” is {value!r}, and must be a list")
    if len(value) > MOST_ITEMS:
        raise ExpressionError(f"foreach: “{step.foreach}” has {len(value)} items; at most {MOST_ITEMS} are allowed")
    return value


def is_wanted(step: Step, names: Mapping[str, Any]) -> bool:
    """Whether `when` holds."""
    return step.when is None or bool(expressions.evaluate(step.when, names))


def make_item(around: Surroundings, index: int, value: Any) -> Item:
    """Fill in the expressions, check the values, compute the key.

    Raises
    ------
    PipelinesError
        If an expression has no value, or a value does not fit the notebook.
    """
    step = around.step
    names = {**around.names, "item": value, "index": index}
    filled = expressions.fill(dict(step.parameters), names)
    environment = {name: str(text) for name, text in expressions.fill(dict(step.environment), names).items()}
    # Keys see a file as its content, the notebook sees its path.
    paths = {name: _as_paths(item) for name, item in filled.items()}
    parameters = checked_values(around.notebook, paths, f"step {step.name}, {step.notebook}")
    parts = key_parts(around.notebook, filled, around.upstream, around.inputs, environment, step.kernel)
    if around.salt:
        parts["run"] = around.salt
    label = "" if step.foreach is None else digest_of(canonical(value))[:16]
    return Item(step.name, index, value, parameters, parts, key_of(parts), environment, label)


def _as_paths(value: Any) -> Any:
    if isinstance(value, FileReference):
        return str(Path(value.path))
    if isinstance(value, list):
        return [_as_paths(item) for item in value]
    return {name: _as_paths(item) for name, item in value.items()} if isinstance(value, Mapping) else value
