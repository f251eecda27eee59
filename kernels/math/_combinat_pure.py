"""Pure Python twins of the walkers in ``_combinat``; the orders are the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


def _permutation(a: list[int]) -> bool:
    i = len(a) - 2
    while i >= 0 and a[i] >= a[i + 1]:
        i -= 1
    if i < 0:
        return False
    j = len(a) - 1
    while a[j] <= a[i]:
        j -= 1
    a[i], a[j] = a[j], a[i]
    a[i + 1 :] = a[:i:-1]
    return True


def _derangement(a: list[int]) -> bool:
    while _permutation(a):
        fixed = next((i for i, v in enumerate(a) if i == v), -1)
        if fixed < 0:
            return True
        a[fixed + 1 :] = sorted(a[fixed + 1 :], reverse=True)
    return False


def _combination(a: list[int], n: int) -> bool:
    k = len(a)
    i = k - 1
    while i >= 0 and a[i] == n - k + i:
        i -= 1
    if i < 0:
        return False
    a[i:] = range(a[i] + 1, a[i] + 1 + k - i)
    return True


def _partition(a: list[int]) -> bool:
    ones = 0
    while a and a[-1] == 1:
        ones += a.pop()
    if not a:
        return False
    part = a.pop() - 1
    left = ones + 1 + part
    while left:
        a.append(min(part, left))
        left -= a[-1]
    return True


def _composition(a: list[int]) -> bool:
    if len(a) <= 1:
        return False
    left = a.pop() - 1
    a[-1] += 1
    a.extend([1] * left)
    return True


def _vector(a: list[int]) -> bool:
    j = len(a) - 1
    while j > 0 and a[j] == 0:
        j -= 1
    if j <= 0:
        return False
    v, a[j] = a[j], 0
    a[j - 1] += 1
    a[-1] = v - 1
    return True


def _set_partition(a: list[int]) -> bool:
    for i in range(len(a) - 1, 0, -1):
        if a[i] <= max(a[:i]):
            a[i:] = [a[i] + 1] + [0] * (len(a) - i - 1)
            return True
    return False


def _dyck_word(a: list[int]) -> bool:
    height = ups = 0
    for i in range(len(a) - 1, -1, -1):
        height += 1 if a[i] == 0 else -1
        ups += a[i]
        if a[i] == 1 and height > 0:
            a[i:] = [0] + [1] * ups + [0] * (len(a) - i - 1 - ups)
            return True
    return False


_STEPS = {
    "permutations": _permutation, "derangements": _derangement, "partitions": _partition,
    "compositions": _composition, "integer_vectors": _vector, "set_partitions": _set_partition,
    "dyck_words": _dyck_word,
}  # fmt: skip


class Walker:
    """Walks through all objects of a kind from a given one on; see ``_combinat.Walker``."""

    def __init__(
        self, kind: str, state: Sequence[int], n: int, items: Sequence[Any] | None = None, blocks: bool = False
    ) -> None:
        self.kind, self.a, self.n, self.items, self.blocks = kind, list(state), n, items, blocks
        self._fresh = True
        self._count = 0
        bit = 0
        for i in range(len(self.a) - 1, -1, -1) if kind == "subsets" else ():
            bit ^= self.a[i]
            self._count |= bit << i

    def _advance(self) -> bool:
        if self._fresh:
            self._fresh = False
            return True
        if self.kind == "combinations":
            return _combination(self.a, self.n)
        if self.kind == "subsets":
            self._count += 1
            k = (self._count & -self._count).bit_length() - 1
            if k >= len(self.a):
                return False
            self.a[k] ^= 1
            return True
        return _STEPS[self.kind](self.a)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while self._advance():
            value = self.items.__getitem__ if self.items is not None else int
            if self.kind == "subsets":
                yield tuple(value(i) for i, bit in enumerate(self.a) if bit)
            elif self.blocks:
                count = max(self.a, default=-1) + 1
                yield tuple(tuple(value(i) for i, v in enumerate(self.a) if v == b) for b in range(count))
            else:
                yield tuple(value(v) for v in self.a)

    def fill(self, out: Any) -> int:
        """Write the following objects as rows, padded with 0; returns how many there were."""
        for row in range(len(out)):
            if not self._advance():
                return row
            out[row, : len(self.a)] = self.a
            out[row, len(self.a) :] = 0
        return len(out)
