"""Linear algebra modulo p against python-flint (BLAS on one thread)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flint
import numpy as np
from bench_math_tools import Row, compare

from kernels.math import modlinalg as m


def to_flint(a: Any, p: int) -> Any:
    """A matrix of python-flint from an array."""
    return flint.nmod_mat(*a.shape, a.ravel().tolist(), p)


def small(a: Any, v: Any, p: int, rounds: int) -> Iterator[Row]:
    """A matrix of 50 rows."""
    fa, fv = to_flint(a, p), to_flint(v, p)
    cases = {
        "det": (lambda: m.det_mod(a, p), fa.det, lambda: to_flint(a, p).det()),
        "rank": (lambda: m.rank_mod(a, p), fa.rank, lambda: to_flint(a, p).rank()),
        "solve": (lambda: m.solve_mod(a, v, p), lambda: fa.solve(fv), lambda: to_flint(a, p).solve(fv)),
    }
    for name, (ours, plain, converted) in cases.items():
        peers = [("python-flint", plain, 0.9), ("python-flint from NumPy", converted, 6.0)]
        yield from compare(f"`{name}_mod`, n = 50, p = {p}", ours, peers, rounds)


def rows(quick: bool) -> Iterator[Row]:
    """Rows of the table."""
    rounds = 3 if quick else 7
    rng = np.random.default_rng(0)
    for p in (2**31 - 1, 65537):
        a, v = rng.integers(0, p, (1000, 1000)), rng.integers(0, p, (1000, 1))
        fa, fv = to_flint(a, p), to_flint(v, p)
        cases = {
            "det": (lambda a=a, p=p: m.det_mod(a, p), fa.det, lambda a=a, p=p: to_flint(a, p).det()),
            "rank": (lambda a=a, p=p: m.rank_mod(a, p), fa.rank, lambda a=a, p=p: to_flint(a, p).rank()),
            "solve": (
                lambda a=a, v=v, p=p: m.solve_mod(a, v, p),
                lambda fa=fa, fv=fv: fa.solve(fv),
                lambda a=a, fv=fv, p=p: to_flint(a, p).solve(fv),
            ),
        }
        for name, (ours, plain, converted) in cases.items():
            peers = [("python-flint", plain, 2.5), ("python-flint from NumPy", converted, 6.0)]
            yield from compare(f"`{name}_mod`, n = 1000, p = {p}", ours, peers, rounds)
        peers = [
            ("python-flint", lambda fa=fa: fa * fa, 3.0),
            ("NumPy int64 @", lambda a=a: a @ a, 15.0 if p < 2**20 else 0),
        ]
        yield from compare(f"`matmul_mod`, n = 1000, p = {p}", lambda a=a, p=p: m.matmul_mod(a, a, p), peers, 3)
        yield from small(a[:50, :50].copy(), v[:50], p, 3 * rounds)
    bits = rng.integers(0, 2, (1500, 1500))
    fbits = to_flint(bits, 2)
    yield from compare(
        "rank over GF(2), n = 1500", lambda: m.rank_mod(bits, 2), [("nmod_mat", fbits.rank, 40.0)], rounds
    )
