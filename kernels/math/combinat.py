"""Enumeration: iterators of tuples, blocks as arrays, ranks, exact covers.

Every family has an order; ``*_array(..., start, stop)`` gives the objects of a range of ranks as rows, ``rank`` and
``unrank`` go between an object and its place. Iterators take constant amortized time per object.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Iterator, Sequence
from operator import index as as_integer
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.math import _backend
from kernels.math._integers import shown
from kernels.math._ranking import COUNT, UNRANK, rank_by_search
from kernels.math.errors import DomainError

__all__ = [
    "combinations", "combinations_array", "compositions", "compositions_array", "count", "derangements",
    "derangements_array", "dyck_words", "dyck_words_array", "exact_cover", "integer_vectors", "integer_vectors_array",
    "multiset_permutations", "partitions", "partitions_array", "permutations", "permutations_array", "rank",
    "set_partitions", "set_partitions_array", "subsets", "subsets_array", "unrank",
]  # fmt: skip

_core, IS_COMPILED = _backend.load("kernels.math._combinat", "kernels.math._combinat_pure")
_cover, _ = _backend.load("kernels.math._exact_cover", "kernels.math._exact_cover_pure")
Tuples = Iterator[tuple[Any, ...]]
Ints = NDArray[np.integer[Any]]
BYTES_LIMIT = 2**33
SIZE_LIMIT = 60
BELL_LIMIT = 3000


def _size(value: Any, name: str, high: int | None = 10**6) -> int:
    is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_integer or value < 0 or (high is not None and value > high):
        bounds = "from 0" if high is None else f"from 0 to {shown(high)}"
        raise DomainError(f"{name} must be an integer {bounds}, not {shown(value)}")
    return int(value)


def _ground(items: int | Sequence[Any], high: int = 10**6) -> tuple[int, Sequence[Any] | None]:
    if isinstance(items, int | np.integer):
        return _size(items, "n", high), None
    if not isinstance(items, Iterable):
        raise DomainError(f"a number of items is needed, or the items themselves, not {items!r}")
    held = list(items)
    return _size(len(held), "the number of items", high), held


def _start(kind: str, n: int, k: int = 0, index: int = 0) -> list[int] | None:
    """The object of a rank; None if there is none."""
    if index >= COUNT[kind](n, k):
        return None
    if kind == "derangements":
        if n == 0:
            return []
        swapped = list(range(n))
        for i in range(0, n - 1, 2):
            swapped[i], swapped[i + 1] = swapped[i + 1], swapped[i]
        if n % 2:
            swapped[n - 3 :] = [n - 2, n - 1, n - 3]
        return swapped
    return UNRANK[kind](index, n, k)


def _walk(kind: str, n: int, k: int = 0, items: Sequence[Any] | None = None, blocks: bool = False) -> Tuples:
    state = _start(kind, n, k)
    if state is None:
        return iter(())
    walker: Tuples = iter(_core.Walker(kind, state, n, items, blocks))
    return walker


def _array(kind: str, n: int, k: int, width: int, start: int, stop: int | None, top: int) -> Ints:
    total = COUNT[kind](n, k)
    first = _size(start, "start", max(total, 0))
    last = total if stop is None else min(_size(stop, "stop", None), total)
    if kind == "derangements" and first:
        raise DomainError("derangements have no ranks: start must be 0")
    rows = max(last - first, 0)
    dtype = np.uint8 if top < 256 else np.int32
    if rows * max(width, 1) * np.dtype(dtype).itemsize > BYTES_LIMIT:
        raise DomainError(f"{shown(rows)} rows of {width} do not fit; ask for blocks with start= and stop=")
    out = np.zeros((rows, width), dtype=dtype)
    if rows and width:
        _core.Walker(kind, _start(kind, n, k, first), n).fill(out)
    return out


def permutations(items: int | Sequence[Any]) -> Tuples:
    """Permutations of ``range(n)`` or of a sequence, in lexicographic order (``itertools.permutations``)."""
    n, held = _ground(items)
    return itertools.permutations(range(n) if held is None else held)


def permutations_array(n: int, start: int = 0, stop: int | None = None) -> Ints:
    """Permutations of ``range(n)`` as rows, in lexicographic order.

    Parameters
    ----------
    n : int
    start, stop : int
        Range of ranks; default: all ``n!``.

    Returns
    -------
    ndarray of uint8 (int32 for n > 256)

    Examples
    --------
    >>> permutations_array(3)[-1].tolist()
    [2, 1, 0]
    """
    size = _size(n, "n", 10_000)
    return _array("permutations", size, 0, size, start, stop, size - 1)


def multiset_permutations(items: Iterable[Hashable]) -> Tuples:
    """Distinct arrangements of items that may repeat, in the order of first appearance of the items."""
    held = list(items)
    values = list(dict.fromkeys(held))
    place = {v: i for i, v in enumerate(values)}
    state = sorted(place[v] for v in held)
    walker: Tuples = iter(_core.Walker("permutations", state, len(state), values))
    return walker


def combinations(items: int | Sequence[Any], k: int) -> Tuples:
    """Subsets of k elements, in lexicographic order (``itertools.combinations``)."""
    n, held = _ground(items)
    return itertools.combinations(range(n) if held is None else held, _size(k, "k"))


def combinations_array(n: int, k: int, start: int = 0, stop: int | None = None) -> Ints:
    """Subsets of k elements of ``range(n)`` as rows, in lexicographic order."""
    size, chosen = _size(n, "n", 10_000), _size(k, "k", 10_000)
    return _array("combinations", size, chosen, chosen, start, stop, size - 1)


def subsets(items: int | Sequence[Any]) -> Tuples:
    """All subsets in the order of the reflected Gray code: neighbours differ by one element."""
    n, held = _ground(items, SIZE_LIMIT)
    return _walk("subsets", n, 0, held)


def subsets_array(n: int, start: int = 0, stop: int | None = None) -> Ints:
    """All subsets of ``range(n)`` as rows of 0 and 1, in Gray order."""
    size = _size(n, "n", SIZE_LIMIT)
    return _array("subsets", size, 0, size, start, stop, 1)


def partitions(n: int, max_part: int | None = None) -> Tuples:
    """Partitions of n as falling tuples, from ``(n,)`` down to all ones.

    Source: Zoghbi and Stojmenovic, *Fast algorithms for generating integer partitions* (1998).

    Examples
    --------
    >>> list(partitions(4))
    [(4,), (3, 1), (2, 2), (2, 1, 1), (1, 1, 1, 1)]
    """
    size = _size(n, "n", 10_000)
    return _walk("partitions", size, size if max_part is None else _size(max_part, "max_part"))


def partitions_array(n: int, max_part: int | None = None, start: int = 0, stop: int | None = None) -> Ints:
    """Partitions of n as rows of n numbers, padded with 0."""
    size = _size(n, "n", 10_000)
    largest = size if max_part is None else _size(max_part, "max_part")
    return _array("partitions", size, largest, size, start, stop, size)


def compositions(n: int) -> Tuples:
    """Ordered sums of positive parts, in lexicographic order: ``2**(n-1)`` of them."""
    return _walk("compositions", _size(n, "n", SIZE_LIMIT))


def compositions_array(n: int, start: int = 0, stop: int | None = None) -> Ints:
    """Compositions of n as rows of n numbers, padded with 0."""
    size = _size(n, "n", SIZE_LIMIT)
    return _array("compositions", size, 0, size, start, stop, size)


def integer_vectors(n: int, length: int) -> Tuples:
    """Vectors of non-negative integers with sum n, in lexicographic order."""
    return _walk("integer_vectors", _size(n, "n"), _size(length, "length", 10_000))


def integer_vectors_array(n: int, length: int, start: int = 0, stop: int | None = None) -> Ints:
    """Vectors of non-negative integers with sum n, as rows."""
    size, width = _size(n, "n"), _size(length, "length", 10_000)
    return _array("integer_vectors", size, width, width, start, stop, size)


def set_partitions(items: int | Sequence[Any]) -> Tuples:
    """Partitions of a set as tuples of blocks, in lexicographic order of their restricted growth strings.

    Source: Knuth, *The Art of Computer Programming* 4A, section 7.2.1.5, algorithm H.

    Examples
    --------
    >>> list(set_partitions("ab"))
    [(('a', 'b'),), (('a',), ('b',))]
    """
    n, held = _ground(items, SIZE_LIMIT)
    return _walk("set_partitions", n, 0, held, True)


def set_partitions_array(n: int, start: int = 0, stop: int | None = None) -> Ints:
    """Partitions of ``range(n)`` as restricted growth strings: entry i is the block of i."""
    size = _size(n, "n", SIZE_LIMIT)
    return _array("set_partitions", size, 0, size, start, stop, size)


def derangements(items: int | Sequence[Any]) -> Tuples:
    """Permutations in which no item stays in its place, in lexicographic order of places."""
    n, held = _ground(items, 10_000)
    return _walk("derangements", n, 0, held)


def derangements_array(n: int, stop: int | None = None) -> Ints:
    """Derangements of ``range(n)`` as rows."""
    size = _size(n, "n", 10_000)
    return _array("derangements", size, 0, size, 0, stop, size - 1)


def dyck_words(n: int) -> Tuples:
    """Balanced words of n ups (1) and n downs (0), from ``1..10..0`` down to ``10..10``."""
    return _walk("dyck_words", _size(n, "n", 10_000))


def dyck_words_array(n: int, start: int = 0, stop: int | None = None) -> Ints:
    """Balanced words of n ups (1) and n downs (0), as rows."""
    size = _size(n, "n", 10_000)
    return _array("dyck_words", size, 0, 2 * size, start, stop, 1)


def _family(kind: str, n: int, k: int | None) -> tuple[int, int]:
    if not isinstance(kind, str) or kind not in UNRANK:
        raise DomainError(f"there are ranks for {sorted(UNRANK)}, not for {kind!r}")
    size = _size(n, "n", BELL_LIMIT if kind == "set_partitions" else 10**6)
    if k is None:
        if kind in ("combinations", "integer_vectors"):
            raise DomainError(f"{kind} need k")
        return size, size if kind == "partitions" else 0
    return size, _size(k, "k")


def count(kind: str, n: int, k: int | None = None) -> int:
    """Number of objects of a family, e.g. ``count("set_partitions", 10)``; k as in `rank`."""
    if kind == "derangements":
        return COUNT[kind](_size(n, "n", 10_000), 0)
    size, other = _family(kind, n, k)
    return COUNT[kind](size, other)


def unrank(kind: str, index: int, n: int, k: int | None = None) -> tuple[int, ...]:
    """The object at a place of a family's order.

    Parameters
    ----------
    kind : str
        ``"permutations"``, ``"combinations"``, ``"subsets"`` (as a row of 0 and 1), ``"partitions"``,
        ``"compositions"``, ``"integer_vectors"``, ``"set_partitions"`` (as a growth string), ``"dyck_words"``.
    index : int
        Place, from 0.
    n, k : int
        Size; k is the number of chosen elements, the length of vectors, or the largest part.

    Examples
    --------
    >>> unrank("permutations", 5, 3)
    (2, 1, 0)
    """
    size, other = _family(kind, n, k)
    total = COUNT[kind](size, other)
    if not isinstance(index, int | np.integer) or not 0 <= index < total:
        raise DomainError(f"index must lie in 0..{shown(total - 1)}, not {shown(index)}")
    return tuple(UNRANK[kind](int(index), size, other))


def rank(kind: str, item: Sequence[int], n: int | None = None, k: int | None = None) -> int:
    """The place of an object in its family's order; the inverse of `unrank`.

    ``n`` and ``k`` are found from the object where it determines them.

    Raises
    ------
    DomainError
        If the object does not belong to the family.
    """
    try:
        state = [as_integer(v) for v in item]
    except TypeError as error:
        raise DomainError(f"an object is a sequence of integers, not {shown(item)}") from error
    if n is None:
        sums = ("partitions", "compositions", "integer_vectors")
        n = sum(state) if kind in sums else len(state) // 2 if kind == "dyck_words" else len(state)
        if kind == "combinations":
            raise DomainError("the rank of a combination needs n")
    if k is None and kind in ("combinations", "integer_vectors"):
        k = len(state)
    size, other = _family(kind, n, k)
    if kind == "subsets" and (len(state) != size or set(state) - {0, 1}):
        raise DomainError(f"{shown(state)} is not a row of {size} zeros and ones")
    return rank_by_search(kind, state, size, other)


def exact_cover(rows: NDArray[Any] | Sequence[Iterable[int]], secondary: int = 0) -> Iterator[tuple[int, ...]]:
    """Choices of rows that cover every column exactly once.

    Parameters
    ----------
    rows : sequence of collections of column numbers, or array of 0 and 1
        What every row covers.
    secondary : int
        So many last columns may stay uncovered, but are covered at most once.

    Yields
    ------
    tuple of int
        Row numbers.

    Notes
    -----
    Knuth, *Dancing links* (2000), with the column of fewest rows first. Exponential in general.

    Examples
    --------
    >>> list(exact_cover([[0, 1], [2], [0]]))
    [(1, 0)]
    """
    if isinstance(rows, np.ndarray):
        if rows.ndim != 2 or not np.isin(rows, (0, 1)).all():
            raise DomainError("a matrix must be two-dimensional, of 0 and 1")
        listed, columns = [np.flatnonzero(r).tolist() for r in rows], rows.shape[1]
    else:
        try:
            listed = [sorted({_size(c, "a column") for c in r}) for r in rows]
        except TypeError as error:
            raise DomainError(f"rows must be collections of column numbers: {error}") from error
        columns = max((c for r in listed for c in r), default=-1) + 1
    secondary = _size(secondary, "secondary", columns)
    solutions: Iterator[tuple[int, ...]] = iter(_cover.ExactCover(listed, columns, columns - secondary))
    return solutions
