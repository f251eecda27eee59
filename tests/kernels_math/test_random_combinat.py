"""Enumeration on random sizes, windows and objects, against definitions written out and itertools."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from kernels.math import DomainError
from kernels.math import combinat as c
from kernels.math.combinat import IS_COMPILED

Object = tuple[int, ...]
# (family, greatest n of which all objects are listed, greatest k or None)
FAMILIES = [
    ("permutations", 7, None), ("combinations", 10, 10), ("subsets", 10, None), ("partitions", 12, 13),
    ("compositions", 11, None), ("integer_vectors", 7, 5), ("set_partitions", 7, None), ("dyck_words", 6, None),
]  # fmt: skip
# the same for objects that are too many to be listed
LARGE = {
    "permutations": (40, None), "combinations": (90, 12), "subsets": (60, None), "partitions": (60, 60),
    "compositions": (60, None), "integer_vectors": (300, 6), "set_partitions": (25, None), "dyck_words": (30, None),
}  # fmt: skip
FALLING = ("partitions", "dyck_words")


def growth_strings(n: int) -> list[Object]:
    found: list[Object] = [()]
    for _ in range(n):
        found = [(*s, v) for s in found for v in range(max(s, default=-1) + 2)]
    return found


def sums(n: int, most: int) -> Iterator[Object]:
    """Ordered sums of parts from 1 to ``most``."""
    if n == 0:
        yield ()
    for part in range(1, min(n, most) + 1):
        yield from ((part, *rest) for rest in sums(n - part, most))


def is_dyck_word(word: Object) -> bool:
    heights = list(itertools.accumulate(1 if v else -1 for v in word))
    return min(heights, default=0) >= 0 and sum(word) * 2 == len(word)


@cache
def listed(kind: str, n: int, k: int | None) -> list[Object]:
    """All objects of a family in its order, by definition."""
    most = n if k is None else k
    match kind:
        case "permutations":
            return list(itertools.permutations(range(n)))
        case "combinations":
            return list(itertools.combinations(range(n), most))
        case "subsets":
            return [tuple((i ^ i >> 1) >> b & 1 for b in range(n)) for i in range(2**n)]
        case "partitions":
            return sorted((s for s in sums(n, most) if list(s) == sorted(s, reverse=True)), reverse=True)
        case "compositions":
            return sorted(sums(n, n))
        case "integer_vectors":
            return [v for v in itertools.product(range(n + 1), repeat=most) if sum(v) == n]
        case "set_partitions":
            return sorted(growth_strings(n))
        case "dyck_words":
            return [w for w in itertools.product((1, 0), repeat=2 * n) if is_dyck_word(w)]
        case _:
            return [s for s in itertools.permutations(range(n)) if all(i != v for i, v in enumerate(s))]


def sizes(rng: np.random.Generator, n: int, k: int | None) -> tuple[int, int | None]:
    return int(rng.integers(0, n + 1)), None if k is None else int(rng.integers(0, k + 1))


def arguments(n: int, k: int | None) -> tuple[int, ...]:
    return (n,) if k is None else (n, k)


def rows_of(objects: Sequence[Object], width: int) -> list[list[int]]:
    return [[*o, *[0] * (width - len(o))] for o in objects]


def window(rng: np.random.Generator, total: int, most: int = 300) -> tuple[int, int | None]:
    start = int(rng.integers(0, total + 1))
    return start, None if rng.random() < 0.1 else start + int(rng.integers(-2, most)) if start > 2 else most


def array_of(kind: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(c, f"{kind}_array")
    return found


@pytest.mark.parametrize(("kind", "most_n", "most_k"), FAMILIES)
def test_blocks_ranks_and_counts(
    kind: str, most_n: int, most_k: int | None, cases: int, rng: np.random.Generator
) -> None:
    for _ in range(cases):
        n, k = sizes(rng, most_n, most_k)
        expected = listed(kind, n, k)
        assert c.count(kind, n, k) == len(expected)
        start, stop = window(rng, len(expected))
        rows = array_of(kind)(*arguments(n, k), start=start, stop=stop)
        assert rows.dtype == np.uint8
        assert rows.tolist() == rows_of(expected[start:stop], rows.shape[1])
        if expected:
            i = int(rng.integers(len(expected)))
            assert c.unrank(kind, i, n, k) == expected[i]
            assert c.rank(kind, expected[i], n, k) == i


def in_words(kind: str, state: Object, items: Sequence[Any]) -> tuple[Any, ...]:
    """What the iterator of a family says for an object."""
    match kind:
        case "subsets":
            return tuple(v for v, bit in zip(items, state, strict=True) if bit)
        case "set_partitions":
            return tuple(
                tuple(v for v, b in zip(items, state, strict=True) if b == block) for block in range(len(set(state)))
            )
        case "permutations" | "combinations" | "derangements":
            return tuple(items[v] for v in state)
        case _:
            return state


@pytest.mark.parametrize(("kind", "most_n", "most_k"), [*FAMILIES, ("derangements", 7, None)])
def test_walks_over_items(kind: str, most_n: int, most_k: int | None, cases: int, rng: np.random.Generator) -> None:
    for _ in range(cases):
        n, k = sizes(rng, most_n, most_k)
        expected = listed(kind, n, k)
        items: Any = n
        if kind in ("permutations", "combinations", "subsets", "set_partitions", "derangements"):
            items = [n, "abcdefghij"[:n], [object() for _ in range(n)], np.int64(n)][int(rng.integers(4))]
        start = int(rng.integers(0, min(len(expected), 200) + 1))
        found = itertools.islice(getattr(c, kind)(*arguments(items, k)), start, start + 100)
        names = range(n) if isinstance(items, int | np.integer) else items
        assert list(found) == [in_words(kind, o, names) for o in expected[start : start + 100]]


def is_member(kind: str, o: Object, n: int, k: int | None) -> bool:
    match kind:
        case "permutations":
            return sorted(o) == list(range(n))
        case "combinations":
            return len(o) == k and list(o) == sorted(set(o) & set(range(n)))
        case "subsets":
            return len(o) == n and set(o) <= {0, 1}
        case "partitions":
            return sum(o) == n and list(o) == sorted(o, reverse=True) and (not o or o[0] <= (k or 0)) and 0 not in o
        case "compositions":
            return sum(o) == n and min(o, default=1) > 0
        case "integer_vectors":
            return sum(o) == n and len(o) == k and min(o, default=0) >= 0
        case "set_partitions":
            return len(o) == n and all(0 <= v <= max(o[:i], default=-1) + 1 for i, v in enumerate(o))
        case _:
            return len(o) == 2 * n and is_dyck_word(o)


@pytest.mark.parametrize("kind", LARGE)
def test_objects_too_many_to_list(kind: str, cases: int, rng: np.random.Generator) -> None:
    """Members by definition, in strict order, whose ranks are the places they were asked for."""
    for _ in range(cases):
        n, k = sizes(rng, *LARGE[kind])
        total = c.count(kind, n, k)
        start = int(rng.integers(2**62)) ** 6 % max(total, 1)
        objects = array_of(kind)(*arguments(n, k), start=start, stop=start + 4)
        assert objects.dtype == (np.uint8 if n < 256 else np.int32)
        assert len(objects) == min(4, total - start)
        strip = kind in ("partitions", "compositions")
        found = [tuple(v for v in row if v or not strip) for row in objects.tolist()]
        assert all(is_member(kind, o, n, k) for o in found)
        if kind == "subsets":
            assert all(sum(x != y for x, y in zip(*pair, strict=True)) == 1 for pair in itertools.pairwise(found))
        else:
            assert found == sorted(set(found), reverse=kind in FALLING)
        for i, o in enumerate(found[:2]):
            assert c.unrank(kind, start + i, n, k) == o
        if found:
            assert c.rank(kind, found[-1], n, k) == start + len(found) - 1


def place(permutation: Sequence[int]) -> int:
    """Rank in lexicographic order: smaller numbers that come later, in factorial digits."""
    n = len(permutation)
    smaller = (sum(w < v for w in permutation[i:]) for i, v in enumerate(permutation))
    return sum(s * math.factorial(n - 1 - i) for i, s in enumerate(smaller))


def test_blocks_of_long_permutations(cases: int, rng: np.random.Generator) -> None:
    """Over whole and partial runs of the 720 ends of six, in bytes and in words."""
    ends = np.array(listed("permutations", 7, None))
    for case in range(cases):
        n = int(rng.integers(8, 14)) if case % 25 else int(rng.choice([40, 255, 256, 257, 300]))
        head, tail = np.split(rng.permutation(n), [n - 7])
        every = np.sort(tail)[ends]
        first = place([*head.tolist(), *sorted(tail.tolist())])
        start, count = int(rng.integers(0, 5000)), int(rng.choice([0, 1, 719, 720, 721, int(rng.integers(0, 2200))]))
        rows = c.permutations_array(n, first + start, first + min(start + count, 5040))
        assert rows.dtype == (np.uint8 if n <= 256 else np.int32)
        assert np.array_equal(rows[:, n - 7 :], every[start : start + count])
        assert (rows[:, : n - 7] == head).all()


def test_arrangements_of_items_that_repeat(cases: int, rng: np.random.Generator) -> None:
    for _ in range(cases):
        letters = ["b", "a", 3, (), None][: int(rng.integers(1, 6))]
        word = [letters[i] for i in rng.integers(0, len(letters), int(rng.integers(0, 7))).tolist()]
        order = list(dict.fromkeys(word))
        places = sorted(order.index(v) for v in word)
        expected = [tuple(order[i] for i in s) for s in sorted(set(itertools.permutations(places)))]
        assert list(c.multiset_permutations(word)) == expected


def test_blocks_of_derangements(cases: int, rng: np.random.Generator) -> None:
    for _ in range(cases):
        n = int(rng.integers(0, 8))
        expected = listed("derangements", n, None)
        stop = int(rng.integers(0, len(expected) + 5)) if rng.random() < 0.8 else None
        assert c.count("derangements", n) == len(expected)
        assert c.derangements_array(n, stop).tolist() == [list(o) for o in expected[:stop]]


def covers(masks: Sequence[int], columns: int, primary: int) -> set[frozenset[int]]:
    """Choices of rows by trying all; a row without a primary column is no choice."""
    wanted, found = (1 << primary) - 1, set()
    able = [i for i, mask in enumerate(masks) if mask & wanted]
    stack: list[tuple[int, int, Object]] = [(0, 0, ())]
    while stack:
        at, covered, chosen = stack.pop()
        if at == len(able):
            if covered & wanted == wanted:
                found.add(frozenset(chosen))
            continue
        stack.append((at + 1, covered, chosen))
        if not covered & masks[able[at]]:
            stack.append((at + 1, covered | masks[able[at]], (*chosen, able[at])))
    return found


def test_exact_covers(cases: int, rng: np.random.Generator) -> None:
    for case in range(cases):
        height, columns = int(rng.integers(0, 12)), int(rng.integers(0, 8))
        matrix = rng.random((height, columns)) < rng.uniform(0.1, 0.6)
        lists = [np.flatnonzero(row).tolist() for row in matrix]
        as_array = case % 2 == 0
        width = columns if as_array else max((v + 1 for row in lists for v in row), default=0)
        secondary = int(rng.integers(0, width + 1)) if case % 3 == 0 else 0
        given = matrix.astype(rng.choice(["bool", "uint8", "int64"])) if as_array else [row[::-1] for row in lists]
        found = list(c.exact_cover(given, secondary))
        assert len({frozenset(s) for s in found}) == len(found)
        masks = [sum(1 << v for v in row) for row in lists]
        assert {frozenset(s) for s in found} == covers(masks, width, width - secondary)


def test_long_searches_for_covers_come_to_their_end() -> None:
    """Pairings of an odd number of elements: none, after more steps than one go of the search takes."""
    n = 13 if IS_COMPILED else 7
    pairs = list(itertools.combinations(range(n), 2))
    assert list(c.exact_cover(pairs)) == []
    assert len(list(c.exact_cover([*pairs, range(n - 3, n)]))) == math.prod(range(n - 4, 0, -2))


@pytest.mark.parametrize(
    "call",
    [
        lambda: c.rank("permutations", [0.5, 1.2]), lambda: c.rank("permutations", ["a"]), lambda: c.count("trees", 3),
        lambda: c.rank("permutations", None), lambda: c.count("set_partitions", 10**6), lambda: c.permutations(None),
        lambda: c.unrank("permutations", -1, 3000), lambda: c.permutations_array(3000), lambda: c.subsets(2.5),
        lambda: c.exact_cover([1, 2]), lambda: c.exact_cover([[-1]]), lambda: c.exact_cover([[0]], secondary=0.5),
        lambda: c.unrank(["a"], 0, 3), lambda: c.permutations_array(3, start=7), lambda: c.partitions_array(5, -1),
    ],
)  # fmt: skip
def test_what_is_no_object_or_size_is_a_named_error(call: object) -> None:
    with pytest.raises(DomainError):
        call()  # type: ignore[operator]


def test_counts_and_windows_of_any_size() -> None:
    bell, p = [c.count("set_partitions", n) for n in (14, 15, 1023)], 1009
    assert (bell[0] + bell[1] - bell[2]) % p == 0  # Touchard's congruence: B(n + p) = B(n) + B(n + 1) modulo p
    assert c.permutations_array(30, 10**31, 10**31 + 1).tolist() == [list(c.unrank("permutations", 10**31, 30))]
