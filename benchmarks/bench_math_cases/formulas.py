"""``fast_callable``, its vector kernels, and ``quad``."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import mpmath
import numba
import numexpr
import numpy as np
import scipy.integrate
import sympy as sp
from bench_math_tools import Row, at_most, compare

from kernels.math import fast_callable, quadrature

X, Y = sp.symbols("x y")
TRANSCENDENTAL = "exp(-x**2)*sin(3*y) + cos(x*y)*log(1 + x**2) - tanh(x - y)*exp(y/3)"
POLYNOMIAL = "3*x**4 - 2*x**3*y + x*y**2 - 7*x + y**3 - 1"
KERNEL_RANGES = {"exp": (-700.0, 700.0), "log": (1e-3, 1e6), "sin": (-1000.0, 1000.0), "cos": (-1000.0, 1000.0)}


def formula_of(terms: int) -> sp.Expr:
    """A reproducible sum of transcendental quotients; 28 terms make about 140 operations."""
    chooser = random.Random(1)
    functions = [sp.sin, sp.cos, sp.exp, sp.tanh]
    total = []
    for k in range(terms):
        a, b = chooser.choice((X, Y)), chooser.choice((X, Y))
        total.append(chooser.choice(functions)(a * (k % 7 + 1) / 3 + b) * (b + k % 5) / (1 + a**2))
    return sp.Add(*total)


def rows(quick: bool) -> Iterator[Row]:
    """Rows of the table."""
    rounds = 5 if quick else 15
    expr = formula_of(28)
    size = len(fast_callable(expr, (X, Y)).spec.code)
    yield at_most(f"`fast_callable` compile, {size} operations", lambda: fast_callable(expr, (X, Y)), 1e-3, rounds)
    peers = [
        ("lambdify", lambda: sp.lambdify((X, Y), expr), 10.0),
        ("lambdify, cse", lambda: sp.lambdify((X, Y), expr, cse=True), 10.0),
    ]
    yield from compare("compile", lambda: fast_callable(expr, (X, Y)), peers, 3)
    yield from scalar(rounds)
    for n in (1000, 1_000_000):
        yield from arrays(
            n,
            TRANSCENDENTAL,
            "transcendental",
            {"lambdify numpy": 5.0, "numexpr": 4.0 if n == 1000 else 3.5, "numba.vectorize": 2.0 if n > 1000 else 0.0},
            rounds,
        )
    yield from arrays(
        1_000_000, POLYNOMIAL, "polynomial", {"lambdify numpy": 4.0, "numexpr": 2.5, "numba.vectorize": 0.5}, rounds
    )
    yield from kernels(rounds, 2_000 if quick else 100_000)
    yield from integrals(rounds)


def scalar(rounds: int) -> Iterator[Row]:
    """Calls with two floats."""
    ours = fast_callable(TRANSCENDENTAL, (X, Y))
    plain = sp.lambdify((X, Y), sp.sympify(TRANSCENDENTAL), "math", cse=True)
    jitted = numba.njit(sp.lambdify((X, Y), sp.sympify(TRANSCENDENTAL), "math"))
    peers = [("lambdify math, cse", lambda: plain(1.1, 0.7), 2.5), ("numba.njit", lambda: jitted(1.1, 0.7), 1.2)]
    yield from compare("scalar call", lambda: ours(1.1, 0.7), peers, rounds)


def arrays(n: int, text: str, label: str, bars: dict[str, float], rounds: int) -> Iterator[Row]:
    """Arrays of n elements."""
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-2, 2, (2, n))
    ours, plain = fast_callable(text, (X, Y)), sp.lambdify((X, Y), sp.sympify(text), "numpy")
    vectorized = numba.vectorize(["float64(float64,float64)"])(sp.lambdify((X, Y), sp.sympify(text), "math"))
    names = {"x": a, "y": b}
    calls = {
        "lambdify numpy": lambda: plain(a, b),
        "numexpr": lambda: numexpr.evaluate(text, local_dict=names),
        "numba.vectorize": lambda: vectorized(a, b),
    }
    np.testing.assert_allclose(ours(a, b), plain(a, b), rtol=1e-9, atol=1e-11)
    peers = [(name, calls[name], bar) for name, bar in bars.items()]
    yield from compare(f"{label}, {n:,} elements", lambda: ours(a, b), peers, rounds)


def kernels(rounds: int, points: int) -> Iterator[Row]:
    """Largest error of the vector kernels, and speed against NumPy."""
    rng = np.random.default_rng(1)
    for name, (low, high) in KERNEL_RANGES.items():
        f = fast_callable(f"{name}(x)")
        x = rng.uniform(low, high, points)
        with mpmath.workprec(120):
            exact = [getattr(mpmath, name)(mpmath.mpf(v)) for v in x.tolist()]
            worst = max(
                float(abs(mpmath.mpf(v) - e) / math.ulp(float(e))) for v, e in zip(f(x).tolist(), exact, strict=True)
            )
        yield Row(f"`{name}` kernel error, {points:,} points", "mpmath", "–", f"{worst:.3f} ulp", "≤ 1", worst <= 1)
        data = rng.uniform(low, high, 100_000)
        peer = getattr(np, name)
        bar = 5.0 if name in ("sin", "cos") else 0.0
        yield from compare(
            f"`{name}`, 100,000 elements",
            lambda f=f, d=data: f(d),
            [("NumPy", lambda p=peer, d=data: p(d), bar)],
            rounds,
        )


def integrals(rounds: int) -> Iterator[Row]:
    """QUADPACK on one formula."""
    expr = sp.exp(-X / 5) * sp.cos(7 * X) * sp.log(1 + X**2) / (2 + sp.sin(X) ** 2)
    compiled = fast_callable(expr, (X,))
    plain, array = sp.lambdify(X, expr, "math"), sp.lambdify(X, expr, "numpy")
    peers = [
        ("quad of lambdify math", lambda: scipy.integrate.quad(plain, 0, 10), 5.0),
        ("quad of lambdify numpy", lambda: scipy.integrate.quad(array, 0, 10), 10.0),
    ]
    yield from compare("`quad` of a compiled formula", lambda: quadrature.quad(compiled, 0, 10), peers, rounds)
