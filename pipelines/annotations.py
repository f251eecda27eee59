"""From the source of a type annotation to a type that values are checked against, without running any code."""

from __future__ import annotations

import ast
import datetime
import pathlib
import typing
from collections.abc import Callable
from typing import Any, Literal

Resolved = Any
"""A runtime type as `pydantic.TypeAdapter` takes it."""

_NAMES: dict[str, Resolved] = {
    "int": int,
    "float": float,
    "complex": complex,
    "str": str,
    "bool": bool,
    "bytes": bytes,
    "list": list,
    "dict": dict,
    "tuple": tuple,
    "set": set,
    "object": Any,
    "Any": Any,
    "None": type(None),
    "List": list,
    "Dict": dict,
    "Tuple": tuple,
    "Set": set,
    "Sequence": list,
    "Iterable": list,
    "Mapping": dict,
    "Path": pathlib.Path,
    "date": datetime.date,
    "datetime": datetime.datetime,
    "time": datetime.time,
    "timedelta": datetime.timedelta,
}
_MODULES = {"typing", "t", "pathlib", "datetime", "collections.abc", "collections", "dt"}


class UnknownTypeError(Exception):
    """The annotation names a type that is not known here."""


def resolve(node: ast.expr) -> Resolved:
    """Turn an annotation into a type.

    Parameters
    ----------
    node
        The annotation: names of builtin and common types, `Optional`, `Union`, `|`, `Literal`, `Annotated`
        (its first part counts), and subscripts of these; a string is parsed.

    Raises
    ------
    UnknownTypeError
        If it is anything else, for instance `pandas.DataFrame`.
    """
    if isinstance(node, ast.Constant):
        return _constant(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return typing.Union[resolve(node.left), resolve(node.right)]  # noqa: UP007 - built at run time
    if isinstance(node, ast.Subscript):
        return _subscript(_name(node.value), node.slice)
    name = _name(node)
    if name == "Optional" or name not in _NAMES:
        raise UnknownTypeError(name)
    return _NAMES[name]


def _constant(node: ast.Constant) -> Resolved:
    if node.value is None:
        return type(None)
    if isinstance(node.value, str):
        try:
            return resolve(ast.parse(node.value, mode="eval").body)
        except SyntaxError as error:
            raise UnknownTypeError(node.value) from error
    if node.value is Ellipsis:
        return Ellipsis
    raise UnknownTypeError(repr(node.value))


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) in _MODULES:
        return node.attr
    raise UnknownTypeError(ast.unparse(node))


def _subscript(name: str, inside: ast.expr) -> Resolved:
    parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
    if name == "Literal":
        try:
            return Literal[tuple(ast.literal_eval(part) for part in parts)]
        except ValueError as error:
            raise UnknownTypeError(f"Literal[{ast.unparse(inside)}]") from error
    special: dict[str, Callable[[], Resolved]] = {
        "Optional": lambda: typing.Optional[resolve(parts[0])],  # noqa: UP045 - built at run time
        "Union": lambda: typing.Union[tuple(resolve(part) for part in parts)],  # noqa: UP007
        "Annotated": lambda: resolve(parts[0]),
        "Final": lambda: resolve(parts[0]),
    }
    if name in special:
        return special[name]()
    base = _NAMES.get(name)
    if base not in (list, dict, tuple, set):
        raise UnknownTypeError(name)
    try:
        return base[tuple(resolve(part) for part in parts)]
    except TypeError as error:
        raise UnknownTypeError(f"{name}[{ast.unparse(inside)}]") from error
