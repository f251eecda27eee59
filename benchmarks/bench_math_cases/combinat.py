"""Enumeration against SymPy and itertools."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
from bench_math_tools import Row, compare
from sympy.utilities.iterables import multiset_partitions
from sympy.utilities.iterables import partitions as sympys_partitions

from kernels.math import combinat as c


def consume(items: Iterable[object]) -> None:
    """Walk through an iterator."""
    deque(items, maxlen=0)


def rows(quick: bool) -> Iterator[Row]:
    """Rows of the table."""
    rounds = 3 if quick else 7
    peers = [("SymPy partitions", lambda: consume(sympys_partitions(50)), 4.0)]
    yield from compare("`partitions(50)`", lambda: consume(c.partitions(50)), peers, rounds)
    peers = [("SymPy multiset_partitions", lambda: consume(multiset_partitions(list(range(10)))), 12.0)]
    yield from compare("`set_partitions(10)`", lambda: consume(c.set_partitions(10)), peers, rounds)
    peers = [("np.array(list(itertools…))", lambda: np.array(list(itertools.permutations(range(9)))), 50.0)]
    yield from compare("`permutations_array(9)`", lambda: c.permutations_array(9), peers, rounds)
