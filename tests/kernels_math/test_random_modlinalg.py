"""``modlinalg`` against FLINT on random matrices of every form, structure and modulus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flint
import numpy as np
import pytest

from kernels.math import DomainError, NotInvertibleError, modlinalg
from kernels.math.modlinalg import IS_COMPILED
from kernels.math.primes import next_prime
from tests.kernels_math.integer_matrices import Ints, dimension, matrix

# where a bit, a byte or a word ends, and where sums of unreduced products stop to be exact
PRIMES = [2, 3, 5, 127, 251, 257, 65521, 65537, 8388593, 11863279, 16777213, 16777259, 33554393, 1073741789, 2147483629,
          2**31 - 1]  # fmt: skip
# elimination, triangles and products are cut at 32, 64 and 252 numbers
BOUNDS = ((8, 40, 70, 140, 300), (0.8, 0.14, 0.04, 0.015, 0.005)) if IS_COMPILED else ((8, 20, 36), (0.9, 0.08, 0.02))


def modulus(rng: np.random.Generator) -> int:
    chance = rng.random()
    if chance < 0.15:
        return 2
    if chance < 0.6:
        return int(rng.choice(PRIMES))
    if chance < 0.7:
        return next_prime(int(rng.integers(2**31 - 1000, 2**31 - 1)))
    return next_prime(int(rng.integers(1, 2 ** int(rng.integers(2, 32)) - 1)))


def size(rng: np.random.Generator) -> int:
    return dimension(rng, *BOUNDS)


def as_flint(a: Ints, p: int) -> flint.nmod_mat:
    rows, columns = a.shape
    return flint.nmod_mat(rows, columns, a.ravel().tolist(), p)


def assert_equal(a: Any, m: flint.nmod_mat) -> None:
    assert a.dtype == np.int64
    assert a.shape == (m.nrows(), m.ncols())
    assert a.size == 0 or 0 <= a.min() <= a.max() < m.modulus()
    assert as_flint(a, m.modulus()) == m


def test_echelon_forms_ranks_and_kernels(trials: Iterator[int], rng: np.random.Generator) -> None:
    for _ in trials:
        p, rows, columns = modulus(rng), size(rng), size(rng)
        given, a = matrix(rng, (rows, columns), p)
        m = as_flint(a, p)
        expected, rank = m.rref()
        reduced, pivots = modlinalg.rref_mod(given, p)
        assert_equal(reduced, expected)
        assert modlinalg.rank_mod(given, p) == len(pivots) == rank
        assert np.array_equal(reduced[:rank, pivots], np.eye(rank))
        kernel = modlinalg.nullspace_mod(given, p)
        free = np.delete(np.arange(columns), pivots)
        assert np.array_equal(kernel[:, free], np.eye(columns - rank))
        assert m * as_flint(kernel.T, p) == flint.nmod_mat(rows, columns - rank, p)


def test_determinants(trials: Iterator[int], rng: np.random.Generator) -> None:
    for _ in trials:
        p, n = modulus(rng), size(rng)
        given, a = matrix(rng, (n, n), p)
        assert modlinalg.det_mod(given, p) == int(as_flint(a, p).det())


def test_solutions_and_inverses(trials: Iterator[int], rng: np.random.Generator) -> None:
    for _ in trials:
        p, n, columns = modulus(rng), size(rng), size(rng)
        given, a = matrix(rng, (n, n), p)
        right, b = matrix(rng, (n, columns), p)
        m = as_flint(a, p)
        if n and int(m.det()) == 0:
            with pytest.raises(NotInvertibleError):
                modlinalg.solve_mod(given, right, p)
            with pytest.raises(NotInvertibleError):
                modlinalg.inv_mod(given, p)
            continue
        x = modlinalg.solve_mod(given, right, p)
        assert_equal(x, m.solve(as_flint(b, p)))
        assert_equal(modlinalg.inv_mod(given, p), m.inv())
        if columns:
            np.testing.assert_array_equal(modlinalg.solve_mod(given, np.asarray(right)[:, 0], p), x[:, 0])


def test_products_modulo_any_number(trials: Iterator[int], rng: np.random.Generator) -> None:
    for _ in trials:
        p = modulus(rng) if rng.random() < 0.7 else int(rng.integers(2, 2 ** int(rng.integers(2, 32))))
        rows, columns = size(rng) % 50, size(rng) % 50
        terms = int(rng.integers(200, 700)) if rng.random() < 0.02 else size(rng)
        left, a = matrix(rng, (rows, terms), p)
        right, b = matrix(rng, (terms, columns), p)
        assert_equal(modlinalg.matmul_mod(left, right, p), as_flint(a, p) * as_flint(b, p))


def test_characteristic_polynomials_are_determinants(trials: Iterator[int], rng: np.random.Generator) -> None:
    for _ in trials:
        p, n = modulus(rng), min(size(rng), 40)
        given, a = matrix(rng, (n, n), p)
        coefficients = modlinalg.charpoly_mod(given, p)
        assert coefficients.dtype == np.int64
        assert len(coefficients) == n + 1
        assert coefficients[-1] == 1
        for x in {0, 1, int(rng.integers(0, p))}:
            value = 0
            for c in coefficients[::-1].tolist():
                value = (value * x + c) % p
            assert value == modlinalg.det_mod(x * np.eye(n, dtype=np.int64) - a, p)


@pytest.mark.parametrize(
    "call",
    [
        lambda: modlinalg.det_mod(np.array([[0.5]], dtype=object), 7), lambda: modlinalg.rank_mod([[1, 2], [3]], 7),
        lambda: modlinalg.det_mod(np.array([["a"]], dtype=object), 7), lambda: modlinalg.rank_mod([[None]], 2),
        lambda: modlinalg.matmul_mod([[0.5]], [[1]], 7), lambda: modlinalg.det_mod([[1]], 10**5000),
        lambda: modlinalg.solve_mod([[1]], 1, 7), lambda: modlinalg.det_mod([[2**64, 0.5], [1, 1]], 7),
    ],
)  # fmt: skip
def test_what_is_no_matrix_of_integers_is_a_named_error(call: object) -> None:
    with pytest.raises(DomainError):
        call()  # type: ignore[operator]
