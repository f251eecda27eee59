"""Exact matrices against SymPy's methods, conversion included."""

from __future__ import annotations

import random
from collections.abc import Iterator

import sympy as sp
from bench_math_tools import Row, compare

from kernels.math import exact


def rows(quick: bool) -> Iterator[Row]:
    """Rows of the table."""
    chooser = random.Random(2)
    a = sp.Matrix(30, 30, lambda i, j: chooser.randint(-99, 99))
    b = sp.Matrix(30, 1, lambda i, j: chooser.randint(-99, 99))
    rounds = 5 if quick else 15
    yield from compare("`exact.det` 30 × 30", lambda: exact.det(a), [("Matrix.det", a.det, 300.0)], rounds, slow=True)
    peers = [("Matrix.LUsolve", lambda: a.LUsolve(b), 300.0)]
    yield from compare("`exact.solve` 30 × 30", lambda: exact.solve(a, b), peers, rounds, slow=True)
