"""Values as LaTeX. The type of a value is recognised by name, so that no library is imported to look at one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import islice
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

from handcalc.numerals import Numerals
from handcalc.options import Options
from handcalc.tex import APPLIED, ATOM, Tex, text

Handler = Callable[["Values", Any, int], "Tex | None"]

_MAX_DEPTH = 5
_MAX_TEXT = 200


class Values:
    """Writes values of any type as one set of options asks for.

    Which function writes a type is found once and then remembered for all.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.numerals = Numerals(options)
        self.separator = ";\\ " if options.decimal_separator == "," else ",\\ "

    def __call__(self, value: object, depth: int = 0) -> Tex | None:
        """Return `value` as LaTeX, or None when it has no mathematical form.

        A value whose own class misbehaves when it is looked at has no mathematical form either: looking at a
        value never makes a calculation fail.
        """
        kind = type(value)
        try:
            handler = _BUILTIN[kind]
        except KeyError:
            handler = _found(kind)
        if handler is None:
            return None
        if depth > _MAX_DEPTH:
            return Tex(r"\ldots")
        try:
            return handler(self, value, depth)
        except Exception:
            return None

    def shown(self, value: object, depth: int) -> str:
        """Return the LaTeX of an entry of a container.

        Raises
        ------
        TypeError
            If the entry has no mathematical form; then the container has none either.
        """
        if value is None:
            return r"\mathrm{None}"
        tex = self(value, depth + 1)
        if tex is None:
            raise TypeError(f"{type(value).__name__} has no mathematical form")
        return tex.latex

    def sequence(self, items: Iterable[object], count: int, depth: int, brackets: tuple[str, str]) -> Tex:
        """Return `count` entries between brackets, elided in the middle when there are many."""
        left, right = brackets
        limit = self.options.max_items
        entries = [self.shown(item, depth) for item in islice(items, min(count, limit))]
        mark = ""
        if count > limit:
            entries.append(r"\ldots")
            mark = f"_{{({count}{text(' entries')})}}"
        inner = self.separator.join(entries)
        if count == 1 and left == "(":
            inner += ","
        return Tex(rf"\left{left}{inner}\right{right}{mark}", APPLIED if mark else ATOM)

    def mapping(self, pairs: Iterable[tuple[object, object]], count: int, depth: int) -> Tex:
        """Return a dictionary as key ↦ value pairs between braces."""
        limit = self.options.max_items
        entries = [
            rf"{self.shown(key, depth)} \mapsto {self.shown(value, depth)}"
            for key, value in islice(pairs, min(count, limit))
        ]
        mark = ""
        if count > limit:
            entries.append(r"\ldots")
            mark = f"_{{({count}{text(' entries')})}}"
        return Tex(rf"\left\{{{self.separator.join(entries)}\right\}}{mark}", APPLIED if mark else ATOM)

    def rows(self, rows: list[list[str]], hidden: str = "") -> Tex:
        """Return rows of entries as a matrix in square brackets; `hidden` says what was left out."""
        body = r" \\ ".join(" & ".join(row) for row in rows)
        mark = f"_{{{hidden}}}" if hidden else ""
        return Tex(rf"\begin{{bmatrix}} {body} \end{{bmatrix}}{mark}", APPLIED if mark else ATOM, True)


def find_handler(kind: type) -> Handler | None:
    """Return the function that writes values of a type, or None when the type has no mathematical form."""
    from handcalc import adapters

    for base in kind.__mro__:
        if base in _BUILTIN and base is not object:
            return _BUILTIN[base]
        root = base.__module__.partition(".")[0]
        handler = adapters.HANDLERS.get(f"{root}.{base.__qualname__}")
        if handler is not None:
            return handler
    if callable(getattr(kind, "_repr_latex_", None)):
        return adapters.own_latex
    return None


def _short(content: str) -> str:
    return content if len(content) <= _MAX_TEXT else f"{content[:_MAX_TEXT]}… ({len(content)} characters)"


def _boolean(values: Values, value: bool, depth: int) -> Tex:
    return Tex(r"\mathrm{true}" if value else r"\mathrm{false}")


def _integer(values: Values, value: int, depth: int) -> Tex:
    return values.numerals.integer(int(value))


def _real(values: Values, value: float, depth: int) -> Tex:
    return values.numerals.real(float(value))


def _complex(values: Values, value: complex, depth: int) -> Tex:
    return values.numerals.complex(complex(value))


def _string(values: Values, value: str, depth: int) -> Tex:
    return Tex(text(f"“{_short(value)}”"))


def _list(values: Values, value: list[object], depth: int) -> Tex:
    return values.sequence(value, len(value), depth, ("[", "]"))


def _tuple(values: Values, value: tuple[object, ...], depth: int) -> Tex:
    return values.sequence(value, len(value), depth, ("(", ")"))


def _set(values: Values, value: set[object], depth: int) -> Tex:
    if not value:
        return Tex(r"\emptyset")
    items: Iterable[object] = value
    if len(value) <= values.options.max_items:
        try:
            items = sorted(value)  # type: ignore[type-var]
        except TypeError:
            items = value
    return values.sequence(items, len(value), depth, (r"\{", r"\}"))


def _mapping(values: Values, value: dict[object, object], depth: int) -> Tex:
    return values.mapping(value.items(), len(value), depth)


def _range(values: Values, value: range, depth: int) -> Tex:
    return values.sequence(value, len(value), depth, (r"\{", r"\}"))


_BUILTIN: dict[type, Handler | None] = {
    bool: _boolean,
    int: _integer,
    float: _real,
    complex: _complex,
    str: _string,
    list: _list,
    tuple: _tuple,
    set: _set,
    frozenset: _set,
    dict: _mapping,
    MappingProxyType: _mapping,
    range: _range,
    type(None): None,
    type: None,
    type(math): None,
    type(len): None,
    type(_set): None,
}

# A type that a notebook defined may go away again.
_FOUND: WeakKeyDictionary[type, Handler | None] = WeakKeyDictionary()


def _found(kind: type) -> Handler | None:
    try:
        return _FOUND[kind]
    except KeyError:
        handler = _FOUND[kind] = find_handler(kind)
        return handler
