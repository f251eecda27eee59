"""What the names and parts of one line stood for while it ran."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final

from handcalc.tex import Tex
from handcalc.units import converted
from handcalc.values import Values

MISSING: Final = object()

# Values of these types cannot change after they were seen, so they are written out only when they are shown.
_PLAIN = {int, float, complex, bool, str, bytes, type(None)}
UNCHANGING = frozenset(_PLAIN | {ModuleType, FunctionType, BuiltinFunctionType})


class Snapshot:
    """Values of one line's names and parts.

    It owns the values as they were before the line ran (names) or when they were computed (attributes, items,
    calls). A value that could change later is written out when it is taken; the others when they are shown.
    """

    __slots__ = ("_names", "_parts", "_shown", "changed")

    def __init__(self) -> None:
        self._names: dict[str, object] = {}
        self._parts: dict[int, object] = {}
        self._shown: dict[str | int, Tex | None] = {}
        self.changed = False

    def take(
        self,
        names: tuple[str, ...],
        spaces: tuple[Mapping[str, object], ...],
        values: Values,
        in_units: Mapping[str, tuple[object, str]],
    ) -> None:
        """Note what `names` stand for in the first of `spaces` that knows them.

        `in_units` has values that a line asked to be shown in a unit of its own.
        """
        for name in names:
            for space in spaces:
                value = space.get(name, MISSING)
                if value is not MISSING:
                    self._names[name] = value
                    if type(value) not in UNCHANGING:
                        before = in_units.get(name)
                        if before is not None and before[0] is value:
                            value = converted(value, before[1])
                        self._shown[name] = values(value)
                    break

    def note(self, part: int, value: object, values: Values) -> None:
        """Note the value of a part of the line, known by the identity of its node."""
        self._parts[part] = value
        if type(value) not in UNCHANGING:
            self._shown[part] = values(value)
        else:
            self._shown.pop(part, None)

    def settle(self, values: Values) -> None:
        """Note that the line's expression has been computed.

        If it changed a container that it read, no one value can be put in: ``xs + [xs.pop()]`` reads the list before
        the call and adds to it after the call.
        """
        for key, before in self._shown.items():
            value = self._names[key] if isinstance(key, str) else self._parts[key]
            if _may_change(value) and before is not None and values(value) != before:
                self.changed = True
                return

    def raw(self, node: ast.expr) -> object:
        """Return the value of a node, or `MISSING`."""
        if self._parts:
            value = self._parts.get(id(node), MISSING)
            if value is not MISSING:
                return value
        return self._names.get(node.id, MISSING) if type(node) is ast.Name else MISSING

    def value(self, node: ast.expr, values: Values) -> Tex | None:
        """Return the value of a node as LaTeX, or None when it is unknown or has no mathematical form."""
        part = id(node)
        key: str | int = part
        value = self._parts.get(part, MISSING)
        if value is MISSING:
            if type(node) is not ast.Name:
                return None
            key = node.id
            value = self._names.get(key, MISSING)
            if value is MISSING:
                return None
        try:
            return self._shown[key]
        except KeyError:
            shown = self._shown[key] = values(value)
            return shown

    def resolve(self, node: ast.expr) -> object:
        """Return what a dotted name stands for when that can be told without running anything, or `MISSING`.

        Only modules and classes are looked into, because reading an attribute of anything else may run code.
        """
        if isinstance(node, ast.Attribute):
            known = self._parts.get(id(node), MISSING)
            if known is not MISSING:
                return known
            owner = self.resolve(node.value)
            if isinstance(owner, ModuleType | type):
                return vars(owner).get(node.attr, MISSING)
            return MISSING
        return self.raw(node)

    def is_module(self, node: ast.expr) -> bool:
        """Tell whether a node stands for a module."""
        return isinstance(self.resolve(node), ModuleType)

    def is_array(self, node: ast.expr) -> bool:
        """Tell whether a node stands for an array, whose arithmetic is element by element."""
        return is_array(self.raw(node))


def _may_change(value: object) -> bool:
    kind = type(value)
    if kind in UNCHANGING:
        return False
    # A quantity is a container only when its magnitude is one.
    return kind in (list, dict, set) or is_array(value) or (hasattr(kind, "__setitem__") and not hasattr(kind, "units"))


def is_array(value: object) -> bool:
    """Tell whether a value is an array of one dimension or more."""
    if type(value) in UNCHANGING or value is MISSING or not hasattr(type(value), "ndim"):
        return False
    if type(value).__module__.startswith("sympy"):
        return False
    foreign: Any = value
    try:
        return int(foreign.ndim) > 0
    except Exception:
        return False
