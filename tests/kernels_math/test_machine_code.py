"""Machine code of arithmetic programs: the same bits as the interpreter of the same instruction set."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.integrate
import sympy as sp
from numpy.typing import NDArray

from kernels.math import available_levels, dynamics, fast_callable, isa_level, ode, set_isa_level
from kernels.math.callables import IS_COMPILED, FastCallable, _vm

WITH_MACHINE_CODE = [level for level in available_levels() if level.startswith("avx")]
FORBIDDEN = os.environ.get("COLLEGIUM_MATH_MACHINE_CODE") == "0"
pytestmark = pytest.mark.skipif(
    not IS_COMPILED or not WITH_MACHINE_CODE or sys.platform != "linux" or FORBIDDEN,
    reason="machine code is for x86-64 with AVX2, on Linux",
)
Floats = NDArray[np.float64]
MANY = 20_000  # elements after which a program changes to machine code
SPECIAL = np.array([0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, -1e-310, 1.0, -1.0, 1e308, -1e308, 0.5, 2.5])
x, y, z = sp.symbols("x y z")


@pytest.fixture(params=WITH_MACHINE_CODE)
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every instruction set with machine code, in turn."""
    before = isa_level()
    set_isa_level(request.param)
    yield request.param
    set_isa_level(before)


@pytest.fixture
def interpreter() -> Iterator[None]:
    """For the time of a test no program changes to machine code."""
    before = _vm.allow_machine_code(False)
    yield
    _vm.allow_machine_code(before)


def random_expression(rng: np.random.Generator, depth: int) -> sp.Expr:
    """A formula of operations that have machine code."""
    if depth == 0:
        return [x, y, z, sp.Float(rng.uniform(-3, 3)), sp.Integer(int(rng.integers(-4, 5)))][rng.integers(5)]
    a, b, c = (random_expression(rng, int(rng.integers(max(depth - 1, 0), depth))) for _ in range(3))
    choices = [
        lambda: a + b, lambda: a - b, lambda: a * b, lambda: a * b + c, lambda: a * b - c, lambda: c - a * b,
        lambda: a / b if b != 0 else a, lambda: -a, lambda: sp.Abs(a), lambda: sp.sqrt(a),
        lambda: sp.floor(a),
        lambda: sp.ceiling(a), lambda: sp.Min(a, b), lambda: sp.Max(a, b), lambda: a**3 - 2 * a + 1,
        lambda: sp.Piecewise((a, sp.Lt(b, c)), (b, sp.Le(a, c)), (c, True)),
        lambda: sp.Piecewise((a, sp.Eq(b, c)), (c, True)),
    ]  # fmt: skip
    return choices[rng.integers(len(choices))]()


FUNCTIONS = [sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.tanh, sp.sinh, sp.cosh, sp.atan, sp.asin, sp.erf, sp.sign]


def with_functions(rng: np.random.Generator, depth: int) -> sp.Expr:
    """A formula of functions too, which machine code for numbers calls."""
    if depth == 0:
        return random_expression(rng, int(rng.integers(2)))
    a, b = (with_functions(rng, int(rng.integers(depth))) for _ in range(2))
    function = FUNCTIONS[rng.integers(len(FUNCTIONS))]
    plain = [a + b, a * b, a - 2 * b, sp.Mod(a, b) if b != 0 else a, sp.Abs(a) ** b, sp.atan2(a, b) if a != b else a]
    return [function(a), function(a) + function(b), function(a * b) * a, plain[rng.integers(len(plain))]][
        rng.integers(4)
    ]


def programs(
    rng: np.random.Generator, count: int, make: Callable[[np.random.Generator, int], sp.Expr] = random_expression
) -> Iterator[tuple[FastCallable, FastCallable]]:
    """Pairs of the same formulas, the first to change to machine code, the second never."""
    while count:
        try:
            parts = [make(rng, int(rng.integers(1, 4))) for _ in range(rng.integers(1, 4))]
        except (TypeError, ValueError, RecursionError):  # SymPy has found a part imaginary, or lost its way in it
            continue
        if any(p.has(sp.zoo, sp.nan, sp.oo, sp.I) for p in parts):
            continue
        count -= 1
        yield fast_callable(parts, (x, y, z)), fast_callable(parts, (x, y, z))


def in_the_interpreter(f: FastCallable, *arguments: object) -> list[Floats]:
    before = _vm.allow_machine_code(False)
    try:
        result: list[Floats] = f(*arguments)
        return result
    finally:
        _vm.allow_machine_code(before)


def assert_same_bits(a: object, b: object) -> None:
    ours, theirs = (np.asarray(v, dtype=float) for v in (a, b))
    unlike = ours.view(np.int64) != theirs.view(np.int64)
    assert (np.isnan(ours) & np.isnan(theirs))[unlike].all()


def test_arrays_have_the_interpreters_bits(level: str, cases: int, rng: np.random.Generator) -> None:
    changed = 0
    for f, slow in programs(rng, min(cases, 300)):
        f(*rng.normal(size=(3, MANY)))
        changed += "blocks" in f.machine_code
        for n in (0, 1, 7, 8, 31, 32, 33, 129, 1000):
            points = np.where(rng.random((3, n)) < 0.3, rng.choice(SPECIAL, (3, n)), rng.uniform(-4, 4, (3, n)))
            assert_same_bits(f(*points), in_the_interpreter(slow, *points))
            assert_same_bits(f(points[0], 1.5, points[2]), in_the_interpreter(slow, points[0], 1.5, points[2]))
        assert slow.machine_code == ()
    assert changed > 0.6 * min(cases, 300)


def test_offsets_strides_and_given_results_keep_the_bits_and_write_nothing_else(
    level: str, rng: np.random.Generator
) -> None:
    f, slow = (fast_callable(x * y - 3 * x + y**2 / (1 + x**2), (x, y)) for _ in range(2))
    f(*rng.normal(size=(2, MANY)))
    assert f.machine_code == ("blocks",)
    room = rng.normal(size=(2, 4000))
    for offset in range(9):
        a, b = room[0, offset : offset + 700], room[1, offset * 2 : offset * 2 + 1400 : 2]
        expected = in_the_interpreter(slow, a, b)
        assert_same_bits(f(a, b), expected)
        out = np.full(720, 7.0)
        f(a, b, out=out[offset : offset + 700])
        assert_same_bits(out[offset : offset + 700], expected)
        assert (out[:offset] == 7).all()
        assert (out[offset + 700 :] == 7).all()


def test_numbers_have_the_interpreters_bits(level: str, cases: int, rng: np.random.Generator) -> None:
    """Scalar code runs the right-hand sides of differential equations, and orbits of maps."""
    for f, slow in programs(rng, min(cases, 300)):
        if len(f.spec.code) and f.spec.outputs == 3:
            fast_orbit = dynamics.iterate_map(f, [0.5, -1.0, 2.0], 5000, ["x", "y", "z"])
            before = _vm.allow_machine_code(False)
            slow_orbit = dynamics.iterate_map(slow, [0.5, -1.0, 2.0], 5000, ["x", "y", "z"])
            _vm.allow_machine_code(before)
            assert_same_bits(fast_orbit, slow_orbit)
            assert_same_bits(f(1.5, -0.0, math.inf), in_the_interpreter(slow, 1.5, -0.0, math.inf))


def test_numbers_through_functions_have_the_interpreters_bits(level: str, cases: int, rng: np.random.Generator) -> None:
    """After some calls with numbers a formula with functions runs as machine code, which calls them."""
    changed = 0
    for f, slow in programs(rng, min(cases, 300), with_functions):
        points = np.where(rng.random((40, 3)) < 0.2, rng.choice(SPECIAL, (40, 3)), rng.uniform(-4, 4, (40, 3))).tolist()
        for _ in range(1000):
            f(0.5, 0.25, 0.75)
        changed += "scalar" in f.machine_code
        for point in points:
            assert_same_bits(f(*point), in_the_interpreter(slow, *point))
        assert slow.machine_code == ()
    assert changed > 0.6 * min(cases, 300)


def test_quadrature_and_threads_run_machine_code_that_calls_functions(level: str) -> None:
    f = fast_callable("exp(-x/5)*cos(7*x)*log(1 + x**2)/(2 + sin(x)**2)")
    slow = fast_callable(f.expr)
    expected = scipy.integrate.quad(slow, 0, 10)
    assert slow.machine_code == ()
    assert scipy.integrate.quad(f.low_level_callable(), 0, 10) == expected
    assert f.machine_code == ("scalar",)
    values = np.linspace(-3, 3, 500).tolist()
    wanted = [f(v) for v in values]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: [f(v) for v in values], range(8))) == [wanted] * 8


@pytest.mark.parametrize("m", [1, 7, 8, 55, 56, 57, 500, 512])
@pytest.mark.parametrize("keep", [1, 33, 300])
def test_iterated_maps_have_the_interpreters_bits(m: int, keep: int, level: str, interpreter: None) -> None:
    values = np.linspace(2.9, 3.99, m)
    maps = ["r*x*(1 - x)", sp.Piecewise((sp.Symbol("r") * x / 2, x < 0.5), (sp.Symbol("r") * (1 - x) / 2, True))]
    for formula in maps:
        dynamics._compile_map.cache_clear()
        expected = dynamics.bifurcation_diagram(formula, values, x0=0.3, transient=5000 // m + 3, keep=keep)[1]
        _vm.allow_machine_code(True)
        actual = dynamics.bifurcation_diagram(formula, values, x0=0.3, transient=5000 // m + 3, keep=keep)[1]
        _vm.allow_machine_code(False)
        assert_same_bits(actual, expected)


def test_large_results_that_go_past_the_cache_have_the_interpreters_bits(level: str, interpreter: None) -> None:
    values = np.linspace(2.9, 3.99, 4096)
    dynamics._compile_map.cache_clear()
    expected = dynamics.bifurcation_diagram("r*x*(1 - x)", values, transient=10, keep=200)[1]
    _vm.allow_machine_code(True)
    assert_same_bits(dynamics.bifurcation_diagram("r*x*(1 - x)", values, transient=10, keep=200)[1], expected)


def test_integrators_take_the_same_steps_with_and_without(level: str, interpreter: None) -> None:
    def lorenz(t: float, u: Floats) -> list[float]:
        return [10 * (u[1] - u[0]), u[0] * (28 - u[2]) - u[1], u[0] * u[1] - 8 / 3 * u[2]]

    for method in ("DOPRI5", "DOP853", "Rodas4"):
        slow = ode.solve_ivp(lorenz, (0, 20), [1, 1, 1], method, rtol=1e-8, atol=1e-10)
        _vm.allow_machine_code(True)
        fast = ode.solve_ivp(lorenz, (0, 20), [1, 1, 1], method, rtol=1e-8, atol=1e-10)
        _vm.allow_machine_code(False)
        assert fast.nfev == slow.nfev
        assert_same_bits(fast.y, slow.y)


def test_programs_with_machine_code_are_pickled_without_it(rng: np.random.Generator) -> None:
    f = fast_callable(x * y + 2, (x, y))
    points = rng.normal(size=(2, MANY))
    expected = f(*points)
    assert f.machine_code == ("blocks",)
    again = pickle.loads(pickle.dumps(f))
    assert again.machine_code == ()
    assert_same_bits(again(*points), expected)


def test_more_values_than_registers_stay_with_the_interpreter(level: str, rng: np.random.Generator) -> None:
    symbols = sp.symbols("a0:60")
    f = fast_callable(sp.Add(*symbols) * sp.Mul(*symbols), symbols)
    f(*rng.normal(size=(60, MANY)))
    assert f.machine_code == ()


def test_an_environment_variable_and_a_refusal_of_memory_lead_to_the_interpreter() -> None:
    program = """
import sys
import numpy as np
from kernels.math import fast_callable
f = fast_callable("x*x + 1")
if sys.argv[1] == "refuse":
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(65, 1, 0, 0, 0) == 0 or sys.exit(77)  # PR_SET_MDWE: nothing becomes executable any more
a = np.linspace(-3, 3, 100_000)
assert np.array_equal(f(a), a * a + 1) or np.abs(f(a) - a * a - 1).max() < 1e-14
print(f.machine_code)
"""
    for argument, environment in (("plain", {"COLLEGIUM_MATH_MACHINE_CODE": "0"}), ("refuse", {})):
        result = subprocess.run(
            [sys.executable, "-c", program, argument], env={**os.environ, **environment}, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        if result.returncode == 77:
            pytest.skip("this system cannot refuse executable memory")
        assert result.returncode == 0, result.stderr
        assert result.stdout.strip() == "()"
