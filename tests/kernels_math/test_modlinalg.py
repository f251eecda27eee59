"""``modlinalg`` against python-flint and defining properties."""

from __future__ import annotations

import itertools

import flint
import numpy as np
import pytest

from kernels.math import DomainError, NotInvertibleError, modlinalg
from kernels.math.modlinalg import IS_COMPILED

# those about 2**23 and 2**24 are where sums of unreduced products stop to be exact
PRIMES = [2, 3, 5, 257, 65537, 8388593, 11863279, 16777213, 16777259, 1073741789, 2**31 - 1]
SIZES = [(1, 1), (2, 5), (7, 3), (33, 33), (64, 70), (130, 129)] if IS_COMPILED else [(1, 1), (2, 5), (7, 3), (33, 33)]


def flint_matrix(a: np.ndarray, p: int) -> flint.nmod_mat:
    return flint.nmod_mat(*a.shape, [int(v) % p for v in a.ravel().tolist()], p)


def as_array(m: flint.nmod_mat) -> np.ndarray:
    return np.array([[int(v) for v in row] for row in m.table()], dtype=np.int64).reshape(m.nrows(), m.ncols())


def random_matrix(rng: np.random.Generator, shape: tuple[int, int], p: int, rank: int | None = None) -> np.ndarray:
    if rank is None:
        return rng.integers(-p, p, shape)
    left, right = rng.integers(0, p, (shape[0], rank)), rng.integers(0, p, (rank, shape[1]))
    return as_array(flint_matrix(left, p) * flint_matrix(right, p)).reshape(shape)


@pytest.mark.parametrize("p", PRIMES)
@pytest.mark.parametrize("shape", SIZES)
def test_echelon_form_rank_and_nullspace_equal_flints(
    p: int, shape: tuple[int, int], level: str, rng: np.random.Generator
) -> None:
    for rank in (None, min(shape) // 2, 0):
        a = random_matrix(rng, shape, p, rank)
        expected, size = flint_matrix(a, p).rref()
        reduced, pivots = modlinalg.rref_mod(a, p)
        np.testing.assert_array_equal(reduced, as_array(expected))
        assert modlinalg.rank_mod(a, p) == size == len(pivots)
        kernel = modlinalg.nullspace_mod(a, p)
        assert kernel.shape == (shape[1] - size, shape[1])
        assert not modlinalg.matmul_mod(a, kernel.T, p).any()


@pytest.mark.parametrize("p", PRIMES)
@pytest.mark.parametrize("n", [1, 2, 31, 50, 100] if IS_COMPILED else [1, 2, 31])
def test_determinant_solution_and_inverse_equal_flints(p: int, n: int, level: str, rng: np.random.Generator) -> None:
    a = random_matrix(rng, (n, n), p)
    m = flint_matrix(a, p)
    assert modlinalg.det_mod(a, p) == int(m.det())
    b = rng.integers(0, p, (n, 3))
    if int(m.det()) == 0:
        with pytest.raises(NotInvertibleError):
            modlinalg.solve_mod(a, b, p)
        return
    x = modlinalg.solve_mod(a, b, p)
    np.testing.assert_array_equal(x, as_array(m.solve(flint_matrix(b, p))))
    np.testing.assert_array_equal(modlinalg.solve_mod(a, b[:, 0], p), x[:, 0])
    np.testing.assert_array_equal(modlinalg.matmul_mod(a, modlinalg.inv_mod(a, p), p), np.eye(n, dtype=int))


@pytest.mark.parametrize("p", [8388593, 11863279, 16777213])
@pytest.mark.parametrize("n", [50, 64])
def test_eliminations_of_extreme_residues_are_exact(n: int, p: int, level: str, rng: np.random.Generator) -> None:
    """Lower triangle of -1 and upper one of residues next to p/2: the sums grow as far as they can."""
    a = np.where(rng.random((n, n)) < 0.5, p // 2, p // 2 + 1)
    lower = np.tril(np.where(rng.random((n, n)) < 0.9, p // 2, 1), -1) + np.eye(n, dtype=np.int64)
    for matrix in (a, as_array(flint_matrix(lower, p) * flint_matrix(np.triu(a), p))):
        m = flint_matrix(matrix, p)
        assert modlinalg.det_mod(matrix, p) == int(m.det())
        assert modlinalg.rank_mod(matrix, p) == m.rank()
        if int(m.det()):
            b = np.full((n, 2), p // 2)
            np.testing.assert_array_equal(modlinalg.solve_mod(matrix, b, p), as_array(m.solve(flint_matrix(b, p))))


@pytest.mark.parametrize("p", [*PRIMES, 6, 2**31 - 2])
def test_products_of_extreme_residues_are_exact(p: int, level: str, rng: np.random.Generator) -> None:
    terms = 1100 if IS_COMPILED else 60
    for fill in (p // 2, p - p // 2, p - 1, None):
        a = rng.integers(0, p, (5, terms)) if fill is None else np.full((5, terms), fill)
        b = rng.integers(0, p, (terms, 4)) if fill is None else np.full((terms, 4), fill)
        expected = (a.astype(object) @ b.astype(object)) % p
        np.testing.assert_array_equal(modlinalg.matmul_mod(a, b, p), expected.astype(np.int64))


def test_large_matrices_recurse(rng: np.random.Generator) -> None:
    n, p = (300, 2**31 - 1) if IS_COMPILED else (40, 2**31 - 1)
    a = random_matrix(rng, (n, n), p)
    assert modlinalg.det_mod(a, p) == int(flint_matrix(a, p).det())
    deficient = random_matrix(rng, (n, n), p, n - 17)
    assert modlinalg.rank_mod(deficient, p) == n - 17
    assert modlinalg.det_mod(deficient, p) == 0


def test_any_integer_type_is_taken() -> None:
    values = [[2**63 + 5, 3], [7, 2**64 - 1]]
    expected = flint_matrix(np.array(values, dtype=object), 101)
    for a in (np.array(values, dtype=np.uint64), np.array(values, dtype=object)):
        assert modlinalg.det_mod(a, 101) == int(expected.det())
        assert modlinalg.rank_mod(a, 2) == flint_matrix(np.array(values, dtype=object), 2).rank()
    assert modlinalg.det_mod(np.array([[True, False], [False, True]]), 7) == 1
    assert modlinalg.det_mod(np.array([[-(2**62), 1], [0, 1]]), 7) == -(2**62) % 7
    assert modlinalg.det_mod(np.zeros((0, 0), dtype=int), 7) == 1
    assert modlinalg.rank_mod(np.zeros((0, 3), dtype=int), 2) == 0
    np.testing.assert_array_equal(modlinalg.det_mod(np.asfortranarray([[1, 2], [3, 4]]), 7), 5)


def test_characteristic_polynomial_annihilates_its_matrix(rng: np.random.Generator) -> None:
    p, n = 10007, 8
    a = rng.integers(0, p, (n, n))
    total, power = np.zeros((n, n), dtype=np.int64), np.eye(n, dtype=np.int64)
    for c in modlinalg.charpoly_mod(a, p):
        total = (total + c * power) % p
        power = modlinalg.matmul_mod(power, a, p)
    assert not total.any()


@pytest.mark.parametrize(
    "call",
    [
        lambda: modlinalg.det_mod([[1]], 4), lambda: modlinalg.det_mod([[1]], 2**31),
        lambda: modlinalg.det_mod([[1, 2]], 7),
        lambda: modlinalg.det_mod([[0.5]], 7), lambda: modlinalg.matmul_mod([[1]], [[1], [2]], 7),
        lambda: modlinalg.solve_mod([[1]], [1, 2], 7), lambda: modlinalg.rank_mod([1, 2], 7),
        lambda: modlinalg.det_mod([[1]], 1),
    ],
)  # fmt: skip
def test_bad_input_is_a_named_error(call: object) -> None:
    with pytest.raises(DomainError):
        call()  # type: ignore[operator]


@pytest.mark.parametrize("p", [2**31 - 1, 2147483629, 2**25 - 39, 2**24 - 3])
@pytest.mark.parametrize("n", [251, 252, 253, 600])
def test_the_largest_products_are_exact(p: int, n: int) -> None:
    half = 2**15  # the largest lower half of a residue
    for x, y in itertools.product((p // 2, p // 2 + 1), (half, p - half, p // 2 - half, p // 2 + 1 + half)):
        product = modlinalg.matmul_mod(np.full((2, n), x), np.full((n, 2), y), p)
        assert product.tolist() == [[n * x * y % p] * 2] * 2
