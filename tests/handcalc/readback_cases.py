"""Random calculations, and the check that what is shown of them reads back to what Python computed."""

from __future__ import annotations

import ast
import cmath
import math
import operator
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from readback import Number, UnreadableError, evaluate, read

from handcalc import render

# The symbols by which a reader knows the names of the calculation.
SYMBOLS = {
    "a": "a",
    "b": "b",
    "x1": "x_1",
    "F_max": "F_max",
    "alpha": r"\alpha",
    "beam": "beam",
    "k": "k",
    "z": "z",
    "i_0": "i_0",
    "n": "n",
}
_OPERATORS = [ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow]
_FUNCTIONS = {"sqrt": 1, "sin": 1, "cos": 1, "log": 1, "exp": 1, "floor": 1, "ceil": 1, "abs": 1, "max": 2, "min": 2}
_FUNCTIONS |= {"log10": 1, "atan": 1, "cbrt": 1, "factorial": 1, "pow": 2, "sinh": 1}
_PYTHON: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_LIBRARY: dict[str, Any] = {**vars(math), "abs": abs, "max": max, "min": min, "pow": pow}
PREAMBLE = "from math import sqrt, sin, cos, log, exp, floor, ceil, log10, atan, cbrt, factorial, sinh\n"


@dataclass(frozen=True)
class Case:
    """One calculation: values of names, and an expression."""

    values: dict[str, Number]
    expression: str


@dataclass(frozen=True)
class Failure:
    """What went wrong with a case."""

    case: Case
    kind: str
    detail: str


def random_case(chance: random.Random) -> Case:
    """Return a calculation that Python can evaluate to a finite number."""
    while True:
        values = {name: _value(chance) for name in SYMBOLS}
        expression = ast.unparse(ast.fix_missing_locations(_tree(chance, chance.randint(1, 5))))
        if not any(name in expression for name in SYMBOLS):
            continue
        if _python_value(Case(values, expression)) is not None:
            return Case(values, expression)


def _value(chance: random.Random) -> Number:
    kind = chance.randrange(9)
    if kind == 0:
        return chance.randint(-9, 9)
    if kind == 1:
        return chance.randint(1, 1000)
    if kind == 2:
        return round(chance.uniform(-10, 10), chance.randint(0, 4))
    if kind == 3:
        return chance.uniform(0.1, 3)
    if kind == 4:
        return chance.choice([-1, 1]) * 10.0 ** chance.randint(-30, 30) * chance.random()
    if kind == 5:
        return complex(chance.randint(-5, 5), chance.randint(1, 5) * chance.choice([-1, 1]))
    if kind == 6:
        return complex(0, chance.uniform(-3, 3))
    if kind == 7:
        return -chance.uniform(0, 1)
    return chance.choice([0.5, 2.0, -1.0, 1e-7, -2.5e12, 3])


def _tree(chance: random.Random, depth: int) -> ast.expr:
    if depth == 0 or chance.random() < 0.15:
        return _leaf(chance)
    kind = chance.random()
    if kind < 0.13:
        operator = ast.USub() if chance.random() < 0.85 else ast.UAdd()
        return ast.UnaryOp(operator, _tree(chance, depth - 1))
    if kind < 0.3:
        name = chance.choice(list(_FUNCTIONS))
        arguments = [_tree(chance, depth - 1) for _ in range(_FUNCTIONS[name])]
        return ast.Call(ast.Name(name, ast.Load()), arguments, [])
    operator_type = chance.choice(_OPERATORS)
    if operator_type is ast.Pow and chance.random() < 0.7:
        return ast.BinOp(_tree(chance, depth - 1), ast.Pow(), ast.Constant(chance.choice([2, 3, -1, 0.5])))
    return ast.BinOp(_tree(chance, depth - 1), operator_type(), _tree(chance, depth - 1))


def _leaf(chance: random.Random) -> ast.expr:
    if chance.random() < 0.7:
        return ast.Name(chance.choice(list(SYMBOLS)), ast.Load())
    literal = chance.choice([2, 3, 10, 0.5, 1.25, 1e6, 2.5e-8, 1234567, 2j, 1.5e3j])
    return ast.Constant(literal)


def _python_value(case: Case) -> Number | None:
    """Return what Python computes, or None when it raises or overflows, or does so in a part."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _part_value(ast.parse(case.expression, mode="eval").body, case.values)
    except (ArithmeticError, ValueError, TypeError):
        return None


def _part_value(node: ast.expr, values: dict[str, Number]) -> Number:
    """Return the value of a part; every part must be finite and of modest size.

    0·∞ and powers of thousands of digits say nothing about rendering.
    """
    if isinstance(node, ast.Constant):
        return node.value  # type: ignore[return-value]
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.UnaryOp):
        operand = _part_value(node.operand, values)
        value = -operand if isinstance(node.op, ast.USub) else +operand
    elif isinstance(node, ast.BinOp):
        left, right = _part_value(node.left, values), _part_value(node.right, values)
        if isinstance(node.op, ast.Pow) and abs(right) > 40:
            raise OverflowError
        if isinstance(node.op, ast.Pow):
            _require_off_the_branch_cut(left)
        if isinstance(node.op, ast.FloorDiv | ast.Mod) and not (isinstance(left, int) and isinstance(right, int)):
            _require_apart_from_whole(left / right)
        value = _PYTHON[type(node.op)](left, right)
    else:
        assert isinstance(node, ast.Call)
        arguments = [_part_value(argument, values) for argument in node.args]
        name = ast.unparse(node.func)
        if name == "pow":
            _require_off_the_branch_cut(arguments[0])
        if name in ("floor", "ceil") and not isinstance(arguments[0], int):
            _require_apart_from_whole(arguments[0])
        if name in ("factorial", "pow") and abs(arguments[-1]) > 40:
            raise OverflowError
        value = _LIBRARY[name](*arguments)  # type: ignore[operator]
    if isinstance(value, bool) or not _modest(value):
        raise OverflowError
    return value


def _require_off_the_branch_cut(base: Number) -> None:
    """Leave out a power whose side of the branch cut the sign of a zero decides, which nobody writes."""
    if isinstance(base, complex) and base.imag == 0 and base.real < 0:
        raise OverflowError


def _require_apart_from_whole(value: Number) -> None:
    """Leave out a value so near to a whole number that its floor depends on rounding and not on how it is read."""
    if isinstance(value, complex):
        raise TypeError("a complex number has no floor")
    if abs(value - round(value)) <= 1e-9 * max(1, abs(value)):
        raise OverflowError


def _modest(value: Number) -> bool:
    if isinstance(value, int):
        return abs(value) < 10**50
    if not cmath.isfinite(value) or abs(value) > 1e150 or 0 < abs(value) < 1e-150:
        return False
    parts = (value.real, value.imag) if isinstance(value, complex) else (value,)
    # A negative zero picks the other side of a branch cut, and is written 0 like any zero.
    return not any(part == 0 and math.copysign(1, part) < 0 for part in parts)


def failures(case: Case) -> list[Failure]:
    """Return what is wrong with the rendering of a case: crashes, unreadable forms, wrong values."""
    expected = _python_value(case)
    assert expected is not None
    try:
        rendered = render(f"{PREAMBLE}y = {case.expression}", dict(case.values), precision=17)
    except Exception as error:
        return [Failure(case, "crash", repr(error))]
    row = rendered.rows[-1]
    found = []
    names = {SYMBOLS[name]: value for name, value in case.values.items()}
    # A form that would only repeat the next one is left out of a row; the next one then stands for it.
    forms = {
        "symbolic": (row.symbolic or row.substituted or row.result, names | {"i": 1j}),
        "substituted": (row.substituted or row.result, {"i": 1j}),
        "result": (row.result, {"i": 1j}),
    }
    for name, (latex, known) in forms.items():
        try:
            value = evaluate(read(latex), known)
        except UnreadableError as error:
            found.append(Failure(case, f"{name} unreadable", f"{latex}: {error}"))
            continue
        except (ArithmeticError, ValueError, TypeError) as error:
            found.append(Failure(case, f"{name} wrong", f"{latex}: {error!r}, expected {expected!r}"))
            continue
        if not close(value, expected):
            found.append(Failure(case, f"{name} wrong", f"{latex} is {value!r}, expected {expected!r}"))
    return found


def close(value: Number, expected: Number) -> bool:
    """Tell whether two values agree to what 17 figures and one rounding for each operation leave."""
    if isinstance(value, int) and isinstance(expected, int):
        return value == expected
    return cmath.isclose(value, expected, rel_tol=1e-9, abs_tol=0)
