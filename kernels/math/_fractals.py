"""Escape times of iterated complex maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from kernels.math import _backend
from kernels.math._frontend import parse
from kernels.math.callables import fast_callable
from kernels.math.errors import CompileError, DomainError

_core, _ = _backend.load("kernels.math._dynamics", "kernels.math._dynamics_pure")
Floats = NDArray[np.float64]
Formula = Any


def _plane(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats, tuple[int, int]]:
    xs, ys = np.array(x, dtype=float).ravel(), np.array(y, dtype=float).ravel()
    grid_x, grid_y = np.meshgrid(xs, ys)
    return grid_x.ravel(), grid_y.ravel(), (len(ys), len(xs))


def _grid(center: complex, width: float, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    rows, columns = shape
    if rows < 1 or columns < 1 or not width > 0:
        raise DomainError(f"width must be positive and shape two positive numbers: {width}, {shape}")
    height = width * rows / columns
    x = center.real + width * ((np.arange(columns) + 0.5) / columns - 0.5)
    y = center.imag + height * (0.5 - (np.arange(rows) + 0.5) / rows)
    return x, y


def _quadratic(x: Floats, y: Floats, c: complex | None, steps: int, smooth: bool) -> Any:
    if steps < 1:
        raise DomainError(f"max_steps must be positive: {steps}")
    counts = np.empty((len(y), len(x)), dtype=np.int32)
    if not smooth:
        _core.escape_quadratic(x, y, c, steps, 4.0, counts)
        return counts
    sizes = np.empty(counts.shape)
    _core.escape_quadratic(x, y, c, steps, 1e10, counts, sizes)  # a large radius makes the continuous times smooth
    values = counts.astype(float)
    gone = counts < steps
    values[gone] += 1 - np.log2(np.log2(sizes[gone]) / 2)
    values[~gone] = np.nan
    return values


def mandelbrot(
    center: complex = -0.5,
    width: float = 3.0,
    shape: tuple[int, int] = (600, 900),
    max_steps: int = 256,
    *,
    smooth: bool = False,
) -> Any:
    """Escape times of ``z -> z**2 + c`` from z = 0, over a rectangle of c.

    Parameters
    ----------
    center, width : complex, float
        Rectangle; its height follows from ``shape``.
    shape : (int, int)
        Rows and columns; the first row is the top.
    max_steps : int
        Steps after which a point counts as inside.
    smooth : bool
        Continuous escape times, nan inside.

    Returns
    -------
    ndarray
        int32 counts (``max_steps`` inside) or floats.
    """
    return _quadratic(*_grid(complex(center), width, shape), None, max_steps, smooth)


def julia(
    c: complex,
    center: complex = 0.0,
    width: float = 3.5,
    shape: tuple[int, int] = (600, 900),
    max_steps: int = 256,
    *,
    smooth: bool = False,
) -> Any:
    """Escape times of ``z -> z**2 + c`` for fixed c, over a rectangle of starting points; see `mandelbrot`."""
    return _quadratic(*_grid(complex(center), width, shape), complex(c), max_steps, smooth)


def escape_time(
    f: Formula,
    x: ArrayLike,
    y: ArrayLike,
    *,
    z0: complex | None = 0j,
    c: complex | None = None,
    max_steps: int = 256,
    radius: float = 2.0,
) -> NDArray[np.int32]:
    """Escape times of any complex map of ``z`` and ``c`` over the grid of ``x`` and ``y``.

    Parameters
    ----------
    f : formula in z and c
        The map; it is split into real and imaginary part.
    x, y : array_like
        Coordinates; the grid is c, or z when ``c`` is given.
    z0, c : complex
        Start for all c, or fixed c (then the grid is the starting points).
    radius : float
        A point has escaped when abs(z) exceeds it.

    Returns
    -------
    ndarray of int32, shape (len(y), len(x))
    """
    if max_steps < 1 or not radius > 0:
        raise DomainError(f"max_steps and radius must be positive: {max_steps}, {radius}")
    parts = sp.symbols("z_re z_im c_re c_im", real=True)
    expr = parse(f, (sp.Symbol("z"), sp.Symbol("c")))
    expr = expr.subs({sp.Symbol("z"): parts[0] + sp.I * parts[1], sp.Symbol("c"): parts[2] + sp.I * parts[3]})
    if expr.free_symbols - set(parts):
        raise CompileError(f"the map may only hold z and c, not {expr.free_symbols - set(parts)}")
    program = fast_callable(list(expr.as_real_imag()), parts)
    gx, gy, shape = _plane(x, y)
    if c is None:
        start = complex(z0 or 0)
        states = np.array([np.full_like(gx, start.real), np.full_like(gx, start.imag)])
        fixed = np.array([gx, gy])
    else:
        states = np.array([gx, gy])
        fixed = np.array([np.full_like(gx, complex(c).real), np.full_like(gx, complex(c).imag)])
    counts = np.empty(len(gx), dtype=np.int32)
    _core.escape_blocks(program, states, fixed, max_steps, radius**2, counts)
    return counts.reshape(shape)
