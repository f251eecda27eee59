"""``fast_callable`` on random formulas, each written beside its value and its derivative in NumPy."""

from __future__ import annotations

import contextlib
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import sympy as sp
from numpy.typing import NDArray
from scipy import special

from kernels.math import CompileError, fast_callable, lambdify
from kernels.math.callables import IS_COMPILED

Floats = NDArray[np.float64]
VARIABLES = sp.symbols("x y z", real=True)  # SymPy decides far more quickly what real formulas are
POINTS = 12


@dataclass(frozen=True)
class Formula:
    """A formula, its values at some points, and its derivatives there (one row per variable)."""

    expr: Any
    value: Any
    slope: Any

    def through(self, expr: Any, value: Any, factor: Any) -> Formula:
        """A function of this formula, with the function's derivative."""
        return Formula(expr, value, factor * self.slope)


def chosen(condition: Any, truth: NDArray[np.bool_], a: Formula, b: Formula) -> Formula:
    expr = sp.Piecewise((a.expr, condition), (b.expr, True), evaluate=False)
    return Formula(expr, np.where(truth, a.value, b.value), np.where(truth, a.slope, b.slope))


def formula(rng: np.random.Generator, points: Any, depth: int, smooth: bool = True) -> Formula:
    """A formula that is defined and moderate at all points."""
    if depth == 0:
        if rng.random() < 0.25:
            number = float(np.round(rng.uniform(-2, 2), 2))
            return Formula(sp.Float(number), np.full(POINTS, number), np.zeros((3, POINTS)))
        which = int(rng.integers(3))
        slope = np.zeros((3, POINTS))
        slope[which] = 1
        return Formula(VARIABLES[which], points[which], slope)
    a = formula(rng, points, depth - 1, smooth)
    b = formula(rng, points, int(rng.integers(depth)), smooth)
    u, v, p, q = a.expr, b.expr, a.value, b.value
    square = 1 + p * p
    made: list[Callable[[], Formula]] = [
        lambda: Formula(u + v, p + q, a.slope + b.slope), lambda: Formula(u - 2 * v, p - 2 * q, a.slope - 2 * b.slope),
        lambda: Formula(u * v, p * q, q * a.slope + p * b.slope),
        lambda: Formula(v / (1 + u**2), q / square, (b.slope - 2 * p * q / square * a.slope) / square),
        lambda: a.through(u**3 - 2 * u + 1, p**3 - 2 * p + 1, 3 * p * p - 2),
        lambda: a.through(sp.sin(u), np.sin(p), np.cos(p)), lambda: a.through(sp.cos(u), np.cos(p), -np.sin(p)),
        lambda: a.through(sp.exp(-(u**2)), np.exp(-p * p), -2 * p * np.exp(-p * p)),
        lambda: a.through(sp.tanh(u), np.tanh(p), 1 - np.tanh(p) ** 2),
        lambda: a.through(sp.atan(u), np.arctan(p), 1 / square),
        lambda: a.through(sp.asinh(u), np.arcsinh(p), square**-0.5),
        lambda: a.through(sp.sqrt(1 + u**2), np.sqrt(square), p / np.sqrt(square)),
        lambda: a.through((1 + u**2) ** sp.Rational(-3, 2), square**-1.5, -3 * p * square**-2.5),
        lambda: a.through(sp.log(1 + u**2), np.log(square), 2 * p / square),
        lambda: a.through(sp.erf(u), special.erf(p), 2 / math.sqrt(math.pi) * np.exp(-p * p)),
        lambda: a.through(sp.sinh(sp.tanh(u)), np.sinh(np.tanh(p)), np.cosh(np.tanh(p)) * (1 - np.tanh(p) ** 2)),
        lambda: Formula((2 + sp.sin(u)) ** sp.cos(v), *power(2 + np.sin(p), np.cos(p) * a.slope, np.cos(q),
                                                            -np.sin(q) * b.slope)),
        lambda: Formula(sp.atan2(1 + u**2, v), np.arctan2(square, q),
                        (2 * p * q * a.slope - square * b.slope) / (square**2 + q * q)),
    ]  # fmt: skip
    broken: list[Callable[[], Formula]] = [
        lambda: a.through(sp.Abs(u), np.abs(p), np.sign(p)),
        lambda: Formula(sp.Min(u, v), np.minimum(p, q), np.where(p < q, a.slope, b.slope)),
        lambda: Formula(sp.Max(u, v), np.maximum(p, q), np.where(p > q, a.slope, b.slope)),
        lambda: Formula(sp.Mod(u, 2), np.mod(p, 2), a.slope),
        lambda: a.through(u * sp.sign(v), p * np.sign(q), np.sign(q)),
        lambda: a.through(u - sp.floor(v), p - np.floor(q), 1.0), lambda: chosen(u > v, p > q, a, b),
        lambda: chosen(sp.And(u > 0, v <= 1), (p > 0) & (q <= 1), b, a),
        lambda: chosen(sp.Or(u < -1, sp.Ge(v, u)), (p < -1) | (q >= p), a, b),
        lambda: chosen(sp.Not(sp.And(u < v, u > -v)), ~((p < q) & (p > -q)), a, b),
    ]  # fmt: skip
    choices = made if smooth else made + broken
    return choices[rng.integers(len(choices))]()


def power(base: Floats, base_slope: Floats, exponent: Floats, exponent_slope: Floats) -> tuple[Floats, Floats]:
    value = base**exponent
    return value, value * (exponent_slope * np.log(base) + exponent / base * base_slope)


def some_points(rng: np.random.Generator) -> Floats:
    return rng.uniform(-1.5, 1.5, (3, POINTS))


def random_formula(rng: np.random.Generator, points: Floats) -> Formula:
    """One that SymPy leaves real, and whose pieces do not meet at the points."""
    while True:
        made = formula(rng, points, int(rng.integers(1, 4)), bool(rng.random() < 0.5))
        if not made.expr.has(sp.nan, sp.zoo, sp.oo, sp.I) and np.isfinite(made.slope).all():
            return made


def close(ours: object, expected: Floats, scale: float = 1e-9) -> None:
    np.testing.assert_allclose(ours, expected, rtol=scale, atol=scale)


def test_values_gradients_and_jacobians_are_those_of_dual_numbers(cases: int, rng: np.random.Generator) -> None:
    for case in range(cases):
        points = some_points(rng)
        made = random_formula(rng, points)
        f = fast_callable(made.expr, VARIABLES, cse=bool(case % 5))
        gradient = f.gradient()
        close(f(*points), made.value)
        close(gradient(*points), made.slope)
        single = points[:, 3].tolist()
        close(f(*single), made.value[3])
        close(gradient(*single), made.slope[:, 3])
        if case % 4 == 0:
            other = random_formula(rng, points)
            pair = fast_callable([made.expr, other.expr], VARIABLES)
            close(pair.jacobian()(*points), np.array([made.slope, other.slope]))
            close(pair.jacobian()(*single), np.array([made.slope[:, 3], other.slope[:, 3]]))


def test_all_ways_to_call_a_formula_agree(level: str, cases: int, rng: np.random.Generator) -> None:
    for case in range(max(1, cases // 2)):  # on every instruction set
        points = some_points(rng)
        made = random_formula(rng, points)
        f = fast_callable(made.expr, VARIABLES)
        expected = f(*points)
        again = pickle.loads(pickle.dumps(f))
        assert again.spec == f.spec
        np.testing.assert_array_equal(again(*points), expected)
        np.testing.assert_array_equal(lambdify(VARIABLES, made.expr)(*points), expected)
        rows, columns = int(rng.integers(1, 40)), int(rng.integers(1, 40))
        a, b = rng.uniform(-1.5, 1.5, (rows, 2 * columns))[:, ::2], rng.uniform(-1.5, 1.5, columns)
        whole = np.array(
            [f(*v) for v in ((p, q, 0.5) for row in a.tolist() for p, q in zip(row, b.tolist(), strict=True))]
        )
        out = np.full((rows + 2, columns + 3), 7.0)
        target = out[1:-1, 1:-2]
        assert f(a, b, 0.5, out=target) is target
        close(target.ravel(), whole, 1e-10)
        np.testing.assert_array_equal(f(a, b, 0.5), target)
        target[...] = 7.0
        assert (out == 7.0).all()
        if case % 3 == 0:  # in place, and over a shifted part of itself
            c = np.linspace(-1, 1, 50)
            plain, shifted = c.copy(), np.append(c, 0.0)
            f(plain, 0.25, plain, out=plain)
            f(shifted[:-1], 0.25, shifted[:-1], out=shifted[1:])
            np.testing.assert_array_equal(plain, f(c, 0.25, c))
            np.testing.assert_array_equal(shifted[1:], plain)
            pair = fast_callable([made.expr, made.expr + 1], VARIABLES)
            first, second = np.empty(POINTS), np.empty(POINTS)
            pair(*points, out=[first, second])
            close(np.array([first, second]), np.array([expected, expected + 1]))


@pytest.mark.skipif(not IS_COMPILED, reason="needs the compiled extension")
def test_low_level_callables_integrate_to_the_same_bits(cases: int, rng: np.random.Generator) -> None:
    for _ in range(cases):
        made = random_formula(rng, some_points(rng))
        f = fast_callable(made.expr, VARIABLES)
        arguments = (-1.0, float(rng.uniform(0, 1)), tuple(rng.uniform(-1, 1, 2).tolist()))
        assert scipy.integrate.quad(f.low_level_callable(), *arguments, limit=3, full_output=1)[:2] == (
            scipy.integrate.quad(f, *arguments, limit=3, full_output=1)[:2]
        )  # fmt: skip


def complex_formula(rng: np.random.Generator, points: Any, depth: int) -> tuple[Any, Any, Any]:
    """A formula of one complex variable, its values, and its derivative (nan where it has none)."""
    if depth == 0:
        if rng.random() < 0.3:
            a, b = (float(v) for v in np.round(rng.uniform(-1, 1, 2), 2))
            return a + b * sp.I, np.full(POINTS, complex(a, b)), np.zeros(POINTS)
        return sp.Symbol("z"), points, np.ones(POINTS)
    (u, p, du), (v, q, dv) = (
        complex_formula(rng, points, depth - 1),
        complex_formula(rng, points, int(rng.integers(depth))),
    )
    made: list[Callable[[], tuple[Any, Any, Any]]] = [
        lambda: (u + v, p + q, du + dv), lambda: (u - v, p - q, du - dv), lambda: (u * v, p * q, du * q + p * dv),
        lambda: (u**2 - u, p**2 - p, (2 * p - 1) * du),
        lambda: (u / (v + 9), p / (q + 9), (du - p * dv / (q + 9)) / (q + 9)),
        lambda: (sp.sin(u), np.sin(p), np.cos(p) * du), lambda: (sp.cos(u), np.cos(p), -np.sin(p) * du),
        lambda: (sp.exp(u / 3), np.exp(p / 3), np.exp(p / 3) / 3 * du),
        lambda: (sp.log(u + 9), np.log(p + 9), du / (p + 9)),
        lambda: (sp.sqrt(u + 9), np.sqrt(p + 9), du / 2 / np.sqrt(p + 9)),
        lambda: ((u + 9) ** sp.Rational(1, 3), (p + 9) ** (1 / 3), du / 3 * (p + 9) ** (-2 / 3)),
        lambda: (sp.sinh(u / 2) + sp.cosh(u / 2), np.exp(p / 2), np.exp(p / 2) / 2 * du),
        lambda: (sp.conjugate(u), np.conj(p), np.nan * p), lambda: (sp.re(u) + sp.I * v, p.real + 1j * q, np.nan * p),
        lambda: (sp.Abs(u) * v, np.abs(p) * q, np.nan * p),
    ]  # fmt: skip
    return made[rng.integers(len(made))]()


def test_complex_formulas_and_their_derivatives(cases: int, rng: np.random.Generator) -> None:
    for _ in range(cases):
        points = rng.uniform(-1, 1, POINTS) + 1j * rng.uniform(-1, 1, POINTS)
        try:
            expr, value, slope = complex_formula(rng, points, int(rng.integers(1, 4)))
        except RecursionError:  # SymPy loses its way in real parts of powers
            continue
        if not np.isfinite(value).all() or np.abs(value).max() > 1e6:
            continue
        f = fast_callable(expr, ("z",), domain=complex)
        close(f(points), value)
        single = complex(points[5])
        assert isinstance(f(single), complex)
        close(f(single), value[5])
        out = np.empty(POINTS, dtype=complex)
        assert f(points, out=out) is out
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(f))(points), out)
        if not np.isnan(slope).any():
            close(f.gradient()(points)[0], slope)
        else:
            with contextlib.suppress(CompileError):  # unless SymPy has found it constant
                f.gradient()


@pytest.mark.parametrize("text", ["Abs(z)", "conjugate(z)*z", "re(z) + z", "arg(z)", "exp(Abs(z))"])
def test_what_has_no_complex_derivative_is_named(text: str) -> None:
    with pytest.raises(CompileError):
        fast_callable(text, ("z",), domain=complex).gradient()


SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, -5e-324, 1e308, -1e308, 1.0, -1.0, 0.5]


@pytest.fixture(scope="module")
def pieces() -> list[tuple[Any, Callable[[float, float], bool], Callable[[float, float], bool]]]:
    """1/x, sqrt(y) or 3 under two conditions, with the conditions in Python."""
    x, y, _ = VARIABLES
    relations: list[tuple[Any, Callable[[float, float], bool]]] = [
        (sp.Lt(x, y), lambda a, b: a < b), (sp.Le(x, y), lambda a, b: a <= b), (sp.Gt(x, y), lambda a, b: a > b),
        (sp.Ge(x, y), lambda a, b: a >= b), (sp.Eq(x, y), lambda a, b: a == b), (sp.Ne(x, y), lambda a, b: a != b),
        (sp.And(x > 0, y > 0), lambda a, b: a > 0 and b > 0), (sp.Or(x > 0, y > 0), lambda a, b: a > 0 or b > 0),
    ]  # fmt: skip
    made = [
        (sp.Piecewise((1 / x, p), (sp.sqrt(y), q), (3, True)), q, first, second)
        for p, first in relations
        for q, second in relations
    ]  # SymPy takes x >= y for true where x < y is not, which nan denies; those are left out
    kept = [(expr, first, second) for expr, q, first, second in made if len(expr.args) == 3 and expr.args[1].cond == q]
    assert len(kept) > 40
    return kept


def test_pieces_at_special_values_follow_python(
    level: str, pieces: list[tuple[Any, Any, Any]], cases: int, rng: np.random.Generator
) -> None:
    """Comparisons with nan are false, 0 equals -0, and a piece that is not taken leaves no trace."""
    programs = [(fast_callable(expr, VARIABLES[:2]), first, second) for expr, first, second in pieces[:cases]]
    for case in range(cases):
        f, first, second = programs[case % len(programs)]
        points = np.where(rng.random((2, 20)) < 0.7, rng.choice(SPECIAL, (2, 20)), rng.normal(size=(2, 20)))
        with np.errstate(all="ignore"):
            taken = [first(*p) for p in points.T], [second(*p) for p in points.T]
            expected = np.where(taken[0], 1 / points[0], np.where(taken[1], np.sqrt(points[1]), 3.0))
        np.testing.assert_array_equal(f(*points), expected)
        np.testing.assert_array_equal(f(*points[:, 7].tolist()), expected[7])
