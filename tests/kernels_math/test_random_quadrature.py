"""``quadrature`` on random formulas: closed integrals, and roots that were planted."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import scipy.integrate
import sympy as sp
from numpy.typing import NDArray

from kernels.math import ConvergenceError, DomainError, FastCallable, fast_callable, quadrature

Floats = NDArray[np.float64]
DEGREE = 5
x = sp.Symbol("x")
POLYNOMIAL = fast_callable(" + ".join(f"c{k}*x**{k}" for k in range(DEGREE + 1)), ["x", *(f"c{k}" for k in range(6))])
PLANE = fast_callable("c0*cos(c1*x)*exp(c2*y) + c3*x*y**2", ("x", "y", "c0", "c1", "c2", "c3"))
CUBE = fast_callable("c*x*y*z + x**2 - z", ("x", "y", "z", "c"))


def value(coefficients: Sequence[float], a: float, b: float) -> float:
    """The integral of a polynomial."""
    antiderivative = [0.0, *(c / (k + 1) for k, c in enumerate(coefficients))]
    whole: Floats = np.polynomial.polynomial.polyval([a, b], antiderivative)
    return float(whole[1] - whole[0])


def test_integrals_of_random_polynomials_are_exact(cases: int, rng: np.random.Generator) -> None:
    for _ in range(cases):
        c, (a, b) = rng.normal(size=DEGREE + 1).tolist(), rng.uniform(-3, 3, 2).tolist()
        scale = sum(abs(v) * 3.0 ** (k + 1) for k, v in enumerate(c))
        found, error = quadrature.quad(POLYNOMIAL, a, b, c)
        assert abs(found - value(c, a, b)) <= 1e-13 * scale
        assert error >= 0
        assert quadrature.quad(POLYNOMIAL, b, a, c)[0] == pytest.approx(-found, abs=1e-13 * scale)
        middle = [a + (b - a) * v for v in rng.random(2)]
        with_points = quadrature.quad(POLYNOMIAL, a, b, c, points=middle)[0]
        assert abs(with_points - found) <= 1e-13 * scale


def test_integrals_of_formulas_read_anew_are_exact(cases: int, rng: np.random.Generator) -> None:
    for _ in range(max(1, cases // 10)):  # SymPy takes milliseconds to build each
        p, q = (float(np.round(v, 3)) for v in rng.uniform(0.1, 3, 2))
        a, b = sorted(rng.uniform(-2, 2, 2).tolist())
        found = quadrature.quad(p * sp.exp(-q * x) + sp.cos(p * x), a, b)[0]
        exact = p / q * (math.exp(-q * a) - math.exp(-q * b)) + (math.sin(p * b) - math.sin(p * a)) / p
        assert found == pytest.approx(exact, rel=1e-11, abs=1e-11)


INFINITE = [
    ("exp(-p*(x - q))", lambda p, q: (q, math.inf), lambda p, q: 1 / p),
    ("exp(-p*(x - q)**2)", lambda p, q: (-math.inf, math.inf), lambda p, q: math.sqrt(math.pi / p)),
    ("1/((x - q)**2 + p**2)", lambda p, q: (-math.inf, math.inf), lambda p, q: math.pi / p),
    ("1/((x - q)**2 + p**2)", lambda p, q: (q, math.inf), lambda p, q: math.pi / p / 2),
    ("1/((x - q)**2 + p**2)", lambda p, q: (-math.inf, q + p), lambda p, q: 0.75 * math.pi / p),
    ("(x - q)*exp(p*(x - q))", lambda p, q: (-math.inf, q), lambda p, q: -1 / p**2),
    ("log(x)/x**(1 + p)", lambda p, q: (1, math.inf), lambda p, q: 1 / p**2),
]  # fmt: skip
SINGULAR = [
    ("x**(p - 1) + 0*q", lambda p, q: (0, 1), lambda p, q: 1 / p),
    ("1/sqrt(Abs(x - q))", lambda p, q: (q - p, q + 4 * p), lambda p, q: 6 * math.sqrt(p)),
    ("1/(x**2 + p**2) + 0*q", lambda p, q: (-q, q), lambda p, q: 2 * math.atan(q / p) / p),
    ("1/((x + p)*(x + q + 4))", lambda p, q: (0, 5),
     lambda p, q: math.log((5 + p) * (q + 4) / (p * (q + 9))) / (q + 4 - p)),
]  # fmt: skip


def test_improper_and_rational_integrals_are_exact(cases: int, rng: np.random.Generator) -> None:
    compiled = [(fast_callable(f, ("x", "p", "q")), ends, exact) for f, ends, exact in INFINITE + SINGULAR]
    for case in range(cases):
        f, ends, exact = compiled[case % len(compiled)]
        p, q = float(rng.uniform(0.3, 3)), float(rng.uniform(-2, 2))
        options = {"points": [q]} if f is compiled[len(INFINITE) + 1][0] else {}
        found = quadrature.quad(f, *ends(p, q), args=(p, q), epsabs=1e-10, limit=200, **options)[0]
        assert found == pytest.approx(exact(p, q), rel=2e-7), (f.expr, p, q)


def test_weights_are_scipys(cases: int, rng: np.random.Generator) -> None:
    for _ in range(cases):
        c, w = rng.normal(size=DEGREE + 1).tolist(), float(rng.uniform(0.5, 6))
        a, b = sorted(rng.uniform(-2, 2, 2).tolist())
        b += 0.1
        weights = [("cos", w), ("sin", w), ("alg", tuple(rng.uniform(-0.5, 1, 2))), ("cauchy", a + 0.4 * (b - a))]
        weight, wvar = weights[rng.integers(4)]
        ours = quadrature.quad(POLYNOMIAL, a, b, c, weight=weight, wvar=wvar)

        def same(v: float, c: list[float] = c) -> float:
            return float(np.polynomial.polynomial.polyval(v, c))

        theirs = scipy.integrate.quad(same, a, b, weight=weight, wvar=wvar)
        scale = sum(abs(v) * 3.0 ** (k + 1) for k, v in enumerate(c)) * 10
        assert ours[0] == pytest.approx(theirs[0], rel=1e-9, abs=1e-12 * scale)


def test_multiple_integrals_are_products_and_iterated_integrals(cases: int, rng: np.random.Generator) -> None:
    for case in range(cases):
        (a, b), (d, e) = (sorted(pair) for pair in rng.uniform(-2, 2, (2, 2)).tolist())
        c = rng.uniform(0.2, 2, 4).tolist()
        if case % 4:
            found = quadrature.nquad(PLANE, [(a, b), (d, e)], c)[0]
            cosines = c[0] * (math.sin(c[1] * b) - math.sin(c[1] * a)) / c[1]
            exponentials = (math.exp(c[2] * e) - math.exp(c[2] * d)) / c[2]
            exact = cosines * exponentials + c[3] * (b**2 - a**2) / 2 * (e**3 - d**3) / 3
        elif case % 40:  # over the triangle 0 <= x <= e*(1 - y/b)
            found = quadrature.nquad("x*y*k", [lambda y, k: (0, 2 * (1 - y / 3)), (0, 3)], c[:1], ("x", "y", "k"))[0]
            exact = c[0] * 4 * 9 / 24
        else:  # three integrals cost 10,000 values
            found = quadrature.nquad(CUBE, [(a, b), (d, e), (0, 1)], c[:1])[0]
            exact = c[0] * (b**2 - a**2) * (e**2 - d**2) / 8 + (b**3 - a**3) / 3 * (e - d) - (b - a) * (e - d) / 2
        assert found == pytest.approx(exact, rel=1e-10, abs=1e-10)


def planted(rng: np.random.Generator, count: int, apart: float) -> Floats:
    """Roots in [-2, 2] in order with at least this distance."""
    while True:
        roots = np.sort(rng.uniform(-2, 2, count))
        if count < 2 or np.diff(roots).min() > apart:
            return roots


PRODUCT = fast_callable(
    "k*(x - a)*(x - b)*(x - c)*(1 + x**2/4)*exp(x/3)", ("x", "a", "b", "c", "k")
)  # fmt: skip


def product_of(roots: Floats, multiplicities: Sequence[int], factor: float) -> FastCallable:
    """A formula with these roots only; the square keeps SymPy from multiplying the factor into a single bracket."""
    brackets = ((x - sp.Float(r, 17)) ** m for r, m in zip(roots.tolist(), multiplicities, strict=True))
    return fast_callable(sp.Mul(sp.Float(factor), 1 + x**2, *brackets), (x,))


def test_find_root_finds_a_planted_root(cases: int, rng: np.random.Generator) -> None:
    for case in range(cases):
        roots = planted(rng, int(rng.integers(1, 4)), 0.05)
        f = product_of(roots, [1, 3, 1][: len(roots)], float(rng.choice([1, -1])) * 10 ** rng.uniform(-120, 100))
        low, high = -2.1, 2.1
        if case % 3 == 1:  # a root at an end
            low, high = float(roots[0]), float(roots[0]) + 0.02
        elif case % 3 == 2:
            low, high = high, low
        found = quadrature.find_root(f, low, high)
        assert isinstance(found, float)
        assert np.abs(found - roots).min() < (1e-9 if len(roots) == 1 else 1e-4)
        outside = float(roots[-1]) + 1e-6
        with pytest.raises(DomainError, match="no change of sign"):
            quadrature.find_root(f, outside, outside + 1)
        if case % 10 == 0:
            with pytest.raises(DomainError, match="only poles"):
                quadrature.find_root(1 / (x - float(roots[0])) + x, float(roots[0]) - 1e-3, float(roots[0]) + 1e-3)


def test_find_all_roots_finds_every_planted_root_and_no_other(cases: int, rng: np.random.Generator) -> None:
    for case in range(cases):
        roots = planted(rng, int(rng.integers(0, 5)), 0.05)
        multiplicities = rng.choice([1, 1, 2, 3], len(roots)).tolist()
        if len(roots) and case % 3 == 0:  # the ends are roots, or a root stands hard by an end
            low, high = float(roots[0]), float(roots[-1]) + (1e-3 if len(roots) == 1 else 0)
            multiplicities[0] = multiplicities[-1] = 1
        elif len(roots) and case % 3 == 1:
            low, high = float(roots[0]) - 1e-3, float(roots[-1]) + 1e-3
        else:
            low, high = -2.1, 2.1
        f = product_of(roots, multiplicities, float(rng.choice([1, -1])) * 10 ** rng.uniform(-120, 100))
        found = quadrature.find_all_roots(f, low, high, samples=1500)
        assert len(found) == len(roots), (f.expr, found)
        assert (np.diff(found) > 0).all()
        exact = np.array(multiplicities) == 1
        np.testing.assert_allclose(found[exact], roots[exact], rtol=0, atol=1e-9)
        np.testing.assert_allclose(found, roots, rtol=0, atol=1e-4)


def brackets(rng: np.random.Generator, size: int) -> tuple[tuple[Floats, ...], Floats, Floats]:
    """Parameters of `PRODUCT` and, for each, ends of an interval with its middle root alone."""
    roots = np.array([planted(rng, 3, 0.2) for _ in range(size)]).T
    left, right = (roots[1] + part * (roots[i] - roots[1]) for part, i in zip(rng.uniform(0, 0.9, (2, size)), (0, 2),
                                                                             strict=True))  # fmt: skip
    at_end = rng.random((2, size)) < 0.1
    left, right = np.where(at_end[0], roots[1], left), np.where(at_end[1], roots[1], right)
    swapped = rng.random(size) < 0.3
    factor = rng.choice([1, -1], size) * 10 ** rng.uniform(-150, 150, size)
    return (*roots, factor), np.where(swapped, right, left), np.where(swapped, left, right)


def test_brentq_finds_the_bracketed_root_for_every_parameter(cases: int, rng: np.random.Generator) -> None:
    for _ in range(max(1, cases // 50)):
        parameters, low, high = brackets(rng, 50)
        found = quadrature.brentq(PRODUCT, low, high, parameters)
        np.testing.assert_allclose(found, parameters[1], rtol=0, atol=4e-12)
        one = [p[7] for p in parameters]
        assert quadrature.brentq(PRODUCT, low[7], high[7], one) == pytest.approx(one[1], abs=4e-12)
        hidden = low.copy()
        high[3], hidden[3] = parameters[2][3] + 1, parameters[2][3] + 1e-9
        with pytest.raises(DomainError, match="no change of sign"):
            quadrature.brentq(PRODUCT, hidden, high, parameters)


def test_newton_goes_to_the_near_root_for_every_parameter(cases: int, rng: np.random.Generator) -> None:
    double = fast_callable("k*(x - a)**2*(x + 3 + a**2)", ("x", "a", "k"))
    for _ in range(max(1, cases // 50)):
        parameters, _, _ = brackets(rng, 50)
        start = parameters[1] + rng.uniform(-0.01, 0.01, 50)
        np.testing.assert_allclose(quadrature.newton(PRODUCT, start, parameters), parameters[1], rtol=0, atol=1e-11)
        start[::5] = parameters[1][::5]  # already there
        np.testing.assert_allclose(quadrature.newton(PRODUCT, start, parameters), parameters[1], rtol=0, atol=1e-11)
        a, k = parameters[0].reshape(5, 10), parameters[3].reshape(5, 10)
        assert np.abs(quadrature.newton(double, a + 0.1, (a, k)) - a).max() < 1e-6
        assert (quadrature.newton(double, a, (a, k)) == a).all()
    with pytest.raises(ConvergenceError):  # an infinite slope is no root
        quadrature.newton("sqrt(x) + 1", 0.0)


def failing(value: float) -> float:
    raise RuntimeError("broken callback")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: quadrature.quad("a*x", 0, 1, variables=("x", "a")), "needs 1 variables"),
        (lambda: quadrature.quad("x", 0, 1, (2.0,), ("x",)), "needs 2 variables"),
        (lambda: quadrature.nquad("x*y", [(0, 1)], variables=("x", "y")), "needs 1 variables"),
        (lambda: quadrature.find_root("x*y", 0, 1), "needs 1 variables"),
        (lambda: quadrature.newton("x*y", 0.0), "needs 1 variables"),
        (lambda: quadrature.find_root("1", 0, 1), "no change of sign"),
        (lambda: quadrature.find_root("x", -math.inf, 1), "finite"),
        (lambda: quadrature.brentq("x", -math.inf, 1), "finite"),
        (lambda: quadrature.brentq("x", -1, math.nan), "finite"),
        (lambda: quadrature.brentq("x", -1, 1, xtol=0), "xtol"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(call: object, message: str) -> None:
    with pytest.raises(DomainError, match=message):
        call()  # type: ignore[operator]


def test_constants_empty_arrays_and_broken_functions() -> None:
    assert quadrature.quad("2", 0, 3)[0] == pytest.approx(6)
    assert quadrature.find_all_roots("3", 0, 1).size == 0
    assert quadrature.brentq("x - a", np.empty(0), 1.0, (np.empty(0),), ("x", "a")).shape == (0,)
    assert quadrature.newton("x - a", np.empty((0, 2)), (1.0,), ("x", "a")).shape == (0, 2)
    broken = fast_callable(sp.Function("g")(x), (x,), functions={"g": failing})
    for call in (quadrature.quad, quadrature.find_root):
        with pytest.raises(RuntimeError, match="broken callback"):
            call(broken, 0, 1)
