"""Accuracy of the vector kernels against mpmath at 120 bits, on every instruction set."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest

from kernels.math import fast_callable
from kernels.math.callables import IS_COMPILED

RANGES = {
    "exp": [(-1, 1), (-745, 709.7), (-1e-5, 1e-5)],
    "log": [(0.5, 2.0), (1e-300, 1e300), (5e-324, 1e-308), (0.99, 1.01)],
    "sin": [(-math.pi, math.pi), (-1000, 1000), (-1e6, 1e6), (1e8, 1e15)],
    "cos": [(-math.pi, math.pi), (-1000, 1000), (-1e6, 1e6), (1e8, 1e15)],
    "tan": [(-1.5, 1.5), (-1e5, 1e5)],
    "sinh": [(-1.2, 1.2), (-710, 710)],
    "cosh": [(-1.2, 1.2), (-710, 710)],
    "tanh": [(-1, 1), (-25, 25)],
    "atan": [(-1, 1), (-50, 50)],
    "erf": [(-1, 1), (-6.5, 6.5)],
    "sqrt": [(0, 1e9)],
}
# Units in the last place that a kernel may be off; 1 for the four that the package promises most about.
BAR = {"exp": 1.0, "log": 1.0, "sin": 1.0, "cos": 1.0, "sqrt": 0.5001}


def points(name: str, low: float, high: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """Uniform points; logarithmic where the range spans many magnitudes of one sign."""
    if name == "log" and high / low > 1e3:
        lo, hi = math.log10(max(low, 5e-324)), math.log10(high)
        return np.maximum(10 ** rng.uniform(lo, hi, count), 5e-324)
    return rng.uniform(low, high, count)


def ulp_errors(name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance to the exact value in units of the exact value's last place."""
    errors = np.empty(len(x))
    with mp.workprec(120):
        function = getattr(mp, name)
        for i, (a, b) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
            exact = function(mp.mpf(a))
            errors[i] = float(abs(mp.mpf(b) - exact) / math.ulp(float(exact)))
    return errors


@pytest.mark.parametrize(("name", "low", "high"), [(n, *r) for n, rs in RANGES.items() for r in rs])
def test_kernel_is_accurate_to_the_last_place(
    name: str, low: float, high: float, level: str, cases: int, rng: np.random.Generator
) -> None:
    x = points(name, low, high, 10 * cases, rng)
    errors = ulp_errors(name, x, fast_callable(f"{name}(x)")(x))
    bar = BAR.get(name, 3.0) if IS_COMPILED else 4.0
    assert errors.max() <= bar, f"{level}: {errors.max()} ulp at {x[errors.argmax()]!r}"


@pytest.mark.parametrize("name", list(RANGES))
def test_kernel_special_values_equal_numpys(name: str, level: str) -> None:
    x = np.array([0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, -5e-324, 1e-310, 1e308, -1e308, 710.3, -745.2])
    numpy_name = {"atan": "arctan"}.get(name, name)
    if name == "erf":
        expected = np.array([math.erf(v) for v in x])
    else:
        with np.errstate(all="ignore"):
            expected = getattr(np, numpy_name)(x)
    for values in (x, np.repeat(x, 50)):
        actual = fast_callable(f"{name}(x)")(values)[:: len(values) // len(x)]
        np.testing.assert_allclose(actual, expected, rtol=1e-14, atol=5e-324)
        zeros = expected == 0
        assert (np.signbit(actual) == np.signbit(expected))[zeros].all()


def test_pow_equals_mpmath_over_its_whole_range(level: str, cases: int, rng: np.random.Generator) -> None:
    n = 10 * cases
    base = np.exp(rng.uniform(-700, 700, n))
    exponent = rng.uniform(-700, 700, n) / np.log(base)
    actual = fast_callable("x**y", ("x", "y"))(base, exponent)
    with mp.workprec(160):
        for a, b, c in zip(base.tolist(), exponent.tolist(), actual.tolist(), strict=True):
            exact = mp.mpf(a) ** mp.mpf(b)
            assert abs(mp.mpf(c) - exact) <= 1.1 * math.ulp(float(exact)), (a, b)


def test_pow_follows_ieee_for_zeros_infinities_and_negative_bases(level: str) -> None:
    special = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 3.0, math.inf, -math.inf, math.nan, 1e-320, -3.5]
    a, b = map(np.ravel, np.meshgrid(special, special))
    with np.errstate(all="ignore"):
        expected = np.power(a, b)
    actual = fast_callable("x**y", ("x", "y"))(a, b)
    np.testing.assert_allclose(actual, expected, rtol=3e-16, atol=0)  # infinities and nan equal
    assert (np.signbit(actual) == np.signbit(expected))[(expected == 0) | np.isinf(expected)].all()


def test_tanh_stays_within_one(level: str, cases: int, rng: np.random.Generator) -> None:
    x = np.concatenate([rng.uniform(15, 23, 1000 + 100 * cases), rng.uniform(-23, -15, 1000 + 100 * cases)])
    f = fast_callable("tanh(x)")
    assert np.abs(f(x)).max() == 1
    assert max(abs(f(v)) for v in x[:4000].tolist()) == 1


BESIDE = [0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, -1e-310, 1e308, -1e308, 709.9, -745.2, 1e7, -3e15, 2.0**60]


@pytest.mark.skipif(not IS_COMPILED, reason="NumPy's own loops")
@pytest.mark.parametrize("name", [*RANGES, "x**y"])
def test_a_value_does_not_depend_on_what_stands_beside_it(name: str, level: str, rng: np.random.Generator) -> None:
    x = np.where(rng.random(700) < 0.1, rng.choice(BESIDE, 700), rng.uniform(-30, 30, 700))
    y = np.where(rng.random(700) < 0.1, rng.choice(BESIDE, 700), rng.uniform(-30, 30, 700))
    f = fast_callable(f"{name}(x)" if name != "x**y" else name, ("x", "y"))
    together, alone = f(x, y), np.concatenate([f(x[i : i + 1], y[i : i + 1]) for i in range(700)])
    np.testing.assert_array_equal(together.view(np.int64)[~np.isnan(alone)], alone.view(np.int64)[~np.isnan(alone)])
    assert np.isnan(together[np.isnan(alone)]).all()


@pytest.mark.skipif(not IS_COMPILED, reason="NumPy's own loops")
@pytest.mark.parametrize("name", ["exp", "log", "sin", "cos"])
def test_numbers_have_the_values_of_arrays(name: str, level: str, cases: int, rng: np.random.Generator) -> None:
    if not level.startswith("avx"):
        pytest.skip("without fused operations numbers go to the C library")
    low, high = {"exp": (-750, 715), "log": (-1, 1e3)}.get(name, (-3e6, 3e6))
    x = np.concatenate([BESIDE, rng.uniform(low, high, 10 * cases), rng.normal(size=10 * cases)])
    f = fast_callable(f"{name}(x)")
    np.testing.assert_array_equal(np.array([f(v) for v in x.tolist()]), f(x))
