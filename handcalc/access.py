"""What stands behind a name: attributes, items and calls as LaTeX."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from handcalc import functions
from handcalc.tex import APPLIED, ATOM, POWER, Tex, text

if TYPE_CHECKING:
    from handcalc.walker import Walker


def attribute(walker: Walker, node: ast.Attribute) -> Tex:
    """Return an attribute: a constant's symbol, its value, or its dotted name."""
    snapshot = walker.snapshot
    constant = functions.constant(snapshot.resolve(node), node.attr)
    if constant is not None:
        return constant
    value = walker.captured(node)
    if value is not None:
        return value
    array = snapshot.is_array(node)
    if node.attr == "T" and snapshot.is_array(node.value):
        return Tex(rf"{walker(node.value).at(ATOM)}^{{\mathsf{{T}}}}", POWER, True)
    if snapshot.is_module(node.value):
        return Tex(walker.namer(node.attr), ATOM, array)
    if isinstance(node.value, ast.Name) and node.value.id == "self":
        return Tex(walker.namer.of_self(node.attr), ATOM, array)
    return Tex(f"{_owner(walker, node.value)}.{walker.namer(node.attr)}", ATOM, array)


def _owner(walker: Walker, node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return walker.namer(node.id)
    if isinstance(node, ast.Attribute):
        owner = "" if walker.snapshot.is_module(node.value) else f"{_owner(walker, node.value)}."
        return f"{owner}{walker.namer(node.attr)}"
    return walker(node).at(ATOM)


def call(walker: Walker, node: ast.Call) -> Tex:
    """Return a call: the notation of its function, its value, or name and arguments."""
    form = functions.form(walker, node)
    if form is not None:
        return form
    value = walker.captured(node)
    if value is not None:
        return value
    array = walker.snapshot.is_array(node)
    return Tex(f"{_function(walker, node.func)}{walker.arguments(node)}", APPLIED, array)


def _function(walker: Walker, node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return walker.operator(node.id)
    if isinstance(node, ast.Attribute):
        if walker.snapshot.is_module(node.value):
            return walker.operator(node.attr)
        return f"{_owner(walker, node.value)}.{walker.operator(node.attr)}"
    return walker(node).at(ATOM)


def subscript(walker: Walker, node: ast.Subscript) -> Tex:
    """Return an item: an integral, its value, or a name with its index below or in brackets."""
    form = functions.indexed_form(walker, node)
    if form is not None:
        return form
    value = walker.captured(node)
    if value is not None:
        return value
    base = _owner(walker, node.value)
    index = _index(walker, node.slice)
    array = walker.snapshot.is_array(node)
    plain = isinstance(node.value, ast.Name) and "_" not in base and "'" not in base
    shown = f"{base}_{{{index}}}"
    if plain and walker.namer.claim(shown, f"{base}[]"):
        return Tex(shown, ATOM, array)
    return Tex(rf"{base}\left[{index}\right]", ATOM, array)


def _index(walker: Walker, node: ast.expr) -> str:
    if isinstance(node, ast.Tuple):
        return ",".join(_index(walker, item) for item in node.elts)
    if isinstance(node, ast.Slice):
        parts = [walker(part).latex if part is not None else "" for part in (node.lower, node.upper)]
        if node.step is not None:
            parts.append(walker(node.step).latex)
        return ":".join(parts)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return text(node.value)
    return walker(node).latex
