"""``fast_callable`` against SymPy's own evaluation."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from scipy import special
from scipy.integrate import quad

from kernels.math import CompileError, DomainError, fast_callable, lambdify
from kernels.math.callables import IS_COMPILED
from kernels.math.opcodes import Op

x, y, z = sp.symbols("x y z")


def random_expression(rng: np.random.Generator, depth: int) -> sp.Expr:
    """A formula that is defined and moderate for all real arguments."""
    if depth == 0:
        return [x, y, z, sp.Integer(int(rng.integers(1, 5))), sp.Rational(int(rng.integers(1, 9)), 7)][rng.integers(5)]
    a = random_expression(rng, depth - 1)
    b = random_expression(rng, int(rng.integers(depth)))
    choices = [
        lambda: a + b, lambda: a - b, lambda: a * b, lambda: a / (2 + b**2), lambda: sp.sin(a), lambda: sp.cos(a - b),
        lambda: sp.tanh(a), lambda: sp.exp(-(a**2)), lambda: sp.sqrt(1 + a**2), lambda: sp.atan(a),
        lambda: a**3 - 2 * a,
        lambda: sp.Piecewise((a, a > b), (b, True)), lambda: sp.Min(a, b), lambda: sp.Abs(a), lambda: sp.erf(a),
        lambda: (1 + a**2) ** sp.Rational(-3, 2), lambda: sp.log(1 + a**2), lambda: -a,
    ]  # fmt: skip
    return choices[rng.integers(len(choices))]()


def test_random_formulas_agree_with_sympy_on_numbers_and_arrays(
    level: str, cases: int, rng: np.random.Generator
) -> None:
    for _ in range(cases):
        expr = random_expression(rng, 4)
        f = fast_callable(expr, (x, y, z))
        beyond_numpy = {n: sp.Float(n, 30) for n in expr.atoms(sp.Integer) if abs(n) >= 2**63}
        reference = sp.lambdify((x, y, z), expr.xreplace(beyond_numpy), ["scipy", "numpy"])
        points = rng.uniform(-1.5, 1.5, (3, 300))
        expected = np.broadcast_to(reference(*points), 300)
        scale = 1e-11 * (1 + np.abs(expected))
        assert (np.abs(f(*points) - expected) <= scale).all(), expr
        single = f(*map(float, points[:, 7]))
        assert abs(single - expected[7]) <= scale[7], expr


def test_a_formula_that_sympy_parts_into_real_and_imaginary_parts_is_one_of_real_numbers() -> None:
    parted = sp.exp(sp.erf(sp.re(z) - sp.I * sp.im(z)) / 2) + sp.cos(sp.I * (sp.erf(sp.conjugate(z)) - sp.erf(z)))
    f = fast_callable(parted * y, (y, z))
    whole = sp.exp(sp.erf(z) / 2) + 1
    assert abs(f(3.0, 0.5) - 3 * whole.subs(z, 0.5).evalf()) < 1e-14
    np.testing.assert_allclose(f.gradient()(3.0, 0.5), [float(d.subs({y: 3, z: 0.5})) for d in
                               (whole, 3 * sp.diff(whole, z))], rtol=1e-13)  # fmt: skip
    with pytest.raises(CompileError, match="not real"):
        fast_callable(sp.I * z, (z,))


def test_gradient_and_jacobian_agree_with_symbolic_derivatives(cases: int, rng: np.random.Generator) -> None:
    smooth = [sp.sin(x * y) / (1 + z**2), sp.exp(-x) * sp.log(2 + y**2) ** 3,
              (1 + x**2) ** sp.Rational(5, 2) * sp.atan(z),
              sp.cosh(x) * sp.tanh(y) - sp.erf(z), (2 + sp.sin(x)) ** y,
              sp.atan2(1 + x**2, y), sp.asinh(x) + sp.acos(z / 9),
              x**5 - 3 * x**2 + x, sp.gamma(2 + x**2) * y, sp.Piecewise((x**2, x > y), (x * y, True))]  # fmt: skip
    for expr in smooth:
        gradient = fast_callable(expr, (x, y, z)).gradient()
        exact = sp.lambdify((x, y, z), [sp.diff(expr, v) for v in (x, y, z)], ["scipy", "numpy"])
        for point in rng.uniform(-1, 1, (min(cases, 50), 3)).tolist():
            np.testing.assert_allclose(gradient(*point), exact(*point), rtol=1e-11, atol=1e-12, err_msg=str(expr))
    jacobian = fast_callable(smooth[:4], (x, y, z)).jacobian()
    expected = sp.lambdify((x, y, z), sp.Matrix(smooth[:4]).jacobian((x, y, z)))
    np.testing.assert_allclose(jacobian(0.3, -0.4, 0.5), np.array(expected(0.3, -0.4, 0.5), float), rtol=1e-12)
    assert jacobian(np.ones(7), 0.5, 0.1).shape == (4, 3, 7)


def test_complex_formulas_agree_with_sympy(rng: np.random.Generator) -> None:
    for text in (
        "z**2 + I",
        "exp(z)*sin(z)/(1+z)",
        "log(z)*sqrt(z)",
        "z**(1/3)",
        "conjugate(z)*re(z) + Abs(z)",
        "z**z",
    ):
        f = fast_callable(text, ("z",), domain=complex)
        reference = sp.lambdify(z, sp.sympify(text), "numpy")
        points = rng.normal(size=50) + 1j * rng.normal(size=50)
        np.testing.assert_allclose(f(points), reference(points), rtol=1e-12)
        assert abs(f(0.5 + 1j) - reference(0.5 + 1j)) < 1e-12


def test_special_functions_run_through_scipy_and_others_through_mpmath() -> None:
    f = fast_callable("gamma(x) + besselj(0, x) + zeta(x)")
    expected = special.gamma(2.5) + special.jv(0, 2.5) + special.zeta(2.5)
    assert f(2.5) == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(f(np.array([2.5, 3.5]))[0], expected, rtol=1e-13)


def test_undefined_functions_call_python_and_pass_on_its_errors() -> None:
    def half(value: float) -> float:
        if value < 0:
            raise ValueError("negative")
        return value / 2

    f = fast_callable(sp.Function("h")(x) + 1, (x,), functions={"h": half})
    assert f(4.0) == 3.0
    np.testing.assert_array_equal(f(np.array([4.0, 6.0])), [3.0, 4.0])
    for argument in (-1.0, np.array([1.0, -1.0])):
        with pytest.raises(ValueError, match="negative"):
            f(argument)


def test_lists_give_lists_and_matrices_give_arrays() -> None:
    assert fast_callable([x + y, x, 3, x + y], (x, y))(2, 3) == [5.0, 2.0, 3.0, 5.0]
    matrix = fast_callable(sp.Matrix([[x, 0], [1, x * y]]), (x, y))
    np.testing.assert_array_equal(matrix(2, 3), [[2, 0], [1, 6]])
    assert matrix(np.ones((4, 5)), 2.0).shape == (2, 2, 4, 5)


def test_arguments_broadcast_and_strides_are_followed() -> None:
    f = fast_callable(x - 2 * y, (x, y))
    a = np.arange(24.0).reshape(4, 6)
    np.testing.assert_array_equal(f(a[:, ::2], np.arange(3)), a[:, ::2] - 2 * np.arange(3))
    np.testing.assert_array_equal(f(a.T, a.T), -a.T)
    np.testing.assert_array_equal(f(np.float32(1.5), [1, 2]), [-0.5, -2.5])
    assert f(np.empty((0, 3)), 1.0).shape == (0, 3)
    assert isinstance(f(np.array(1.0), 2), float)


def test_out_may_be_the_input_itself_or_overlap_it() -> None:
    f = fast_callable(x * x + x + sp.exp(x), (x,))
    a = np.linspace(-1, 1, 1000)
    expected = f(a)
    b = a.copy()
    assert f(b, out=b) is b
    np.testing.assert_array_equal(b, expected)
    c = np.concatenate([a, [0.0]])
    f(c[:-1], out=c[1:])
    np.testing.assert_array_equal(c[1:], expected)
    with pytest.raises(DomainError):
        f(a, out=np.empty(3))


@pytest.mark.parametrize("n", [0, 1, 7, 255, 256, 257, 1023, 100_003])
def test_every_length_is_computed_to_its_end(n: int, level: str) -> None:
    a = np.linspace(0.1, 2, n)
    np.testing.assert_allclose(fast_callable("x*log(x) - sin(x)")(a), a * np.log(a) - np.sin(a), rtol=1e-12, atol=1e-15)


def test_piecewise_relations_and_logic_follow_sympy() -> None:
    expr = sp.Piecewise((1, sp.And(x > 0, x <= 1)), (2, sp.Or(sp.Eq(x, 3), x < -5)), (3, sp.Not(x >= 7)))
    f = fast_callable(expr, (x,))
    values = np.array([0.5, 1.0, 3.0, -6.0, 0.0, 8.0])
    np.testing.assert_array_equal(f(values), [1, 1, 2, 2, 3, math.nan])


@pytest.mark.parametrize(
    ("expr", "variables", "message"),
    [
        ("x +", ("x",), "cannot read"), (x + y, (x,), "not among the variables"),
        (sp.Interval(0, 1), (), "cannot compile"),
        (sp.Function("g")(x), (x,), "is undefined"), ([], (x,), "empty"), (x, (x, x), "named twice"),
        (sp.I * x, (x,), "complex"),
        (sp.Limit(sp.sin(x) / x, x, 0), (x,), "cannot compile"), (sp.Integer(10) ** 400, (x,), "does not fit"),
    ],
)  # fmt: skip
def test_what_cannot_be_compiled_is_named(expr: object, variables: tuple[object, ...], message: str) -> None:
    with pytest.raises(CompileError, match=message):
        fast_callable(expr, variables)


def test_wrong_arguments_are_named_errors() -> None:
    f = fast_callable(x + y, (x, y))
    with pytest.raises(TypeError, match="expected 2 arguments"):
        f(1.0)
    with pytest.raises(DomainError, match="complex"):
        f(1j, 2.0)
    with pytest.raises(DomainError):
        f("a", 2.0)
    with pytest.raises(ValueError, match="broadcast"):
        f(np.ones(3), np.ones(4))


def test_programs_survive_pickling_and_run_in_threads(rng: np.random.Generator) -> None:
    f = pickle.loads(pickle.dumps(fast_callable("sin(x)*exp(y) - x**3", ("x", "y"))))
    a, b = rng.normal(size=(2, 200_000))
    expected = f(a, b)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: f(a, b), range(12)):
            np.testing.assert_array_equal(result, expected)


def test_lambdify_takes_sympys_argument_order() -> None:
    f = lambdify((x, y), sp.Function("f")(x) * y, modules=[{"f": math.cosh}, "numpy"])
    assert f(1.0, 2.0) == pytest.approx(2 * math.cosh(1.0))


@pytest.mark.skipif(not IS_COMPILED, reason="needs the compiled extension")
def test_low_level_callable_keeps_its_program_alive() -> None:
    value, _ = quad(fast_callable("exp(-x**2)").low_level_callable(), -math.inf, math.inf)
    assert value == pytest.approx(math.sqrt(math.pi), rel=1e-12)


def test_large_programs_leave_the_stack(rng: np.random.Generator) -> None:
    symbols = sp.symbols("a0:300")
    expr = [s * symbols[i - 1] for i, s in enumerate(symbols)]
    values = rng.normal(size=300).tolist()
    np.testing.assert_array_equal(fast_callable(expr, symbols)(*values), np.array(values) * np.roll(values, 1))


@pytest.mark.skipif(not IS_COMPILED, reason="this is the pure Python run")
def test_the_same_tests_pass_without_the_extension() -> None:
    """The pure Python twins meet the specification of the compiled modules."""
    environment = {**os.environ, "COLLEGIUM_MATH_PURE": "1", "COLLEGIUM_MATH_CASES": "5"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(Path(__file__).parent)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:]


def test_the_powers_of_one_variable_in_a_sum_are_one_operation() -> None:
    f = fast_callable("3*x**4 - 2*x**3*y + x*y**2 - 7*x + y**3 - 1", ("x", "y"))
    assert sum(code[0] == Op.POLY for code in f.spec.code) == 1
    assert len(f.spec.code) <= 8
    a, b = np.random.default_rng(3).uniform(-2, 2, (2, 500))
    np.testing.assert_allclose(f(a, b), 3 * a**4 - 2 * a**3 * b + a * b**2 - 7 * a + b**3 - 1, rtol=0, atol=1e-12)
    assert fast_callable("x**3 - 2*x + x*y + x", ("x", "y"))(2, 5) == 16
