"""Counts, ranks and unranking of combinatorial objects, in the orders in which ``combinat`` walks through them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import lru_cache

from kernels.math._integers import shown
from kernels.math.errors import DomainError

State = list[int]


@lru_cache(maxsize=100_000)
def partition_count(n: int, largest: int) -> int:
    """Partitions of n into parts of at most ``largest``."""
    if n == 0:
        return 1
    if n < 0 or largest <= 0:
        return 0
    row = [1] + [0] * n
    for part in range(1, min(largest, n) + 1):
        for m in range(part, n + 1):
            row[m] += row[m - part]
    return row[n]


@lru_cache(maxsize=16)
def bell_numbers(n: int) -> tuple[int, ...]:
    """Numbers of partitions of sets of 0, 1, ..., n elements, from the rows of Bell's triangle."""
    found, row = [1], [1]
    for _ in range(n):
        row = list(itertools.accumulate(row, initial=row[-1]))
        found.append(row[0])
    return tuple(found)


@lru_cache(maxsize=10_000)
def growth_count(left: int, blocks: int) -> int:
    """Ways to place ``left`` more elements when ``blocks`` blocks exist: k of them make blocks among themselves."""
    bell = bell_numbers(1 << left.bit_length())  # a few tables serve all
    return sum(math.comb(left, k) * bell[k] * blocks ** (left - k) for k in range(left + 1))


def ballot_count(ups: int, height: int) -> int:
    """Ways to end a Dyck word with ``ups`` more ups from a height."""
    length = 2 * ups + height
    if height < 0 or ups < 0:
        return 0
    return math.comb(length, ups) - (math.comb(length, ups - 1) if ups else 0)


@lru_cache(maxsize=1000)
def derangement_count(n: int) -> int:
    """Permutations of n without a fixed point."""
    values = [1, 0]
    for k in range(2, n + 1):
        values.append((k - 1) * (values[-1] + values[-2]))
    return values[n]


def _take(index: int, options: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The option (value, count) into which an index falls, and the index within it."""
    for value, count in options:
        if index < count:
            return value, index
        index -= count
    raise DomainError("index out of range")


def _permutation(index: int, n: int, _: int) -> State:
    rest, state = list(range(n)), []
    for k in range(n, 0, -1):
        position, index = divmod(index, math.factorial(k - 1))
        state.append(rest.pop(position))
    return state


def _combination(index: int, n: int, k: int) -> State:
    state: State = []
    while len(state) < k:
        low = state[-1] + 1 if state else 0
        options = [(v, math.comb(n - v - 1, k - len(state) - 1)) for v in range(low, n)]
        value, index = _take(index, options)
        state.append(value)
    return state


def _subset(index: int, n: int, _: int) -> State:
    gray = index ^ index >> 1
    return [gray >> i & 1 for i in range(n)]


def _partition(index: int, n: int, largest: int) -> State:
    state: State = []
    while n:
        largest = min(largest, n)
        options = [(v, partition_count(n - v, v)) for v in range(largest, 0, -1)]
        largest, index = _take(index, options)
        state.append(largest)
        n -= largest
    return state


def _composition(index: int, n: int, _: int) -> State:
    state: State = []
    while n:
        value, index = _take(index, [(v, 2 ** (n - v - 1) if v < n else 1) for v in range(1, n + 1)])
        state.append(value)
        n -= value
    return state


def _vector(index: int, n: int, length: int) -> State:
    state: State = []
    for left in range(length - 1, -1, -1):
        if not left:
            state.append(n)
            break
        value, index = _take(index, [(v, math.comb(n - v + left - 1, left - 1)) for v in range(n + 1)])
        state.append(value)
        n -= value
    return state


def _set_partition(index: int, n: int, _: int) -> State:
    state, blocks = [], 0
    for left in range(n - 1, -1, -1):
        options = [(v, growth_count(left, max(blocks, v + 1))) for v in range(blocks + 1)]
        value, index = _take(index, options)
        state.append(value)
        blocks = max(blocks, value + 1)
    return state


def _dyck_word(index: int, n: int, _: int) -> State:
    state, ups, height = [], n, 0
    while ups or height:
        options = [(1, ballot_count(ups - 1, height + 1) if ups else 0), (0, ballot_count(ups, height - 1))]
        value, index = _take(index, options)
        state.append(value)
        ups, height = (ups - 1, height + 1) if value else (ups, height - 1)
    return state


UNRANK: dict[str, Callable[[int, int, int], State]] = {
    "permutations": _permutation, "combinations": _combination, "subsets": _subset, "partitions": _partition,
    "compositions": _composition, "integer_vectors": _vector, "set_partitions": _set_partition,
    "dyck_words": _dyck_word,
}  # fmt: skip
COUNT: dict[str, Callable[[int, int], int]] = {
    "permutations": lambda n, k: math.factorial(n),
    "combinations": math.comb,
    "subsets": lambda n, k: 2**n,
    "partitions": partition_count,
    "compositions": lambda n, k: 2 ** (n - 1) if n else 1,
    "integer_vectors": lambda n, k: math.comb(n + k - 1, k - 1) if k else int(n == 0),
    "set_partitions": lambda n, k: growth_count(n, 0),
    "derangements": lambda n, k: derangement_count(n),
    "dyck_words": lambda n, k: ballot_count(n, 0),
}


def rank_by_search(kind: str, state: State, n: int, k: int) -> int:
    """Index of an object: the unranking function is monotone in the walk's order, so bisection on it finds it.

    Dyck words and partitions walk downwards, subsets along the Gray code, the others upwards.
    """
    if kind == "subsets":
        bit = index = 0
        for i in range(n - 1, -1, -1):
            bit ^= state[i]
            index |= bit << i
        return index
    falling = kind in ("partitions", "dyck_words")
    low, high = 0, COUNT[kind](n, k) - 1
    while low < high:
        middle = (low + high) // 2
        there = UNRANK[kind](middle, n, k)
        if (there > state) if falling else (there < state):
            low = middle + 1
        else:
            high = middle
    if high < 0 or UNRANK[kind](low, n, k) != state:
        raise DomainError(f"{shown(state)} is not among the {kind} of {n}")
    return low
