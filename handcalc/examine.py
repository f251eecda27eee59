"""What an expression reads and may change, and what a loop adds up: told from the syntax, before anything runs."""

from __future__ import annotations

import ast

from handcalc.functions import FORMS
from handcalc.plan import Accumulation

OWN_SCOPE = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.JoinedStr)
# Operators of numbers, arrays and quantities change none of their operands.
_SILENT = frozenset({ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Tuple, ast.List})
_NOTED = (ast.NamedExpr, ast.Attribute, ast.Subscript, ast.Call)


def examined(value: ast.expr) -> tuple[tuple[str, ...], list[ast.expr], bool]:
    """Return the names that an expression reads, the parts to note as they are computed, and whether it may call.

    Those parts are the attributes, items and calls inside it, and its names where a call may change them.
    """
    kind: type[ast.AST] = type(value)
    if kind is ast.Constant:
        return (), [], False
    if kind is ast.Name:
        return (value.id,), [], False  # type: ignore[attr-defined]
    names: dict[str, None] = {}
    parts: list[ast.expr] = []
    uses: list[ast.expr] = []
    changing = calling = False
    # The flag tells whether a node runs in the expression's own scope and is not the whole of it.
    stack: list[tuple[ast.AST, bool]] = [(value, False)]
    while stack:
        node, inner = stack.pop()
        kind = type(node)
        if kind is ast.Name:
            if type(node.ctx) is ast.Load:  # type: ignore[attr-defined]
                names[node.id] = None  # type: ignore[attr-defined]
                if inner:
                    uses.append(node)  # type: ignore[arg-type]
            continue
        if kind is ast.Constant:
            continue
        own = inner or node is value
        if kind is ast.BinOp:
            stack.append((node.right, own))  # type: ignore[attr-defined]
            stack.append((node.left, own))  # type: ignore[attr-defined]
            continue
        if own and kind in _NOTED:
            if kind is ast.NamedExpr:
                changing = True
                parts.append(node)  # type: ignore[arg-type]
            elif kind is not ast.Call:
                parts.append(node)  # type: ignore[arg-type]
            elif not _known_by_name(node):  # type: ignore[arg-type]
                changing = changing or inner or bool(node.keywords)  # type: ignore[attr-defined]
                if inner:
                    parts.append(node)  # type: ignore[arg-type]
        if own and kind is ast.Call and isinstance(node.func, ast.Attribute):  # type: ignore[attr-defined]
            receiver = node.func.value  # type: ignore[attr-defined]
            if not isinstance(receiver, ast.Name):
                parts.append(receiver)  # (M / W).to("MPa"): whether that converts depends on what M / W is
        own = own and kind not in OWN_SCOPE
        calling = calling or (kind not in _SILENT and isinstance(node, ast.expr))
        if kind is ast.Call:
            _push_call(node, own, stack, names)  # type: ignore[arg-type]
            continue
        stack.extend((child, own) for child in ast.iter_child_nodes(node))
    return tuple(names), parts + uses if changing else parts, calling


def _push_call(node: ast.Call, own: bool, stack: list[tuple[ast.AST, bool]], names: dict[str, None]) -> None:
    """Put the parts of a call on the stack, except the function itself, whose value is not shown."""
    function: ast.expr = node.func
    if isinstance(function, ast.Attribute):
        stack.append((function.value, own))
    elif isinstance(function, ast.Name):
        names[function.id] = None
    else:
        stack.append((function, own))
    stack.extend((argument, own) for argument in node.args)
    stack.extend((keyword.value, own) for keyword in node.keywords)


def _known_by_name(node: ast.Call) -> bool:
    function = node.func
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    return name in FORMS


def accumulation(node: ast.For) -> Accumulation | None:
    """Return what a loop adds up or multiplies, or None when the loop does anything else."""
    if len(node.body) != 1 or node.orelse or not isinstance(node.body[0], ast.AugAssign):
        return None
    step = node.body[0]
    if not isinstance(step.op, ast.Add | ast.Mult) or not isinstance(step.target, ast.Name):
        return None
    name = step.target.id
    bound = {part.id for part in ast.walk(node.target) if isinstance(part, ast.Name)}
    if name in bound or name in examined(step.value)[0]:
        return None
    for part in ast.walk(step.value):
        if isinstance(part, ast.NamedExpr | ast.Lambda | ast.Await | ast.Yield | ast.Attribute):
            return None
        if isinstance(part, ast.Call) and not (_known_by_name(part) and isinstance(part.func, ast.Name)):
            return None
    return Accumulation(name, step.op, step.value)
