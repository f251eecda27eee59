"""Integrals and roots against closed forms and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.integrate
import sympy as sp

from kernels.math import ConvergenceError, DomainError, quadrature

x = sp.Symbol("x")


def test_quad_equals_scipys_quad_of_the_same_function() -> None:
    expr = sp.exp(-(x**2)) * sp.cos(3 * x) / (1 + x**2)
    ours = quadrature.quad(expr, 0, 4, full_output=1)
    theirs = scipy.integrate.quad(sp.lambdify(x, expr, "math"), 0, 4, full_output=1)
    assert ours[0] == pytest.approx(theirs[0], rel=1e-13)
    assert ours[2]["neval"] == theirs[2]["neval"]


def test_quad_takes_parameters_and_infinite_limits() -> None:
    value, _ = quadrature.quad("exp(-a*x**2)", -math.inf, math.inf, args=(2.0,), variables=("x", "a"))
    assert value == pytest.approx(math.sqrt(math.pi / 2), rel=1e-10)


def test_nquad_integrates_over_a_triangle() -> None:
    value, _ = quadrature.nquad("x*y", [lambda y: (0, 1 - y), (0, 1)], variables=("x", "y"))
    assert value == pytest.approx(1 / 24, rel=1e-10)


def test_find_root_searches_inside_when_the_ends_agree_in_sign() -> None:
    assert quadrature.find_root("cos(x) - x", 0, 1) == pytest.approx(0.7390851332151607, abs=1e-12)
    assert quadrature.find_root("(x - 1.5)*(x - 2.5)", 0, 4) == pytest.approx(1.5, abs=1e-9)
    with pytest.raises(DomainError, match="no change of sign"):
        quadrature.find_root("x**2 + 1", -1, 1)


def test_find_all_roots_finds_crossings_and_touches_but_no_poles() -> None:
    np.testing.assert_allclose(quadrature.find_all_roots("sin(x)", -0.5, 10), np.arange(4) * math.pi, atol=1e-9)
    np.testing.assert_allclose(quadrature.find_all_roots("tan(x)", 1, 7), [math.pi, 2 * math.pi], atol=1e-9)
    roots = quadrature.find_all_roots("(x - 0.3333)**2*(x + 1)", -2, 2)
    np.testing.assert_allclose(roots, [-1, 0.3333], atol=1e-4)
    assert quadrature.find_all_roots("x**2 + 1", -1, 1).size == 0


def test_newton_and_brentq_solve_for_whole_parameter_arrays() -> None:
    a = np.linspace(0.5, 9, 500)
    np.testing.assert_allclose(quadrature.newton("x**3 - a", 1.0, (a,), ("x", "a")), np.cbrt(a), rtol=1e-13)
    np.testing.assert_allclose(quadrature.brentq("x**3 - a", 0.0, 10.0, (a,), ("x", "a")), np.cbrt(a), atol=2e-12)
    kepler = quadrature.newton("E - e*sin(E) - M", a, (0.6, a), ("E", "e", "M"))
    np.testing.assert_allclose(kepler - 0.6 * np.sin(kepler), a, atol=1e-12)
    assert quadrature.newton("x**2 - 2", 1.0) == pytest.approx(math.sqrt(2))


def test_failures_are_named() -> None:
    with pytest.raises(ConvergenceError):
        quadrature.newton("x**2 + 1", np.array([0.3]), variables=("x",))
    with pytest.raises(DomainError):
        quadrature.brentq("x**2 + 1", -1.0, 1.0)
    with pytest.raises(DomainError):
        quadrature.find_all_roots("x", 0, math.inf)
