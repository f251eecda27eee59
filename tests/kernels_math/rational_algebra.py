"""Linear algebra over ℤ and ℚ by the book, on lists of ``int`` and ``Fraction``: what ``exact`` is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd

Number = int | Fraction
Rows = list[list[Number]]
Fractions = list[list[Fraction]]
Integers = list[list[int]]


def product(a: Sequence[Sequence[Number]], b: Sequence[Sequence[Number]], columns: int) -> Rows:
    return [[sum((x * row[j] for x, row in zip(line, b, strict=True)), 0) for j in range(columns)] for line in a]


def echelon(rows: Sequence[Sequence[Number]], columns: int) -> tuple[Fractions, list[int], Fraction]:
    """Reduced echelon form, pivot columns, and the product of the pivots with the sign of the exchanges."""
    m = [[Fraction(v) for v in row] for row in rows]
    pivots: list[int] = []
    scale = Fraction(1)
    for c in range(columns):
        top = len(pivots)
        found = next((r for r in range(top, len(m)) if m[r][c]), None)
        if found is None:
            continue
        if found != top:
            m[top], m[found], scale = m[found], m[top], -scale
        pivot = m[top][c]
        scale *= pivot
        m[top] = [v / pivot if v else v for v in m[top]]
        for r, row in enumerate(m):
            if r != top and (factor := row[c]):
                m[r] = [v - factor * w if w else v for v, w in zip(row, m[top], strict=True)]
        pivots.append(c)
    return m, pivots, scale


def determinant(rows: Sequence[Sequence[Number]]) -> Fraction:
    _, pivots, scale = echelon(rows, len(rows))
    return scale if len(pivots) == len(rows) else Fraction(0)


def hermite(rows: Sequence[Sequence[Number]], columns: int) -> Integers:
    """Hermite form by rows, by Euclid's algorithm down every column; it is the only one of its lattice."""
    m = [[int(v) for v in row] for row in rows]
    top = 0
    for c in range(columns):
        while True:
            held = [r for r in range(top, len(m)) if m[r][c]]
            if not held:
                break
            least = min(held, key=lambda r: abs(m[r][c]))
            m[top], m[least] = m[least], m[top]
            if m[top][c] < 0:
                m[top] = [-v for v in m[top]]
            for r in [*range(top), *held]:
                if r != top and (factor := m[r][c] // m[top][c]):
                    m[r] = [v - factor * w for v, w in zip(m[r], m[top], strict=True)]
            if not any(m[r][c] for r in range(top + 1, len(m))):
                top += 1
                break
    return m


def smith_diagonal(rows: Sequence[Sequence[int]], columns: int) -> list[int]:
    """The numbers of the Smith form: diagonal by Hermite forms of the matrix and its transpose, then gcd and lcm."""
    m, height, width = [list(row) for row in rows], len(rows), columns
    while any(v for i, row in enumerate(m) for j, v in enumerate(row) if i != j):
        m = [list(column) for column in zip(*hermite(m, width), strict=True)]
        height, width = width, height
    diagonal = [abs(m[i][i]) for i in range(min(height, width))] if m and width else [0] * min(height, width)
    for i in range(len(diagonal)):
        for j in range(i + 1, len(diagonal)):
            a, b = diagonal[i], diagonal[j]
            if a or b:
                diagonal[i], diagonal[j] = gcd(a, b), a * b // gcd(a, b)
    return diagonal


def is_reduced(basis: Sequence[Sequence[Number]], delta: float) -> bool:
    """Whether independent rows are reduced as Lenstra, Lenstra and Lovász ask, with 0.51 for one half as in FLINT."""
    bound, factor = Fraction(0.51) + Fraction(1, 10**9), Fraction(delta) - Fraction(1, 10**9)
    orthogonal: Rows = []
    norms: list[Number] = []
    for k, row in enumerate(basis):
        star: list[Number] = list(row)
        last: Number = 0
        for other, norm in zip(orthogonal, norms, strict=True):
            last = Fraction(sum(x * y for x, y in zip(row, other, strict=True))) / norm
            if abs(last) > bound:
                return False
            star = [x - last * y for x, y in zip(star, other, strict=True)]
        norm_squared = sum((x * x for x in star), 0)
        if not norm_squared or (k and norm_squared < (factor - last * last) * norms[-1]):
            return False
        orthogonal.append(star)
        norms.append(norm_squared)
    return True
