"""Random integer matrices in the forms in which people hand them over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[Any]
TYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
FORMS = (*TYPES, "list", "object", "huge", "wide", "unsigned")


def dimension(rng: np.random.Generator, bounds: Sequence[int], weights: Sequence[float]) -> int:
    """A size of 0, or from the ranges between the bounds, the first one beginning with 1."""
    k = int(rng.choice(len(bounds) + 1, p=[0.03, *(0.97 * w for w in weights)]))
    return int(rng.integers((1, *bounds)[k - 1], bounds[k - 1] + 1)) if k else 0


def residues(rng: np.random.Generator, shape: tuple[int, int], p: int) -> Ints:
    """Residues modulo p: dense, sparse, extreme, dependent, in echelon form, permutations, zero."""
    rows, columns = shape
    dense = rng.integers(0, p, shape)
    match int(rng.integers(8)):
        case 0 | 1:
            return dense
        case 2:
            return np.where(rng.random(shape) < 0.2, dense, 0)
        case 3:
            return rng.choice([0, 1, p // 2, p // 2 + 1, p - 1], shape) % p
        case 4 if rows > 1:  # rows of which many are multiples of others
            few = dense[rng.integers(0, rng.integers(1, rows + 1), rows)]
            return few * rng.integers(0, min(p, 50), (rows, 1)) % p
        case 5:
            return np.triu(dense, int(rng.integers(-1, 3)))
        case 6 if rows == columns:
            return dense * np.eye(rows, dtype=np.int64)[rng.permutation(rows)]
        case 7 if columns > 1:  # columns that repeat
            return dense[:, rng.integers(0, rng.integers(1, columns + 1), columns)]
        case _:
            return np.where(rng.random(shape) < 0.5, dense, np.zeros(shape, dtype=np.int64))


def matrix(rng: np.random.Generator, shape: tuple[int, int], p: int) -> tuple[Any, Ints]:
    """A random matrix as it may be handed over, and its residues modulo p."""
    if rng.random() < 0.04:
        ends = rng.choice([-(2**63), -(2**63) + 1, 2**63 - 1, -1, 0, 1, 2**53 + 1, -(2**50), 2**50], shape)
        return ends, ends % p
    a = residues(rng, shape, p)
    return dressed(rng, a, p), a


def dressed(rng: np.random.Generator, a: Ints, p: int) -> Any:
    """The same residues as lists, as arrays of any integer type and size of entries, in any memory layout."""
    form = str(rng.choice(FORMS))
    if form == "list" and a.size:
        return [[int(v) - p * int(rng.integers(-3, 4)) for v in row] for row in a.tolist()]
    if form in ("object", "huge") and a.size < 400:
        size = 3 if form == "object" else 2**100
        held = np.empty(a.shape, dtype=object)
        for i, v in np.ndenumerate(a):
            held[i] = int(v) + p * (int(rng.integers(-5, 6)) * size)
        return _laid_out(rng, held)
    if form == "wide":  # as far as 64 bits go
        most = 2**63 // p - 1
        return _laid_out(rng, a + p * rng.choice([-most, most, 0, 1, -1, int(rng.integers(-most, most + 1))], a.shape))
    if form == "unsigned":
        most = 2**64 // p - 1
        return _laid_out(rng, a.astype(np.uint64) + np.uint64(p) * rng.integers(0, most, a.shape, dtype=np.uint64))
    centred = np.where(a > p // 2, a - p, a) if rng.random() < 0.5 else a
    for kind in (form, "int64"):
        if kind in TYPES and (centred.size == 0 or _fits(centred, kind)):
            return _laid_out(rng, centred.astype(kind))
    return centred


def _fits(a: Ints, kind: str) -> bool:
    limits = np.iinfo(kind)
    return bool(limits.min <= int(a.min()) and int(a.max()) <= limits.max)


def _laid_out(rng: np.random.Generator, a: Ints) -> Ints:
    match int(rng.integers(5)):
        case 0:
            return np.asfortranarray(a)
        case 1:
            return np.repeat(np.repeat(a, 2, axis=0), 3, axis=1)[::2, ::3]
        case 2:
            return np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1]
        case 3:
            a.flags.writeable = False
            return a
        case _:
            return a
