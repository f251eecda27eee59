"""Lists, sets, dictionaries, comprehensions, lambdas and other expressions that are written out item by item."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from handcalc import bigforms, functions
from handcalc.tex import ATOM, LOOSE, OR, Tex, parenthesised, text

if TYPE_CHECKING:
    from handcalc.walker import Walker


def _items(walker: Walker, items: list[ast.expr]) -> str:
    limit = walker.options.max_items
    shown = [walker(item).latex for item in items[:limit]]
    if len(items) > limit:
        shown.append(rf"\ldots{text(f' ({len(items)} entries)')}")
    return walker.separator.join(shown)


def list_display(walker: Walker, node: ast.List) -> Tex:
    """Return a list as it is written."""
    return Tex(rf"\left[{_items(walker, node.elts)}\right]")


def tuple_display(walker: Walker, node: ast.Tuple) -> Tex:
    """Return a tuple as it is written."""
    tail = "," if len(node.elts) == 1 else ""
    return Tex(rf"\left({_items(walker, node.elts)}{tail}\right)")


def set_display(walker: Walker, node: ast.Set) -> Tex:
    """Return a set as it is written."""
    return Tex(rf"\left\{{{_items(walker, node.elts)}\right\}}")


def dict_display(walker: Walker, node: ast.Dict) -> Tex:
    """Return a dictionary as key ↦ value pairs."""
    if None in node.keys or len(node.keys) > walker.options.max_items:
        return walker.source(node)
    pairs = [
        rf"{walker(key).latex} \mapsto {walker(value).latex}"
        for key, value in zip(node.keys, node.values, strict=True)
        if key is not None
    ]
    return Tex(rf"\left\{{{walker.separator.join(pairs)}\right\}}")


def starred(walker: Walker, node: ast.Starred) -> Tex:
    """Return a starred item."""
    return Tex(rf"{{*}}{walker(node.value).at(ATOM)}", LOOSE)


def walrus(walker: Walker, node: ast.NamedExpr) -> Tex:
    """Return an assignment inside an expression, or the value that it gave."""
    value = walker.captured(node)
    if value is not None:
        return value
    return Tex(f"{walker.namer(node.target.id)} := {walker(node.value).latex}", LOOSE)


def function(walker: Walker, node: ast.Lambda) -> Tex:
    """Return a lambda as x ↦ body."""
    arguments = node.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults:
        return walker.source(node)
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    shown = [walker.namer(name) for name in names]
    left = shown[0] if len(shown) == 1 else parenthesised(walker.separator.join(shown))
    with walker.binding(names):
        return Tex(rf"{left} \mapsto {walker(node.body).at(OR)}", LOOSE)


def comprehension(walker: Walker, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Tex:
    """Return a comprehension as body | domain."""
    left, right = (r"\{", r"\}") if isinstance(node, ast.SetComp) else ("[", "]")
    with walker.binding(functions.bound_names(node.generators)):
        body = walker(node.elt).latex
        domain = bigforms.domains(walker, node.generators)
    return Tex(rf"\left{left}{body} \;\middle|\; {domain}\right{right}")


def dict_comprehension(walker: Walker, node: ast.DictComp) -> Tex:
    """Return a dictionary comprehension as key ↦ value | domain."""
    with walker.binding(functions.bound_names(node.generators)):
        body = rf"{walker(node.key).latex} \mapsto {walker(node.value).latex}"
        domain = bigforms.domains(walker, node.generators)
    return Tex(rf"\left\{{{body} \;\middle|\; {domain}\right\}}")
