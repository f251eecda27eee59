"""NumPy twins of the loops in ``_dynamics``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]


def orbit(f: Any, start: Floats, parameters: Floats, out: Floats) -> None:
    """Write ``out[i] = f(out[i-1], parameters)`` with ``out[0] = start``."""
    out[0] = start
    for i in range(1, len(out)):
        out[i] = f(*out[i - 1], *parameters)[: len(start)]


def iterate_many(
    f: Any, states: Floats, parameters: Floats, transient: int, keep: int, kept: Floats | None, total: Floats
) -> None:
    """Iterate many orbits together; see ``_dynamics.iterate_many``."""
    size = len(states)
    for step in range(transient + keep):
        result = f(*states, *parameters)
        states[...] = result[:size]
        if step >= transient:
            if kept is not None:
                kept[step - transient] = states
            if len(result) > size:
                total += result[size]


def escape_blocks(
    f: Any, states: Floats, parameters: Floats, max_steps: int, limit: float, counts: NDArray[np.int32]
) -> None:
    """Steps until the sum of squares of the states exceeds ``limit``, for every column."""
    counts[...] = 0
    alive = np.ones(states.shape[1], dtype=bool)
    with np.errstate(all="ignore"):
        for _ in range(max_steps):
            alive &= (states**2).sum(axis=0) <= limit
            counts[alive] += 1
            if not alive.any():
                return
            states[...] = f(*states, *parameters)


def escape_quadratic(
    x: Floats, y: Floats, c: complex | None, max_steps: int, limit: float, counts: NDArray[np.int32],
    sizes: Floats | None = None,
) -> None:  # fmt: skip
    """Escape times of ``z*z + c`` over the grid of x and y: points c from z = 0, or points z for a given c."""
    points = (x + 1j * y[:, None]).ravel()
    inside = np.zeros(len(points), dtype=bool)
    if c is None:
        q = np.abs(points - 0.25) ** 2
        inside = (q * (q + points.real - 0.25) <= 0.25 * points.imag**2) | (np.abs(points + 1) ** 2 <= 0.0625)
    steps, last = np.where(inside, max_steps, 0), np.zeros(len(points))
    index = np.flatnonzero(~inside)
    fixed = points[index] if c is None else np.full(len(index), c)
    z = np.zeros_like(fixed) if c is None else points[index]
    for _ in range(max_steps):
        size = z.real**2 + z.imag**2
        last[index] = size
        keep = size <= limit
        index, z, fixed = index[keep], z[keep], fixed[keep]
        steps[index] += 1
        if not len(index):
            break
        z = z * z + fixed
    counts[...] = steps.reshape(counts.shape)
    if sizes is not None:
        sizes[...] = last.reshape(sizes.shape)


def _unpacked(words: Words, width: int) -> NDArray[np.uint8]:
    return np.unpackbits(words.view(np.uint8), axis=-1, bitorder="little")[..., :width]


def _packed(bits: NDArray[np.uint8], words: int) -> Words:
    packed = np.packbits(bits, axis=-1, bitorder="little")
    padded = np.zeros((*bits.shape[:-1], 8 * words), dtype=np.uint8)
    padded[..., : packed.shape[-1]] = packed
    return padded.view(np.uint64)


def life(cells: Words, width: int, wrap: int, birth: int, survive: int, steps: int) -> None:
    """Run generations in place on bit-packed rows."""
    grid = _unpacked(cells, width)
    born = np.array([birth >> k & 1 for k in range(9)], dtype=np.uint8)
    stays = np.array([survive >> k & 1 for k in range(9)], dtype=np.uint8)
    for _ in range(steps):
        padded = np.pad(grid, 1, mode="wrap" if wrap else "constant")
        rows, columns = grid.shape
        shifts = [(i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1)]
        around = sum(padded[i : i + rows, j : j + columns] for i, j in shifts)
        grid = np.where(grid == 1, stays[around], born[around])
    cells[...] = _packed(grid, cells.shape[1])


def automaton(rows: Words, width: int, rule: int, wrap: int) -> None:
    """Fill every row after the first from the one before it."""
    table = np.array([rule >> k & 1 for k in range(8)], dtype=np.uint8)
    cells = _unpacked(rows[0], width)
    for i in range(1, len(rows)):
        padded = np.pad(cells, 1, mode="wrap" if wrap else "constant")
        cells = table[4 * padded[:-2] + 2 * padded[1:-1] + padded[2:]]
        rows[i] = _packed(cells, rows.shape[1])


def leapfrog(
    position: Floats, velocity: Floats, mass: Floats, g: float, softening_sq: float, dt: float, steps: int, every: int,
    out: Floats,
) -> None:  # fmt: skip
    """Kick-drift-kick steps in place; ``out[i]`` takes the positions after every ``every`` steps."""

    def acceleration() -> Floats:
        d = position[:, None, :] - position[:, :, None]
        with np.errstate(divide="ignore", over="ignore"):
            r2 = (d**2).sum(axis=0) + softening_sq
            weight = np.where(r2 > 0, r2**-1.5, 0.0) * mass
        return g * np.asarray((d * weight).sum(axis=2))

    a = acceleration()
    for step in range(1, steps + 1):
        velocity += 0.5 * dt * a
        position += dt * velocity
        a = acceleration()
        velocity += 0.5 * dt * a
        if step % every == 0 and step // every <= len(out):
            out[step // every - 1] = position
