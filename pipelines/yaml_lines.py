"""YAML files whose every value remembers its line, and the messages of pydantic with that line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from .errors import PipelineFileError
from .file_access import Opener, open_plainly

Location = tuple[str | int, ...]
Lines = dict[Location, int]
M = TypeVar("M", bound=BaseModel)
LARGEST_FILE_BYTES = 4 * 1024**2


def read_model(path: Path, model: type[M], opener: Opener = open_plainly) -> tuple[M, Lines]:
    """Read a YAML file as a model.

    Returns
    -------
    model, lines
        And the line of every value, by its place.

    Raises
    ------
    PipelineFileError
        If it cannot be read, is not YAML, or does not have the form; each problem names file and line.
    """
    try:
        with opener(path) as file:
            content_bytes = file.read(LARGEST_FILE_BYTES + 1)
        if len(content_bytes) > LARGEST_FILE_BYTES:
            raise PipelineFileError([f"{path}: the file has more than {LARGEST_FILE_BYTES // 1024**2} MiB."])
        text = content_bytes.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineFileError([f"{path}: the file cannot be read ({error})."]) from error
    lines: Lines = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = _plain(node, (), lines, path) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PipelineFileError([f"{path}, line {line}: this is not YAML ({error.problem})."]) from error
    try:
        return model.model_validate(content), lines
    except ValidationError as error:
        raise PipelineFileError(_problems(error, lines, path)) from error


def _plain(node: yaml.Node, where: Location, lines: Lines, path: Path) -> Any:
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


def _problems(error: ValidationError, lines: Lines, path: Path) -> list[str]:
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
        problems.append(f"{path}, line {lines.get(known, 1)}: {what or 'the file'}: {message}.")
    return problems
