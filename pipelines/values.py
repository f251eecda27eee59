"""Check values against the parameters of a notebook, before anything runs."""

from __future__ import annotations

import datetime
import json
import pathlib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from .errors import ParameterValueError
from .parameters import Parameter


def check_values(
    parameters: Sequence[Parameter], values: Mapping[str, object], name: str = "the notebook"
) -> dict[str, Any]:
    """Return the values as they will be written into the notebook.

    A value from JSON or YAML may stand for a tuple, a set, a path or a date where the parameter is one.

    Raises
    ------
    ParameterValueError
        If a name is unknown, a value has the wrong type, or a parameter without default gets none.
    """
    return _check(parameters, values, name, _check_value)


def check_texts(
    parameters: Sequence[Parameter], texts: Mapping[str, str], name: str = "the notebook", *, partial: bool = False
) -> dict[str, Any]:
    """As `check_values`, for values typed at a command line, which are read by the parameter's type.

    With `partial`, parameters without default may be missing: they come from elsewhere.
    """
    return _check(parameters, texts, name, _check_text, partial)


def read_values(path: Path) -> dict[str, Any]:
    """Read values from a YAML or JSON file.

    Raises
    ------
    ParameterValueError
        If the file is missing, is not YAML, or is not a mapping of names.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParameterValueError(f"{path}: the parameters cannot be read ({error}). Nothing was run.", {}) from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ParameterValueError(f"{path}: must be a mapping of names to values. Nothing was run.", {})
    return content


def _check(
    parameters: Sequence[Parameter], values: Mapping[str, Any], name: str, check: Any, partial: bool = False
) -> dict[str, Any]:
    known = {parameter.name: parameter for parameter in parameters}
    problems: dict[str, str] = {}
    checked: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            problems[key] = _unknown(key, known)
            continue
        try:
            checked[key] = plain(check(known[key], value))
        except (ValidationError, TypeError, ValueError) as error:
            problems[key] = _wrong(known[key], value, error)
    for parameter in parameters:
        if parameter.required and not partial and parameter.name not in values:
            problems[parameter.name] = f"parameter {parameter.name!r} has no default; give it a value"
    if problems:
        raise ParameterValueError(f"{name}: " + "; ".join(problems.values()) + ". Nothing was run.", problems)
    return checked


def plain(value: object) -> Any:
    """A value made of what a notebook's cell can spell: numbers, strings, lists, tuples and dictionaries."""
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    return str(value) if isinstance(value, pathlib.PurePath) else value


def _check_value(parameter: Parameter, value: object) -> Any:
    if parameter.type is Any:
        json.dumps(plain(value))
        return value
    # Strict JSON validation is the rule wanted: no "1" for a number, but a list for a tuple and a text for a date.
    return TypeAdapter(parameter.type).validate_json(json.dumps(plain(value)), strict=True)


def _check_text(parameter: Parameter, text: str) -> Any:
    if parameter.type is str:
        return text
    read = _read(text)
    if parameter.type is Any:
        return read
    adapter: TypeAdapter[Any] = TypeAdapter(parameter.type)
    try:
        return adapter.validate_json(json.dumps(plain(read)), strict=True)
    except (ValidationError, TypeError):
        pass
    try:
        return adapter.validate_strings(text)
    except ValidationError:
        # A text typed without quotes inside a union or a literal.
        return adapter.validate_json(json.dumps(text), strict=True)


def _read(text: str) -> object:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    if isinstance(value, str):
        try:
            return float(value) if any(character.isdigit() for character in value) else value
        except ValueError:
            return value
    return value


def _unknown(key: str, known: Mapping[str, Parameter]) -> str:
    if not known:
        return f"parameter {key!r} is unknown: no cell is tagged “parameters”, or it assigns nothing"
    near = get_close_matches(key, known, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"parameter {key!r} is unknown{hint}; known: {', '.join(known)}"


def _wrong(parameter: Parameter, value: object, error: Exception) -> str:
    reason = str(error)
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if isinstance(part, int))
        reason = first["msg"] + (f" at item {where}" if where else "")
    expected = f", must be {parameter.type_text}" if parameter.type_text else ""
    return f"parameter {parameter.name!r} = {value!r}{expected}: {reason}"
