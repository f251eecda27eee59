"""Pure Python twin of the search in ``_exact_cover``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np


class ExactCover:
    """Knuth's algorithm X on sets."""

    def __init__(self, rows: Sequence[Sequence[int]], columns: int, primary: int) -> None:
        self._rows = [frozenset(r) for r in rows]
        self._primary = primary

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        active = [k for k, row in enumerate(self._rows) if row]
        return self._search(set(range(self._primary)), active)

    def _search(self, open_columns: set[int], active: list[int]) -> Iterator[tuple[int, ...]]:
        if not open_columns:
            yield ()
            return
        counts = np.zeros(self._primary, dtype=int)
        for k in active:
            for c in self._rows[k]:
                if c < self._primary:
                    counts[c] += 1
        column = min(open_columns, key=lambda c: (counts[c], c))
        for k in active:
            if column in self._rows[k]:
                rest = [j for j in active if not self._rows[j] & self._rows[k]]
                for solution in self._search(open_columns - self._rows[k], rest):
                    yield (k, *solution)
