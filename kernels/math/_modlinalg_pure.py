"""Twins of ``_modlinalg`` by NumPy on exact integers; slow, for installations without a compiler."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def _balanced(x: Any, p: int) -> Any:
    r = x % p
    return np.where(r > p // 2, r - p, r)


def load(values: NDArray[np.int64], p: int) -> Floats:
    """Residues between -p/2 and p/2, as doubles."""
    return np.asarray(_balanced(values, p), dtype=np.float64)


def load_beside(left: NDArray[np.int64], right: NDArray[np.int64], p: int) -> Floats:
    """Residues of two matrices beside each other, as `load` makes them."""
    return np.hstack((load(left, p), load(right, p)))


def store(x: Floats, p: int) -> NDArray[np.int64]:
    """Residues from 0 to p-1, as int64."""
    return np.asarray(x, dtype=np.int64) % p


def pack(values: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Lowest bits of every row, 64 to a word."""
    packed = np.packbits((values & 1).astype(np.uint8), axis=1, bitorder="little")
    words = np.zeros((values.shape[0], 8 * max(1, (values.shape[1] + 63) // 64)), dtype=np.uint8)
    words[:, : packed.shape[1]] = packed
    return words.view(np.uint64)


def multiply_add(total: Floats, a: Floats, b: Floats, p: int, sign: float) -> None:
    """``total += sign * a @ b`` modulo p."""
    sum_ = total.astype(np.int64)
    left, right = a.astype(np.int64), b.astype(np.int64)
    for k in range(left.shape[1]):  # products of residues have 60 bits: one at a time
        sum_ = _balanced(sum_ + int(sign) * (left[:, k : k + 1] * right[k : k + 1] % p), p)
    total[...] = sum_


class Echelon:
    """Row echelon form by plain elimination."""

    def __init__(self, w: Floats, p: int) -> None:
        m = w.astype(np.int64) % p
        self.rank, self.sign = 0, 1
        pivots = []
        for c in range(m.shape[1]):
            below = np.flatnonzero(m[self.rank :, c])
            if not len(below):
                continue
            r = self.rank + int(below[0])
            if r != self.rank:
                m[[self.rank, r]] = m[[r, self.rank]]
                self.sign = -self.sign
            factors = m[self.rank + 1 :, c] * pow(int(m[self.rank, c]), -1, p) % p
            m[self.rank + 1 :] = (m[self.rank + 1 :] - factors[:, None] * m[self.rank] % p) % p
            pivots.append(c)
            self.rank += 1
            if self.rank == len(m):
                break
        self._p = p
        self.w: Floats = m.astype(np.float64)
        self.pivots = np.array(pivots, dtype=np.int64)

    def determinant(self) -> int:
        """Product of the pivots with the sign of the permutation, modulo p."""
        result = self.sign
        for pivot in self.w.diagonal().tolist():
            result = result * int(pivot) % self._p
        return result % self._p


def upper_solve(u: Floats, b: Floats, p: int) -> None:
    """``b := U^-1 b`` in place, for the upper triangle of u."""
    m, x = u.astype(np.int64) % p, b.astype(np.int64) % p
    for i in range(len(m) - 1, -1, -1):
        for j in range(i + 1, len(m)):
            x[i] = (x[i] - m[i, j] * x[j]) % p
        x[i] = x[i] * pow(int(m[i, i]), -1, p) % p
    b[...] = x


def eliminate_bits(rows: NDArray[np.uint64], columns: int, full: bool) -> NDArray[np.int64]:
    """Echelon form of bit rows in place (reduced if ``full``); returns the pivot columns."""
    pivots: list[int] = []
    for c in range(columns):
        rank = len(pivots)
        if rank == len(rows):
            break
        bits = (rows[:, c >> 6] >> np.uint64(c & 63)) & np.uint64(1) == 1
        below = np.flatnonzero(bits[rank:])
        if not len(below):
            continue
        r = rank + int(below[0])
        rows[[rank, r]] = rows[[r, rank]]
        bits[[rank, r]] = bits[[r, rank]]
        bits[: rank + 1 if not full else 0] = False
        bits[rank] = False
        rows[bits] ^= rows[rank]
        pivots.append(c)
    return np.array(pivots, dtype=np.int64)
