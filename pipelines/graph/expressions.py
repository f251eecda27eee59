"""Expressions in `${…}`: a small, total part of Python, evaluated without running anything else.

Names are `parameters`, `steps`, `item`, `index` and `run`. Operators, comparisons, subscripts, attributes, list,
tuple and dictionary displays, conditional expressions and a few functions are allowed; nothing else is.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .errors import ExpressionError

_LONGEST = 2000
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (len, min, max, sum, abs, round, sorted, any, all, str, int, float, list)
}
_NUMBERS = (int, float)


def _of_numbers(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """`"%9999999999d" % 1` and `[0] * 10**10` would fill the memory of whoever reads the pipeline."""

    def calculate(left: Any, right: Any) -> Any:
        if not isinstance(left, _NUMBERS) or not isinstance(right, _NUMBERS):
            raise TypeError("only numbers can be multiplied, and have a remainder")
        return operation(left, right)

    return calculate


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: _of_numbers(operator.mul),
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: _of_numbers(operator.mod),
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


def parts(text: str) -> list[str | ast.expr]:
    """Split a text into literal pieces and the parsed expressions between them.

    Raises
    ------
    ExpressionError
        If an expression does not end or is not in the language.
    """
    found: list[str | ast.expr] = []
    rest = text
    while "${" in rest:
        before, _, rest = rest.partition("${")
        if before:
            found.append(before)
        source, rest = _expression_source(rest, text)
        found.append(parse(source))
    if rest:
        found.append(rest)
    return found


def parse(source: str) -> ast.expr:
    """Parse one expression, with or without its `${…}`.

    Raises
    ------
    ExpressionError
        If it is not in the language.
    """
    source = source.strip()
    if source.startswith("${") and source.endswith("}"):
        source = source[2:-1]
    if len(source) > _LONGEST:
        raise ExpressionError(f"an expression of {len(source)} characters is too long (at most {_LONGEST})")
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:  # ValueError: a null byte, in Python before 3.11.4
        raise ExpressionError(f"“{source}” is not an expression ({error})") from error
    _check(tree, source)
    return tree


def step_names(value: Any) -> set[str]:
    """Names of the steps that the expressions in a value (text, list, dictionary) refer to."""
    return {name for expression in _expressions(value) for name in _referenced("steps", expression)}


def parameter_names(value: Any) -> set[str]:
    """Names of the pipeline's parameters that the expressions in a value refer to."""
    return {name for expression in _expressions(value) for name in _referenced("parameters", expression)}


def fill(value: Any, names: Mapping[str, Any]) -> Any:
    """Return the value with every expression replaced by what it stands for.

    A text that is one expression becomes the expression's value, of whatever type.

    Raises
    ------
    ExpressionError
        If an expression has no value.
    """
    if isinstance(value, str):
        found = parts(value)
        if len(found) == 1 and isinstance(found[0], ast.expr):
            return evaluate(found[0], names)
        return "".join(part if isinstance(part, str) else str(evaluate(part, names)) for part in found)
    if isinstance(value, list | tuple):
        return [fill(item, names) for item in value]
    if isinstance(value, Mapping):
        return {key: fill(item, names) for key, item in value.items()}
    return value


def evaluate(expression: ast.expr | str, names: Mapping[str, Any]) -> Any:
    """Value of an expression.

    Raises
    ------
    ExpressionError
        If it has none.
    """
    tree = parse(expression) if isinstance(expression, str) else expression
    try:
        return _value(tree, names)
    except ExpressionError:
        raise
    except (LookupError, TypeError, ArithmeticError, ValueError, AttributeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ExpressionError(f"“{ast.unparse(tree)}” has no value: {reason}") from error


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return names[name]
        case ast.Attribute(value=inner, attr=name):
            return _value(inner, names)[name]
        case ast.Subscript(value=inner, slice=key):
            return _value(inner, names)[_value(key, names)]
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_value(left, names), _value(right, names))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, names)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, names)
        case ast.BoolOp(op=op, values=values):
            return _first(values, names, wanted=isinstance(op, ast.Or))
        case ast.Compare():
            return _compare(node, names)
        case ast.IfExp(test=test, body=body, orelse=other):
            return _value(body if _value(test, names) else other, names)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item, names) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {_value(k, names): _value(v, names) for k, v in zip(keys, values, strict=True) if k is not None}
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _FUNCTIONS[name](*(_value(argument, names) for argument in arguments))
    raise ExpressionError(f"“{ast.unparse(node)}” is not allowed in an expression")


def _first(values: list[ast.expr], names: Mapping[str, Any], *, wanted: bool) -> Any:
    """As Python has it: the first value whose truth decides, else the last."""
    for item in values[:-1]:
        value = _value(item, names)
        if bool(value) == wanted:
            return value
    return _value(values[-1], names)


def _compare(node: ast.Compare, names: Mapping[str, Any]) -> bool:
    left = _value(node.left, names)
    for op, right_node in zip(node.ops, node.comparators, strict=True):
        right = _value(right_node, names)
        if not _COMPARE[type(op)](left, right):
            return False
        left = right
    return True


_ALLOWED = (
    *(ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare),
    *(ast.IfExp, ast.List, ast.Tuple, ast.Dict, ast.Call, ast.Load, ast.Not, ast.USub, ast.And, ast.Or),
    *_BINARY,
    *_COMPARE,
)
NAMES = ("parameters", "steps", "item", "index", "run")


def _check(tree: ast.expr, source: str) -> None:
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise ExpressionError(f"“{source}”: {type(node).__name__} is not allowed in an expression")
        if isinstance(node, ast.Call) and (node.keywords or not isinstance(node.func, ast.Name)):
            raise ExpressionError(f"“{source}”: only plain calls of {', '.join(_FUNCTIONS)} are allowed")
        if isinstance(node, ast.Name):
            allowed = tuple(_FUNCTIONS) if id(node) in called else NAMES
            if node.id not in allowed:
                raise ExpressionError(f"“{source}”: unknown name {node.id!r}; known: {', '.join(allowed)}")


def _expression_source(rest: str, whole: str) -> tuple[str, str]:
    depth, quote = 0, ""
    for position, character in enumerate(rest):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "{[(":
            depth += 1
        elif character == "}" and depth == 0:
            return rest[:position], rest[position + 1 :]
        elif character in "}])":
            depth -= 1
    raise ExpressionError(f"“{whole}”: an expression is not closed with “}}”")


def _expressions(value: Any) -> Iterator[ast.expr]:
    if isinstance(value, str):
        yield from (part for part in parts(value) if isinstance(part, ast.expr))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _expressions(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _expressions(item)


def _referenced(root: str, expression: ast.expr) -> Iterator[str]:
    for node in ast.walk(expression):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == root:
            yield node.attr
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == root:
            if not isinstance(node.slice, ast.Constant) or not isinstance(node.slice.value, str):
                raise ExpressionError(f"“{ast.unparse(expression)}”: name the step in {root}[…] as a text")
            yield node.slice.value
