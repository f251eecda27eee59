"""``exact`` against elimination by the book on random matrices of every form, structure and size of entries."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import flint
import numpy as np
import pytest
import sympy as sp
from sympy.polys.matrices import DomainMatrix

from kernels.math import DomainError, NotInvertibleError, exact
from kernels.math.modlinalg import rank_mod
from tests.kernels_math.integer_matrices import dimension
from tests.kernels_math.rational_algebra import (
    Integers,
    Rows,
    determinant,
    echelon,
    hermite,
    is_reduced,
    product,
    smith_diagonal,
)

SIZES = (3, 6, 9, 16), (0.6, 0.37, 0.027, 0.003)
ENTRIES = (1, 3, 9, 300, 2**31, 2**63 - 1, 10**30)


def size(rng: np.random.Generator) -> int:
    return dimension(rng, *SIZES)


def whole(rng: np.random.Generator, rows: int, columns: int) -> Integers:
    """Integers: dense, sparse, extreme, dependent, triangular, nilpotent or periodic."""
    most = ENTRIES[int(rng.integers(len(ENTRIES)))]
    m = [
        [int(v) * (most // 10**9 + 1) % (2 * most + 1) - most for v in row]
        for row in rng.integers(0, 2**31, (rows, columns))
    ]
    chance = rng.random((rows, columns)).tolist()
    match int(rng.integers(9)):
        case 0:
            return [[v if u < 0.3 else 0 for v, u in zip(*pair, strict=True)] for pair in zip(m, chance, strict=True)]
        case 1:
            return [[(-most, 0, most)[int(3 * u)] for u in row] for row in chance]
        case 2 if rows:  # every row a sum of few
            few = int(rng.integers(1, rows + 1))
            factors = rng.integers(-3, 4, (rows, few)).tolist()
            return [[sum(f * m[k][j] for k, f in enumerate(line)) for j in range(columns)] for line in factors]
        case 3:
            shift = int(rng.integers(-1, 2))
            return [[v if j >= i + shift else 0 for j, v in enumerate(row)] for i, row in enumerate(m)]
        case 4:  # one block, repeated: the minimal polynomial is smaller than the characteristic one
            k = max(1, min(rows, columns) // 2)
            return [[m[i % k][j % k] if i // k == j // k else 0 for j in range(columns)] for i in range(rows)]
        case 5:
            return [[int(u < 0.2) for u in row] for row in chance]
        case 6:
            order = rng.permutation(max(rows, columns)).tolist()
            return [[m[i][j] if order[i] == j else 0 for j in range(columns)] for i in range(rows)]
        case _:
            return m


def numbers(rng: np.random.Generator, rows: int, columns: int) -> Rows:
    m = whole(rng, rows, columns)
    if rng.random() < 0.5:
        return [list(row) for row in m]
    bottoms = rng.integers(1, 12, (rows, columns)).tolist()
    return [[Fraction(v, b) for v, b in zip(*pair, strict=True)] for pair in zip(m, bottoms, strict=True)]


def handed_over(rng: np.random.Generator, m: Rows | Integers, columns: int) -> Any:
    """The same matrix in one of the forms that ``exact`` takes."""
    rows = len(m)
    values = [v for row in m for v in row]
    is_whole = all(isinstance(v, int) for v in values)
    rationals = [sp.Rational(v.numerator, v.denominator) for v in values]
    if not values:
        return sp.zeros(rows, columns) if rng.random() < 0.5 else np.zeros((rows, columns), dtype=np.int8)
    match int(rng.integers(7)):
        case 0:
            return sp.Matrix(rows, columns, rationals)
        case 1:
            return sp.ImmutableMatrix(rows, columns, rationals)
        case 2:
            return DomainMatrix.from_Matrix(sp.Matrix(rows, columns, rationals))
        case 3:
            return flint.fmpq_mat(rows, columns, [flint.fmpq(v.numerator, v.denominator) for v in values])
        case 4 if not is_whole:
            return np.array(values, dtype=object).reshape(rows, columns)
        case 4:
            held = np.array(values, dtype=object).reshape(rows, columns)
            for kind in ("int8", "uint16", "int32", "uint64", "int64"):
                limits = np.iinfo(kind)
                if limits.min <= min(values) and max(values) <= limits.max:
                    held = held.astype(kind)
                    break
            return np.asfortranarray(held) if rng.random() < 0.5 else held[:, ::-1].copy()[:, ::-1]
        case 5:  # of several types at once
            kinds = (sp.Rational, flint.fmpq, Fraction, _machine_number)
            chosen = rng.integers(len(kinds), size=len(values)).tolist()
            mixed = [kinds[k](v.numerator, v.denominator) for k, v in zip(chosen, values, strict=True)]
            return tuple(tuple(mixed[i * columns : (i + 1) * columns]) for i in range(rows))
        case _:
            return m


def _machine_number(top: int, bottom: int) -> Any:
    return Fraction(top, bottom) if bottom > 1 or abs(top) >= 2**63 else np.int64(top)


def rows_of(m: sp.Matrix) -> Rows:
    flat = [v.p if v.q == 1 else Fraction(v.p, v.q) for v in m.flat()]
    return [flat[i * m.cols : (i + 1) * m.cols] for i in range(m.rows)]


def value_at(polynomial: sp.Poly, x: int) -> Fraction:
    total = Fraction(0)
    for c in polynomial.all_coeffs():
        total = total * x + Fraction(c.p, c.q)
    return total


def test_determinants_inverses_and_solutions(cases: int, rng: np.random.Generator) -> None:
    for _ in range(cases):
        n, columns = size(rng), size(rng)
        m, right = numbers(rng, n, n), numbers(rng, n, columns)
        given, b = handed_over(rng, m, n), handed_over(rng, right, columns)
        expected = determinant(m)
        assert exact.det(given) == sp.Rational(expected.numerator, expected.denominator)
        if not expected:
            with pytest.raises(NotInvertibleError):
                exact.inv(given)
            with pytest.raises(NotInvertibleError):
                exact.solve(given, b)
            continue
        identity = [[int(i == j) for j in range(n)] for i in range(n)]
        assert product(m, rows_of(exact.inv(given)), n) == identity
        x = exact.solve(given, b)
        assert x.shape == (n, columns)
        assert product(m, rows_of(x), columns) == right
        if n and columns:
            column = [row[0] for row in right]
            for one in (column, tuple(column), np.array(column, dtype=object)):
                assert exact.solve(given, one) == x[:, 0]


def test_echelon_forms_ranks_and_kernels(cases: int, rng: np.random.Generator) -> None:
    for _ in range(cases):
        height, width = size(rng), size(rng)
        m = numbers(rng, height, width)
        given = handed_over(rng, m, width)
        expected, pivots, _ = echelon(m, width)
        reduced, found = exact.rref(given)
        assert reduced.shape == (height, width)
        assert (rows_of(reduced), found) == (expected, tuple(pivots))
        assert exact.rank(given) == len(pivots)
        kernel = exact.nullspace(given)
        free = [c for c in range(width) if c not in pivots]
        assert len(kernel) == len(free)
        for c, vector in zip(free, kernel, strict=True):
            column = rows_of(vector)
            assert [column[k][0] for k in free] == [int(k == c) for k in free]
            assert not any(v for row in product(m, column, 1) for v in row)


def test_characteristic_and_minimal_polynomials(cases: int, rng: np.random.Generator) -> None:
    for _ in range(cases):
        n = min(size(rng), 6)  # the powers of a matrix as lists are slow
        m = numbers(rng, n, n)
        given = handed_over(rng, m, n)
        characteristic, minimal = exact.charpoly(given, "x"), exact.minpoly(given, sp.Symbol("x"))
        x = int(rng.integers(10**9, 10**10))  # two polynomials of one degree hardly meet so far out
        assert characteristic.degree() == n
        assert value_at(characteristic, x) == determinant(
            [[x * (i == j) - m[i][j] for j in range(n)] for i in range(n)]
        )
        powers: list[Rows] = [[[int(i == j) for j in range(n)] for i in range(n)]]
        for _ in range(minimal.degree()):
            powers.append(product(m, powers[-1], n))
        flat = [[v for row in power for v in row] for power in powers]
        coefficients = [Fraction(c.p, c.q) for c in reversed(minimal.all_coeffs())]
        assert coefficients[-1] == 1
        assert not any(sum(c * line[k] for c, line in zip(coefficients, flat, strict=True)) for k in range(n * n))
        assert len(echelon(flat[:-1], n * n)[1]) == minimal.degree()  # no smaller one


def test_hermite_forms(cases: int, rng: np.random.Generator) -> None:
    for _ in range(cases):
        height, width = size(rng), size(rng)
        m = whole(rng, height, width)
        form = exact.hnf(handed_over(rng, [list(row) for row in m], width))
        assert form.shape == (height, width)
        assert rows_of(form) == hermite(m, width)


def test_smith_forms(cases: int, rng: np.random.Generator) -> None:
    for _ in range(cases):
        height, width = size(rng), size(rng)
        m = whole(rng, height, width)
        form = rows_of(exact.snf(handed_over(rng, [list(row) for row in m], width)))
        diagonal = [int(form[i][i]) for i in range(min(height, width))]
        assert form == [[diagonal[i] if i == j else 0 for j in range(width)] for i in range(height)]
        if max(height, width) <= 6:  # entries explode on the way by the book
            assert diagonal == smith_diagonal(m, width)
        assert all(b % a == 0 if a else b == 0 for a, b in pairwise(diagonal))
        assert all(v >= 0 for v in diagonal)
        for p in (2, 3, 7, 2**31 - 1):
            residues = np.array([[v % p for v in row] for row in m], dtype=np.int64).reshape(height, width)
            assert rank_mod(residues, p) == sum(v % p != 0 for v in diagonal)
        if height == width:
            assert math.prod(diagonal) == abs(determinant(m))


def test_reduced_bases_span_the_same_lattice(cases: int, rng: np.random.Generator) -> None:
    for _ in range(cases):
        height, width = size(rng), size(rng)
        m = whole(rng, height, width)
        delta = float(rng.choice([0.99, 0.75, 0.26, 0.999, rng.uniform(0.2501, 0.9999)]))
        found = rows_of(exact.lll(handed_over(rng, [list(row) for row in m], width), delta))
        basis = [row for row in found if any(row)]
        assert found == [[0] * width] * (height - len(basis)) + basis
        assert is_reduced(basis, delta)
        assert hermite(found, width) == hermite(m, width)


@pytest.mark.parametrize(
    "call",
    [
        lambda: exact.det([1, 2]), lambda: exact.rank(5), lambda: exact.solve([[1]], 5), lambda: exact.inv(None),
        lambda: exact.charpoly([[1]], 5), lambda: exact.lll([[1]], "a"), lambda: exact.lll([[1]], float("nan")),
        lambda: exact.det([[1, 0.5], [1, 1]]), lambda: exact.det([[float("inf")]]), lambda: exact.det([[sp.nan]]),
        lambda: exact.rank(np.array([[0.5]], dtype=object)), lambda: exact.snf([[Fraction(1, 10**5000)]]),
    ],
)  # fmt: skip
def test_what_is_no_exact_matrix_is_a_named_error(call: object) -> None:
    with pytest.raises(DomainError):
        call()  # type: ignore[operator]
