"""From a step whose inputs are there to its items: values, keys, orders."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

from nbformat import NotebookNode

from pipelines.file_access import Opener
from pipelines.notebook_files import read_notebook
from pipelines.notebook_run import checked_values

from . import expressions
from .errors import ExpressionError, InputFileError
from .keys import FileReference, canonical, digest_of, key_of, key_parts
from .model import Pipeline, Step

MOST_ITEMS = 100_000
_MOST_DIGESTS = 10_000
_digests: dict[tuple[int, int, int, int], str] = {}


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
    salt
        Makes the keys of a step without cache differ from run to run; empty otherwise.
    """

    pipeline: Pipeline
    step: Step
    notebook: NotebookNode
    names: Mapping[str, Any]
    upstream: Mapping[str, Sequence[str]]
    salt: str


def surroundings(
    pipeline: Pipeline, step: Step, names: Mapping[str, Any], upstream: Mapping[str, Sequence[str]], salt: str
) -> Surroundings:
    """Read what the step's items share; raises `PipelinesError` for a notebook that is gone."""
    notebook = read_notebook(pipeline.folder / step.notebook, pipeline.files.open)
    return Surroundings(pipeline, step, notebook, names, upstream, salt)


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
    # A value of the declared type, so that 0 and 0.0 for a real number are one key.
    keyed = {name: filled[name] if _has_file(filled[name]) else parameters[name] for name in filled}
    inputs = _input_digests(around.pipeline, expressions.fill(list(step.inputs), names))
    parts = key_parts(around.notebook, keyed, around.upstream, inputs, environment, step.kernel)
    if around.salt:
        parts["run"] = around.salt
    label = "" if step.foreach is None else digest_of(canonical(value))[:16]
    return Item(step.name, index, value, parameters, parts, key_of(parts), environment, label)


def _input_digests(pipeline: Pipeline, patterns: Sequence[str]) -> dict[str, str]:
    folder = pipeline.folder
    found = sorted({path for pattern in patterns for path in pipeline.files.glob(folder, str(pattern))})
    try:
        return {path.relative_to(folder).as_posix(): _digest(path, pipeline.files.open) for path in found}
    except OSError as error:
        told = ", ".join(str(pattern) for pattern in patterns)
        raise InputFileError(f"the inputs {told} cannot be read: {error.strerror or error}") from error


def _digest(path: Path, opener: Opener) -> str:
    """SHA-256 of a file; ten thousand items that read one large file read it once."""
    with cast(BufferedReader, opener(path)) as file:
        status = os.fstat(file.fileno())
        which = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
        if which not in _digests:
            if len(_digests) >= _MOST_DIGESTS:
                _digests.clear()
            _digests[which] = hashlib.file_digest(file, "sha256").hexdigest()
        return _digests[which]


def _has_file(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_has_file(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_file(item) for item in value)
    return isinstance(value, FileReference)


def _as_paths(value: Any) -> Any:
    if isinstance(value, FileReference):
        return str(Path(value.path))
    if isinstance(value, list):
        return [_as_paths(item) for item in value]
    return {name: _as_paths(item) for name, item in value.items()} if isinstance(value, Mapping) else value
