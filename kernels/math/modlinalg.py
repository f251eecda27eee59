"""Linear algebra modulo a prime, from NumPy integer arrays.

Residues are doubles between -p/2 and p/2, so matrix products run on BLAS: one product for p below 2**24, two (of the
residues with upper and lower halves) up to 2**31. Elimination recurses on columns, which leaves nearly all the work to
these products. p = 2 has a bit-packed path. Source: Dumas, Giorgi, Pernet, *Dense linear algebra over word-size prime
fields* (2008).
"""

from __future__ import annotations

from functools import lru_cache

import flint
import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels.math import _backend
from kernels.math._integers import integer_array, shown
from kernels.math.errors import DomainError, NotInvertibleError
from kernels.math.primes import is_prime

__all__ = [
    "charpoly_mod", "det_mod", "inv_mod", "matmul_mod", "nullspace_mod", "rank_mod", "rref_mod", "solve_mod",
]  # fmt: skip

_core, IS_COMPILED = _backend.load("kernels.math._modlinalg", "kernels.math._modlinalg_pure")
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
LIMIT = 2**31
_is_prime = lru_cache(maxsize=256)(is_prime)


def _modulus(p: int, prime: bool = True) -> int:
    if not isinstance(p, int | np.integer) or not 2 <= p < LIMIT:
        raise DomainError(f"the modulus must be an integer from 2 to 2**31 - 1, not {shown(p)}")
    if prime and not _is_prime(int(p)):
        raise DomainError(f"the modulus must be prime, not {p}")
    return int(p)


def _matrix(a: ArrayLike, square: bool = False) -> Ints:
    array = integer_array(a)
    if array.ndim != 2:
        raise DomainError(f"a matrix must be a two-dimensional array of integers, not one of shape {array.shape}")
    if square and array.shape[0] != array.shape[1]:
        raise DomainError(f"the matrix must be square, not {array.shape[0]} x {array.shape[1]}")
    return array


def _machine_integers(a: Ints, p: int) -> Ints:
    """The same modulo p: Python integers of any size and unsigned ones are reduced."""
    if a.dtype.kind == "O" or a.dtype == np.uint64:
        a = np.array(a % p, dtype=np.int64).reshape(a.shape)
    return np.ascontiguousarray(a, dtype=np.int64)


def _loaded(a: Ints, p: int) -> Floats:
    """Residues as doubles."""
    loaded: Floats = _core.load(_machine_integers(a, p), p)
    return loaded


def _residues(x: Floats, p: int) -> Ints:
    stored: Ints = _core.store(x, p)
    return stored


def matmul_mod(a: ArrayLike, b: ArrayLike, p: int) -> Ints:
    """Matrix product modulo any p < 2**31, with entries 0..p-1.

    Examples
    --------
    >>> matmul_mod([[1, 2], [3, 4]], [[5, 6], [7, 8]], 10).tolist()
    [[9, 2], [3, 0]]
    """
    modulus = _modulus(p, prime=False)
    left, right = _matrix(a), _matrix(b)
    if left.shape[1] != right.shape[0]:
        raise DomainError(f"shapes {left.shape} and {right.shape} do not match")
    total = np.zeros((left.shape[0], right.shape[1]))
    _core.multiply_add(total, _loaded(left, modulus), _loaded(right, modulus), modulus, 1.0)
    return _residues(total, modulus)


def _bits(a: Ints) -> NDArray[np.uint64]:
    odd = a % 2 if a.dtype.kind == "O" else a.view(np.int64) if a.dtype == np.uint64 else a
    packed: NDArray[np.uint64] = _core.pack(np.ascontiguousarray(odd, dtype=np.int64))
    return packed


def _unpacked(words: NDArray[np.uint64], columns: int) -> Ints:
    return np.unpackbits(words.view(np.uint8), axis=1, count=columns, bitorder="little").astype(np.int64)


def rank_mod(a: ArrayLike, p: int) -> int:
    """Rank modulo a prime."""
    modulus, matrix = _modulus(p), _matrix(a)
    if modulus == 2:
        return len(_core.eliminate_bits(_bits(matrix), matrix.shape[1], False))
    return int(_core.Echelon(_loaded(matrix, modulus), modulus).rank)


def det_mod(a: ArrayLike, p: int) -> int:
    """Determinant modulo a prime, from 0 to p-1."""
    modulus, matrix = _modulus(p), _matrix(a, square=True)
    n = len(matrix)
    if modulus == 2:
        return int(len(_core.eliminate_bits(_bits(matrix), n, False)) == n)
    form = _core.Echelon(_loaded(matrix, modulus), modulus)
    if form.rank < n:
        return 0
    return int(form.determinant())


def rref_mod(a: ArrayLike, p: int) -> tuple[Ints, Ints]:
    """Reduced row echelon form modulo a prime, and its pivot columns."""
    modulus, matrix = _modulus(p), _matrix(a)
    if modulus == 2:
        words = _bits(matrix)
        pivots: Ints = _core.eliminate_bits(words, matrix.shape[1], True)
        return _unpacked(words, matrix.shape[1]), pivots
    form = _core.Echelon(_loaded(matrix, modulus), modulus)
    rank, columns = form.rank, matrix.shape[1]
    pivots = np.array(form.pivots)
    others = np.setdiff1d(np.arange(columns), pivots)
    out = np.zeros(matrix.shape, dtype=np.int64)
    out[np.arange(rank), pivots] = 1
    if rank and len(others):
        rest = np.ascontiguousarray(form.w[:rank, others])
        _core.upper_solve(np.ascontiguousarray(form.w[:rank, pivots]), rest, modulus)
        out[:rank, others] = _residues(rest, modulus)
    return out, pivots


def nullspace_mod(a: ArrayLike, p: int) -> Ints:
    """Basis of the vectors v with ``a @ v = 0`` modulo a prime, one per row; shape ``(n - rank, n)``."""
    reduced, pivots = rref_mod(a, p)
    n = reduced.shape[1]
    free = np.setdiff1d(np.arange(n), pivots)
    basis = np.zeros((len(free), n), dtype=np.int64)
    basis[np.arange(len(free)), free] = 1
    basis[:, pivots] = (-reduced[: len(pivots), free].T) % int(p)
    return basis


def solve_mod(a: ArrayLike, b: ArrayLike, p: int) -> Ints:
    """The x with ``a @ x = b`` modulo a prime; b is a vector or a matrix.

    Raises
    ------
    NotInvertibleError
        If a is singular modulo p.
    """
    modulus, matrix = _modulus(p), _matrix(a, square=True)
    right = integer_array(b)
    columns = _matrix(right[:, None] if right.ndim == 1 else right)
    n = len(matrix)
    if len(columns) != n:
        raise DomainError(f"the right side has {len(columns)} rows, the matrix {n}")
    if modulus == 2:
        words = _bits(np.hstack([np.asarray(matrix % 2), np.asarray(columns % 2)]))
        if len(_core.eliminate_bits(words, n, True)) < n:
            raise NotInvertibleError("the matrix is singular modulo 2")
        x = _unpacked(words, n + columns.shape[1])[:, n:]
        return x[:, 0] if right.ndim == 1 else x
    augmented = _core.load_beside(_machine_integers(matrix, modulus), _machine_integers(columns, modulus), modulus)
    form = _core.Echelon(augmented, modulus)
    if form.rank < n or (n and form.pivots[-1] != n - 1):
        raise NotInvertibleError(f"the matrix is singular modulo {modulus}")
    rest = form.w[:, n:]
    _core.upper_solve(form.w[:, :n], rest, modulus)
    x = _residues(rest, modulus)
    return x[:, 0] if right.ndim == 1 else x


def inv_mod(a: ArrayLike, p: int) -> Ints:
    """Inverse modulo a prime.

    Raises
    ------
    NotInvertibleError
        If a is singular modulo p.
    """
    matrix = _matrix(a, square=True)
    return solve_mod(matrix, np.eye(len(matrix), dtype=np.int64), p)


def charpoly_mod(a: ArrayLike, p: int) -> Ints:
    """Coefficients of ``det(x - a)`` modulo a prime, ascending, by FLINT."""
    modulus, matrix = _modulus(p), _matrix(a, square=True)
    n = len(matrix)
    entries = [int(v) % modulus for v in matrix.ravel().tolist()]
    return np.array([int(c) for c in flint.nmod_mat(n, n, entries, modulus).charpoly().coeffs()], dtype=np.int64)
