"""Notations of ordinary functions: roots, bars, powers, and functions written upright before their argument."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from handcalc.tex import APPLIED, ATOM, FRACTION, MOD, NEG, POWER, PRODUCT, SCALED, SUM, Tex, parenthesised

if TYPE_CHECKING:
    from handcalc.walker import Walker

Form = Callable[["Walker", ast.Call], "Tex | None"]


def _applied(macro: str) -> Form:
    def write(walker: Walker, node: ast.Call) -> Tex | None:
        array = any(walker(argument).array for argument in node.args)
        return Tex(f"{macro}{walker.arguments(node)}", APPLIED, array)

    return write


def _one(build: Callable[[Tex], Tex]) -> Form:
    """Return the form of a function of exactly one argument."""

    def write(walker: Walker, node: ast.Call) -> Tex | None:
        if len(node.args) != 1:
            return None
        argument = walker(node.args[0])
        built = build(argument)
        return built._replace(array=True) if argument.array else built

    return write


def _two(build: Callable[[Walker, Tex, Tex], Tex]) -> Form:
    """Return the form of a function of exactly two arguments."""

    def write(walker: Walker, node: ast.Call) -> Tex | None:
        if len(node.args) != 2:
            return None
        return build(walker, walker(node.args[0]), walker(node.args[1]))

    return write


def _logarithm(walker: Walker, node: ast.Call) -> Tex | None:
    if len(node.args) == 1:
        return _applied(r"\ln")(walker, node)
    if len(node.args) == 2:
        value, base = (walker(argument) for argument in node.args)
        return Tex(rf"\log_{{{base.latex}}}{parenthesised(value.latex)}", APPLIED)
    return None


def _indexed(letter: str) -> Form:
    """Return the form of a function whose order is a subscript, such as a Bessel function."""
    return _two(lambda walker, order, value: Tex(f"{letter}_{{{order.latex}}}{parenthesised(value.latex)}", APPLIED))


def _power(walker: Walker, base: Tex, exponent: Tex) -> Tex:
    if base.array or exponent.array:
        return Tex(rf"{base.at(ATOM)}^{{\circ {exponent.at(ATOM)}}}", POWER, True)
    return Tex(f"{base.at(ATOM)}^{{{exponent.latex}}}", POWER)


def _absolute(argument: Tex) -> Tex:
    return Tex(rf"\left|{argument.latex}\right|")


def _exponential(base: str) -> Callable[[Tex], Tex]:
    def build(exponent: Tex) -> Tex:
        circle = r"\circ " if exponent.array else ""
        shown = exponent.at(ATOM) if exponent.array else exponent.latex
        return Tex(f"{base}^{{{circle}{shown}}}", POWER)

    return build


def _solve(walker: Walker, matrix: Tex, right: Tex) -> Tex:
    return Tex(rf"{matrix.at(ATOM)}^{{-1}} \cdot {right.at(PRODUCT)}", PRODUCT)


def _hypotenuse(walker: Walker, a: Tex, b: Tex) -> Tex:
    return Tex(rf"\sqrt{{{a.at(ATOM)}^{{2}} + {b.at(ATOM)}^{{2}}}}", APPLIED)


def _contents(walker: Walker, node: ast.Call) -> Tex | None:
    """Return a matrix as it is written, for ``array([[1, 2], [3, 4]])``."""
    if len(node.args) != 1:
        return None
    rows = node.args[0]
    if isinstance(rows, ast.List) and rows.elts and all(isinstance(row, ast.List) for row in rows.elts):
        grid = [[walker(item) for item in row.elts] for row in rows.elts if isinstance(row, ast.List)]
        if len({len(row) for row in grid}) == 1 and len(grid) <= walker.options.max_items >= len(grid[0]):
            return walker.values.rows([[item.latex for item in row] for row in grid])
        return None
    if isinstance(rows, ast.List) and 0 < len(rows.elts) <= walker.options.max_items:
        if any(isinstance(item, ast.Starred) for item in rows.elts):
            return None
        row = walker.values.rows([[walker(item).latex for item in rows.elts]])
        return Tex(rf"{row.latex}^{{\mathsf{{T}}}}", POWER, True)
    if isinstance(rows, ast.Name | ast.Attribute):
        return walker(rows)._replace(array=True)
    return None


_MACROS = ["sin", "cos", "tan", "sinh", "cosh", "tanh", "cot", "sec", "csc", "coth", "min", "max", "arg", "det"]
_UPRIGHT = [
    *("erf", "erfc", "erfi", "erfinv", "sinc", "degrees", "radians", "deg2rad", "rad2deg", "gcd", "lcm", "round"),
    *("trunc", "sign", "mean", "median", "std", "var", "trace", "diag", "argmin", "argmax", "average", "interp"),
    *("clip", "where", "linspace", "arange", "copysign", "fmod", "remainder", "float", "int", "len", "trapezoid"),
]
_INVERSES = {
    **{name: rf"\arc{name[1:]}" for name in ("asin", "acos", "atan")},
    **{name: rf"\{name}" for name in ("arcsin", "arccos", "arctan")},
    **{f"{prefix}{name}h": rf"\operatorname{{ar{name}h}}" for prefix in ("a", "arc") for name in ("sin", "cos", "tan")},
}

FORMS: dict[str, Form] = {
    **{name: _applied(rf"\{name}") for name in _MACROS},
    **{name: _applied(rf"\operatorname{{{name}}}") for name in _UPRIGHT},
    **{name: _applied(macro) for name, macro in _INVERSES.items()},
    **{name: _applied(r"\min") for name in ("minimum", "fmin", "amin")},
    **{name: _applied(r"\max") for name in ("maximum", "fmax", "amax")},
    "atan2": _applied(r"\operatorname{atan2}"),
    "arctan2": _applied(r"\operatorname{atan2}"),
    "phase": _applied(r"\arg"),
    "angle": _applied(r"\arg"),
    "re": _applied(r"\operatorname{Re}"),
    "im": _applied(r"\operatorname{Im}"),
    "real": _applied(r"\operatorname{Re}"),
    "imag": _applied(r"\operatorname{Im}"),
    "gamma": _applied(r"\Gamma"),
    "beta": _applied(r"\mathrm{B}"),
    "zeta": _applied(r"\zeta"),
    "lambertw": _applied("W"),
    "log": _logarithm,
    "ln": _logarithm,
    "log10": _applied(r"\log_{10}"),
    "log2": _applied(r"\log_{2}"),
    "log1p": _one(lambda x: Tex(rf"\ln\left(1 + {x.at(PRODUCT)}\right)", APPLIED)),
    "lgamma": _one(lambda x: Tex(rf"\ln\left|\Gamma{parenthesised(x.latex)}\right|", APPLIED)),
    "gammaln": _one(lambda x: Tex(rf"\ln\left|\Gamma{parenthesised(x.latex)}\right|", APPLIED)),
    "exp": _one(_exponential(r"\mathrm{e}")),
    "exp2": _one(_exponential("2")),
    "expm1": _one(lambda x: Tex(f"{_exponential(chr(92) + 'mathrm{e}')(x).latex} - 1", SUM)),
    "sqrt": _one(lambda x: Tex(rf"\sqrt{{{x.latex}}}", APPLIED)),
    "isqrt": _one(lambda x: Tex(rf"\left\lfloor \sqrt{{{x.latex}}} \right\rfloor", ATOM)),
    "cbrt": _one(lambda x: Tex(rf"\sqrt[3]{{{x.latex}}}", APPLIED)),
    "square": _one(lambda x: Tex(f"{x.at(ATOM)}^{{{chr(92) + 'circ ' if x.array else ''}2}}", POWER)),
    "reciprocal": _one(lambda x: Tex(rf"\frac{{1}}{{{x.latex}}}", FRACTION)),
    "abs": _one(_absolute),
    "fabs": _one(_absolute),
    "absolute": _one(_absolute),
    "Abs": _one(_absolute),
    "negative": _one(lambda x: Tex(f"-{x.at(PRODUCT)}", NEG)),
    "floor": _one(lambda x: Tex(rf"\left\lfloor {x.latex} \right\rfloor")),
    "ceil": _one(lambda x: Tex(rf"\left\lceil {x.latex} \right\rceil")),
    "ceiling": _one(lambda x: Tex(rf"\left\lceil {x.latex} \right\rceil")),
    "factorial": _one(lambda x: Tex(f"{x.at(ATOM)}!", APPLIED)),
    "comb": _two(lambda walker, n, k: Tex(rf"\binom{{{n.latex}}}{{{k.latex}}}")),
    "binom": _two(lambda walker, n, k: Tex(rf"\binom{{{n.latex}}}{{{k.latex}}}")),
    "binomial": _two(lambda walker, n, k: Tex(rf"\binom{{{n.latex}}}{{{k.latex}}}")),
    "Fraction": _two(lambda walker, a, b: Tex(rf"\frac{{{a.latex}}}{{{b.latex}}}", FRACTION)),
    "Rational": _two(lambda walker, a, b: Tex(rf"\frac{{{a.latex}}}{{{b.latex}}}", FRACTION)),
    "complex": _two(
        lambda walker, a, b: Tex(rf"{a.at(SUM)} + {b.at(ATOM)}\,\mathrm{{{walker.options.imaginary_unit}}}", SUM)
    ),
    "pow": _two(_power),
    "power": _two(_power),
    "float_power": _two(_power),
    "mod": _two(lambda walker, a, b: Tex(rf"{a.at(FRACTION)} \bmod {b.at(FRACTION)}", MOD)),
    "hypot": _two(_hypotenuse),
    "conj": _one(lambda x: Tex(rf"\overline{{{x.latex}}}")),
    "conjugate": _one(lambda x: Tex(rf"\overline{{{x.latex}}}")),
    "norm": _one(lambda x: Tex(rf"\left\lVert {x.latex} \right\rVert")._replace(array=False)),
    "inv": _one(lambda x: Tex(f"{x.at(ATOM)}^{{-1}}", POWER)),
    "transpose": _one(lambda x: Tex(rf"{x.at(ATOM)}^{{\mathsf{{T}}}}", POWER)),
    "dot": _two(lambda walker, a, b: Tex(rf"{a.at(SCALED)} \cdot {b.at(SCALED)}", PRODUCT)),
    "vdot": _two(lambda walker, a, b: Tex(rf"{a.at(SCALED)} \cdot {b.at(SCALED)}", PRODUCT)),
    "matmul": _two(lambda walker, a, b: Tex(rf"{a.at(SCALED)} \cdot {b.at(SCALED)}", PRODUCT)),
    "cross": _two(lambda walker, a, b: Tex(rf"{a.at(SCALED)} \times {b.at(SCALED)}", PRODUCT)),
    "multiply": _two(lambda walker, a, b: walker.product(a, b, a.array or b.array)),
    "solve": _two(lambda walker, a, b: _solve(walker, a, b)),
    "jv": _indexed("J"),
    "yv": _indexed("Y"),
    "iv": _indexed("I"),
    "kv": _indexed("K"),
    "array": _contents,
    "asarray": _contents,
    "matrix": _contents,
    "Matrix": _contents,
    "MutableDenseMatrix": _contents,
    "ImmutableDenseMatrix": _contents,
}
