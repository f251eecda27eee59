"""Cellular automata, 64 cells to a word."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels.math import _backend
from kernels.math.errors import DomainError

_core, _ = _backend.load("kernels.math._dynamics", "kernels.math._dynamics_pure")


def _pack(cells: NDArray[np.uint8]) -> NDArray[np.uint64]:
    packed = np.packbits(cells, axis=-1, bitorder="little")
    words = (cells.shape[-1] + 63) // 64
    padded = np.zeros((*cells.shape[:-1], 8 * words), dtype=np.uint8)
    padded[..., : packed.shape[-1]] = packed
    return padded.view(np.uint64)


def _unpack(words: NDArray[np.uint64], width: int) -> NDArray[np.uint8]:
    return np.unpackbits(words.view(np.uint8), axis=-1, count=width, bitorder="little")


def elementary_cellular_automaton(
    rule: int, steps: int, initial: ArrayLike | int = 0, *, wrap: bool = True
) -> NDArray[np.uint8]:
    """Wolfram's elementary automaton.

    Parameters
    ----------
    rule : int
        0 to 255.
    steps : int
        Generations.
    initial : array_like of 0 and 1, or int
        First row; a number is a width with one living cell in the middle (0: ``2*steps + 1``).
    wrap : bool
        Whether the row closes to a ring.

    Returns
    -------
    ndarray of uint8, shape (steps + 1, width)

    Examples
    --------
    >>> elementary_cellular_automaton(90, 2).tolist()
    [[0, 0, 1, 0, 0], [0, 1, 0, 1, 0], [1, 0, 0, 0, 1]]
    """
    if not 0 <= rule <= 255 or steps < 0:
        raise DomainError(f"rule must lie in 0..255 and steps not be negative: {rule}, {steps}")
    if np.ndim(initial) == 0:
        if np.asarray(initial) < 0:
            raise DomainError(f"the width of the first row must not be negative: {initial!r}")
        row = np.zeros(int(np.asarray(initial)) or 2 * steps + 1, dtype=np.uint8)
        row[len(row) // 2] = 1
    else:
        row = _cells(initial, 1)
    words = np.zeros((steps + 1, (len(row) + 63) // 64), dtype=np.uint64)
    words[0] = _pack(row)
    _core.automaton(words, len(row), rule, int(wrap))
    return _unpack(words, len(row))


def _cells(values: ArrayLike, dimensions: int) -> NDArray[np.uint8]:
    array = np.asarray(values)
    if array.dtype == bool:
        array = array.view(np.uint8)
    if array.ndim != dimensions or array.size == 0 or not _is_binary(array):
        raise DomainError(f"cells must be a non-empty {dimensions}-dimensional array of 0 and 1")
    return array.astype(np.uint8, copy=False)


def _is_binary(array: NDArray[Any]) -> bool:
    return bool(array.max() <= 1) if array.dtype == np.uint8 else bool(np.all((array == 0) | (array == 1)))


def life_like(grid: ArrayLike, steps: int = 1, rule: str = "B3/S23", *, wrap: bool = True) -> NDArray[np.uint8]:
    """Generations of a life-like automaton; the default rule is Conway's.

    Parameters
    ----------
    grid : array_like of 0 and 1, shape (rows, columns)
        Living cells; not changed.
    steps : int
        Generations.
    rule : str
        Numbers of neighbours for birth and survival, ``"B3/S23"``.
    wrap : bool
        Torus, or dead cells beyond the border.

    Returns
    -------
    ndarray of uint8
    """
    match = re.fullmatch(r"[Bb]([0-8]*)/[Ss]([0-8]*)", rule)
    if match is None or steps < 0:
        raise DomainError(f"rule must look like 'B3/S23' and steps not be negative: {rule!r}, {steps}")
    birth, survive = (sum(1 << int(k) for k in set(digits)) for digits in match.groups())
    cells = _cells(grid, 2)
    words = _pack(cells)
    _core.life(words, cells.shape[1], int(wrap), birth, survive, steps)
    return _unpack(words, cells.shape[1])
