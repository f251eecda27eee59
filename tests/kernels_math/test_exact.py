"""``exact`` against SymPy's own (slow) methods and defining properties."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import flint
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.math import DomainError, NotInvertibleError, exact

numbers = st.one_of(st.integers(-9, 9), st.fractions(-5, 5, max_denominator=6))


@st.composite
def matrices(draw: st.DrawFn, square: bool = False, entries: st.SearchStrategy = numbers) -> list[list[object]]:
    rows = draw(st.integers(1, 5))
    columns = rows if square else draw(st.integers(1, 5))
    return [[draw(entries) for _ in range(columns)] for _ in range(rows)]


def as_sympy(rows: list[list[object]]) -> sp.Matrix:
    return sp.Matrix([[sp.Rational(v) for v in row] for row in rows])


@settings(max_examples=60, deadline=None)
@given(matrices(square=True))
def test_determinant_inverse_and_polynomials_equal_sympys(rows: list[list[object]]) -> None:
    m = as_sympy(rows)
    assert exact.det(rows) == exact.det(m) == m.det()
    x = sp.Symbol("x")
    assert exact.charpoly(m, "x").as_expr() == m.charpoly(x).as_expr()
    minimal = exact.minpoly(m, x)
    assert sp.rem(exact.charpoly(m, x), minimal) == 0
    value = sp.zeros(*m.shape)
    for c in minimal.all_coeffs():
        value = value * m + c * sp.eye(m.rows)
    assert value.is_zero_matrix
    if m.det() == 0:
        with pytest.raises(NotInvertibleError):
            exact.inv(m)
    else:
        assert exact.inv(m) * m == sp.eye(m.rows)


@settings(max_examples=60, deadline=None)
@given(matrices())
def test_echelon_form_rank_and_nullspace_equal_sympys(rows: list[list[object]]) -> None:
    m = as_sympy(rows)
    reduced, pivots = exact.rref(rows)
    assert (reduced, pivots) == m.rref()
    assert exact.rank(rows) == len(pivots)
    assert exact.nullspace(m) == m.nullspace()


@settings(max_examples=40, deadline=None)
@given(matrices(entries=st.integers(-20, 20)))
def test_normal_forms_have_their_defining_shape(rows: list[list[object]]) -> None:
    m = as_sympy(rows)
    hermite, smith, reduced = exact.hnf(m), exact.snf(m), exact.lll(m)
    assert exact.rank(hermite) == exact.rank(reduced) == m.rank()
    diagonal = [smith[i, i] for i in range(min(m.shape))]
    assert all(smith[i, j] == 0 for i in range(m.rows) for j in range(m.cols) if i != j)
    assert all(b % a == 0 if a else b == 0 for a, b in pairwise(diagonal))
    if m.rows == m.cols:
        assert abs(exact.det(hermite)) == abs(exact.det(smith)) == abs(m.det())
        assert exact.hnf(reduced) == hermite  # the same lattice


def test_solve_takes_columns_matrices_and_arrays() -> None:
    a = np.array([[2, 1], [7, 4]])
    assert exact.solve(a, [1, 2]) == sp.Matrix([2, -3])
    assert exact.solve(sp.Matrix(a), sp.eye(2)) == sp.Matrix(a).inv()
    assert exact.solve([[Fraction(1, 2)]], np.array([3])) == sp.Matrix([6])
    assert exact.det(flint.fmpz_mat([[2, 1], [7, 4]])) == 1
    with pytest.raises(NotInvertibleError):
        exact.solve([[1, 2], [2, 4]], [1, 2])


def test_large_integers_stay_exact() -> None:
    big = 10**40
    assert exact.det([[big, 1], [1, big]]) == big * big - 1
    assert exact.det(np.array([[2**62, 1], [1, 2**62]])) == 2**124 - 1


@pytest.mark.parametrize(
    "call",
    [
        lambda: exact.det([[1, 2]]), lambda: exact.det([[1.5]]), lambda: exact.det(sp.Matrix([[sp.Symbol("x")]])),
        lambda: exact.rank([[1, 2], [3]]), lambda: exact.hnf([[Fraction(1, 2)]]), lambda: exact.solve([[1]], [1, 2]),
        lambda: exact.det(np.array([[0.5]])), lambda: exact.lll([[1]], delta=2), lambda: exact.det([["a"]]),
        lambda: exact.det(sp.Matrix([[sp.sqrt(2)]])),
    ],
)  # fmt: skip
def test_what_is_not_an_exact_matrix_is_a_named_error(call: object) -> None:
    with pytest.raises(DomainError):
        call()  # type: ignore[operator]
