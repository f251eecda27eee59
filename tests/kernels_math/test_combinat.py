"""Enumeration against itertools, SymPy and known counts."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from sympy.functions.combinatorial.numbers import bell, catalan, partition
from sympy.utilities.iterables import multiset_partitions
from sympy.utilities.iterables import multiset_permutations as sympys_permutations
from sympy.utilities.iterables import partitions as sympys_partitions

from kernels.math import DomainError
from kernels.math import combinat as c


def test_partitions_are_sympys_in_falling_order() -> None:
    for n in range(1, 16):
        ours = list(c.partitions(n))
        theirs = [
            tuple(sorted((k for k, m in p.items() for _ in range(m)), reverse=True)) for p in sympys_partitions(n)
        ]
        assert ours == sorted(theirs, reverse=True)
        assert len(ours) == partition(n) == c.count("partitions", n)
        for largest in range(1, n + 1):
            assert list(c.partitions(n, largest)) == [p for p in ours if p[0] <= largest]
    assert list(c.partitions(0)) == [()]
    assert list(c.partitions(3, 0)) == []


def test_set_partitions_are_sympys() -> None:
    for n in range(1, 8):
        ours = {frozenset(map(frozenset, p)) for p in c.set_partitions(n)}
        theirs = {frozenset(map(frozenset, p)) for p in multiset_partitions(list(range(n)))}
        assert ours == theirs
        assert sum(1 for _ in c.set_partitions(n)) == bell(n) == c.count("set_partitions", n)
    assert list(c.set_partitions("abc"))[1] == (("a", "b"), ("c",))
    assert list(c.set_partitions(0)) == [()]


def test_permutation_families_agree_with_itertools() -> None:
    for n in range(7):
        every = list(itertools.permutations(range(n)))
        assert [tuple(r) for r in c.permutations_array(n).tolist()] == (every if n else [()])
        assert list(c.derangements(n)) == [p for p in every if all(i != v for i, v in enumerate(p))]
        assert len(c.derangements_array(n)) == c.count("derangements", n)


@pytest.mark.parametrize(("start", "stop"), [(0, None), (1, 722), (719, 2161), (720, 1440), (39_000, 50_000)])
def test_permutations_are_the_same_wherever_they_begin(start: int, stop: int | None) -> None:
    every = np.array(list(itertools.permutations(range(8))))
    np.testing.assert_array_equal(c.permutations_array(8, start, stop), every[start:stop])
    assert list(c.derangements("abc")) == [("b", "c", "a"), ("c", "a", "b")]
    word = list("aabbc")
    assert list(c.multiset_permutations(word)) == [tuple(p) for p in sympys_permutations(word)]
    assert list(c.multiset_permutations([])) == [()]


def test_combinations_and_subsets_agree_with_itertools() -> None:
    for n in range(8):
        for k in range(n + 2):
            expected = list(itertools.combinations(range(n), k))
            assert c.combinations_array(n, k).tolist() == [list(e) for e in expected]
            assert list(c.combinations(n, k)) == expected
        walked = list(c.subsets(n))
        assert len(set(walked)) == len(walked) == 2**n
        assert all(len(set(a) ^ set(b)) == 1 for a, b in itertools.pairwise(walked))
        rows = c.subsets_array(n)
        assert [tuple(np.flatnonzero(r)) for r in rows] == walked
    assert list(c.subsets("ab")) == [(), ("a",), ("a", "b"), ("b",)]


def test_compositions_vectors_and_dyck_words_are_complete_and_ordered() -> None:
    for n in range(1, 10):
        compositions = list(c.compositions(n))
        assert compositions == sorted(set(compositions))
        assert len(compositions) == 2 ** (n - 1)
        assert all(sum(p) == n and min(p) > 0 for p in compositions)
        words = list(c.dyck_words(n))
        assert words == sorted(set(words), reverse=True)
        assert len(words) == catalan(n)
        assert all(min(np.cumsum(2 * np.array(w) - 1)) >= 0 and sum(w) == n for w in words)
        for k in range(1, 5):
            vectors = list(c.integer_vectors(n, k))
            assert vectors == [v for v in itertools.product(range(n + 1), repeat=k) if sum(v) == n]
    assert list(c.compositions(0)) == list(c.dyck_words(0)) == list(c.integer_vectors(0, 0)) == [()]
    assert list(c.integer_vectors(2, 0)) == []


FAMILIES = [
    ("permutations", 6, None, c.permutations_array), ("subsets", 7, None, c.subsets_array),
    ("partitions", 12, None, c.partitions_array), ("compositions", 8, None, c.compositions_array),
    ("set_partitions", 7, None, c.set_partitions_array), ("dyck_words", 6, None, c.dyck_words_array),
    ("combinations", 9, 4, c.combinations_array), ("integer_vectors", 6, 4, c.integer_vectors_array),
    ("partitions", 14, 4, c.partitions_array),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "n", "k", "array"), FAMILIES)
def test_rank_unrank_and_blocks_follow_the_walk(kind: str, n: int, k: int | None, array: object) -> None:
    sizes = (n,) if k is None else (n, k)
    rows = array(*sizes)  # type: ignore[operator]
    total = c.count(kind, n, k)
    assert len(rows) == total
    strip = kind in ("partitions", "compositions")
    for i, row in enumerate(rows.tolist()):
        item = tuple(v for v in row if v) if strip else tuple(row)
        assert c.unrank(kind, i, n, k) == item
        assert c.rank(kind, item, n, k) == i
    for start, stop in ((0, 3), (total // 3, total // 2), (total - 2, total + 5), (total, total)):
        np.testing.assert_array_equal(array(*sizes, start=start, stop=stop), rows[start:stop])  # type: ignore[operator]


def test_ranks_work_where_no_walk_could_go() -> None:
    index = 10**50 + 7
    item = c.unrank("permutations", index, 60)
    assert c.rank("permutations", item) == index
    assert c.unrank("combinations", math.comb(200, 50) - 1, 200, 50) == tuple(range(150, 200))
    np.testing.assert_array_equal(
        c.permutations_array(15, start=10**9, stop=10**9 + 3)[2], c.unrank("permutations", 10**9 + 2, 15)
    )


def queens(n: int) -> np.ndarray:
    rows = np.zeros((n * n, 6 * n - 2), dtype=int)
    for i, j in itertools.product(range(n), range(n)):
        rows[i * n + j, [i, n + j, 2 * n + i + j, 4 * n - 1 + i - j + n - 1]] = 1
    return rows


def test_exact_cover_counts_queens_and_knuths_example() -> None:
    knuth = [[2, 4, 5], [0, 3, 6], [1, 2, 5], [0, 3], [1, 6], [3, 4, 6]]
    assert {frozenset(s) for s in c.exact_cover(knuth)} == {frozenset({0, 3, 4})}
    for n, solutions in ((4, 2), (5, 10), (6, 4), (8, 92)):
        found = list(c.exact_cover(queens(n), secondary=4 * n - 2))
        assert len(found) == len({frozenset(f) for f in found}) == solutions
    assert list(c.exact_cover([[0]])) == [(0,)]
    assert list(c.exact_cover(np.zeros((0, 2), dtype=int))) == []
    assert list(c.exact_cover([])) == [()]


@pytest.mark.parametrize(
    "call",
    [
        lambda: c.partitions(-1), lambda: c.partitions(2.5), lambda: c.subsets(100), lambda: c.permutations_array(20),
        lambda: c.rank("permutations", [0, 0]), lambda: c.unrank("permutations", 6, 3), lambda: c.rank("trees", [1]),
        lambda: c.rank("partitions", [1, 2]), lambda: c.exact_cover(np.array([[2]])),
        lambda: c.unrank("combinations", 0, 3),
        lambda: c.rank("subsets", [2, 0]), lambda: c.derangements_array(True),
        lambda: c.exact_cover([[0]], secondary=5),
    ],
)  # fmt: skip
def test_bad_input_is_a_named_error(call: object) -> None:
    with pytest.raises(DomainError):
        call()  # type: ignore[operator]
