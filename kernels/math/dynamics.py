"""Iterated maps, fractals, cellular automata, many bodies, random walks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from kernels.math import _backend
from kernels.math._frontend import parse
from kernels.math.callables import FastCallable, fast_callable
from kernels.math.errors import CompileError, DomainError

__all__ = [
    "bifurcation_diagram", "elementary_cellular_automaton", "escape_time", "iterate_map", "julia", "life_like",
    "lyapunov_exponent", "mandelbrot", "nbody", "random_walk",
]  # fmt: skip

_core, IS_COMPILED = _backend.load("kernels.math._dynamics", "kernels.math._dynamics_pure")
Floats = NDArray[np.float64]
Formula = Any


def _map_program(f: Formula | Sequence[Formula], variables: Sequence[Any], parameters: Sequence[Any]) -> FastCallable:
    if isinstance(f, FastCallable):
        return f
    rows = list(f) if isinstance(f, list | tuple) else [f]
    if len(rows) != len(variables):
        raise DomainError(f"a map of {len(variables)} variables needs as many formulas, got {len(rows)}")
    return fast_callable(rows, [*variables, *parameters])


def iterate_map(
    f: Formula | Sequence[Formula],
    x0: ArrayLike,
    steps: int,
    variables: Sequence[Any] = ("x",),
    parameters: Sequence[Any] = (),
    args: Sequence[float] = (),
) -> Floats:
    """Orbit of a map.

    Parameters
    ----------
    f : formula or sequence of formulas
        The next state in terms of ``variables`` and ``parameters``.
    x0 : float or array_like
        First state.
    steps : int
        Number of applications.
    args : sequence of float
        Values of the parameters.

    Returns
    -------
    ndarray
        ``steps + 1`` states; shape ``(steps + 1,)`` for one variable, else ``(steps + 1, n)``.

    Examples
    --------
    >>> iterate_map("r*x*(1 - x)", 0.5, 2, parameters=["r"], args=[4.0]).tolist()
    [0.5, 1.0, 0.0]
    """
    if steps < 0:
        raise DomainError(f"steps must not be negative: {steps}")
    start = np.atleast_1d(np.array(x0, dtype=float))
    program = _map_program(f, variables, parameters)
    if len(start) != len(variables) or len(args) != len(parameters):
        raise DomainError(f"{len(variables)} variables and {len(parameters)} parameters need as many values")
    out = np.empty((steps + 1, len(start)))
    _core.orbit(program, start, np.array(args, dtype=float), out)
    return out[:, 0].copy() if np.ndim(x0) == 0 else out


def _orbits(program: FastCallable, x0: float, values: Floats, transient: int, keep: int, store: bool) -> Any:
    states = np.full((1, len(values)), float(x0))
    kept = np.empty((keep, 1, len(values))) if store else None
    total = np.zeros(len(values))
    _core.iterate_many(program, states, values[None, :], transient, keep, kept, total)
    return kept, total


def bifurcation_diagram(
    f: Formula,
    values: ArrayLike,
    *,
    variable: Any = "x",
    parameter: Any = "r",
    x0: float = 0.5,
    transient: int = 500,
    keep: int = 200,
) -> tuple[Floats, Floats]:
    """States on the attractor of a map of one variable, for every value of a parameter.

    Returns
    -------
    (parameters, states) : ndarray, ndarray
        Shapes ``(m,)`` and ``(keep, m)``: plot with ``plt.plot(parameters, states.T, ",k")``.

    Examples
    --------
    >>> r, x = bifurcation_diagram("r*x*(1 - x)", [2.0], keep=1)
    >>> x.tolist()
    [[0.5]]
    """
    if transient < 0 or keep < 1:
        raise DomainError(f"transient must not be negative and keep positive: {transient}, {keep}")
    grid = np.array(values, dtype=float).ravel()
    program = _map_program(f, [variable], [parameter])
    kept, _ = _orbits(program, x0, grid, transient, keep, True)
    return grid, kept[:, 0, :]


def lyapunov_exponent(
    f: Formula,
    values: ArrayLike,
    *,
    variable: Any = "x",
    parameter: Any = "r",
    x0: float = 0.5,
    transient: int = 500,
    steps: int = 2000,
) -> Any:
    """Mean of ``log|f'(x)|`` along the orbit of a map of one variable, for every value of a parameter.

    The derivative is taken symbolically. Source: Strogatz, *Nonlinear Dynamics and Chaos*, section 10.5.

    Returns
    -------
    float or ndarray
        As ``values``.
    """
    if transient < 0 or steps < 1:
        raise DomainError(f"transient must not be negative and steps positive: {transient}, {steps}")
    shape = np.shape(values)
    grid = np.array(values, dtype=float).ravel()
    x, r = (sp.Symbol(v) if isinstance(v, str) else v for v in (variable, parameter))
    expr = parse(f, (x, r))
    # one step ahead of the state, so that the derivative belongs to the state that the step starts from
    program = fast_callable([expr, sp.log(sp.Abs(sp.diff(expr, x)))], (x, r))
    _, total = _orbits(program, x0, grid, transient, steps, False)
    result = total / steps
    return float(result[0]) if shape == () else result.reshape(shape)


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


def _quadratic(z: tuple[Floats, Floats], c: tuple[Floats, Floats], shape: tuple[int, int], steps: int, smooth: bool,
               interior: bool) -> Any:  # fmt: skip
    if steps < 1:
        raise DomainError(f"max_steps must be positive: {steps}")
    counts, sizes = np.empty(len(z[0]), dtype=np.int32), np.empty(len(z[0]))
    limit = 1e10 if smooth else 4.0  # a large radius makes the continuous times smooth
    _core.escape_quadratic(*z, *c, steps, limit, interior, counts, sizes)
    if not smooth:
        return counts.reshape(shape)
    values = counts.astype(float)
    gone = counts < steps
    values[gone] += 1 - np.log2(np.log2(sizes[gone]) / 2)
    values[~gone] = np.nan
    return values.reshape(shape)


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
    cr, ci, plane = _plane(*_grid(complex(center), width, shape))
    zero = np.zeros_like(cr)
    return _quadratic((zero, zero), (cr, ci), plane, max_steps, smooth, True)


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
    zr, zi, plane = _plane(*_grid(complex(center), width, shape))
    fixed = np.full_like(zr, complex(c).real), np.full_like(zr, complex(c).imag)
    return _quadratic((zr, zi), fixed, plane, max_steps, smooth, False)


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
    binary = array.dtype == bool or (array.size > 0 and bool(np.all((array == 0) | (array == 1))))
    if array.ndim != dimensions or array.size == 0 or not binary:
        raise DomainError(f"cells must be a non-empty {dimensions}-dimensional array of 0 and 1")
    return array.astype(np.uint8)


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


def nbody(
    positions: ArrayLike,
    velocities: ArrayLike,
    masses: ArrayLike,
    dt: float,
    steps: int,
    *,
    gravity: float = 1.0,
    softening: float = 0.0,
    every: int = 1,
) -> tuple[Floats, Floats]:
    """Newtonian gravity of all pairs, by the leapfrog method (symplectic, second order).

    Parameters
    ----------
    positions, velocities : array_like, shape (n, 3)
        Initial state; not changed.
    masses : array_like, shape (n,)
    dt : float
        Time step.
    steps : int
        Number of steps; each costs n² pair forces.
    gravity, softening : float
        Gravitational constant; length added in quadrature to every distance.
    every : int
        Positions are kept after every so many steps.

    Returns
    -------
    (trajectory, velocities)
        Positions, shape ``(1 + steps // every, n, 3)``, beginning with the initial ones; final velocities.

    Notes
    -----
    Source: Hairer, Lubich, Wanner, *Geometric Numerical Integration*, section I.1.4.
    """
    x = np.array(positions, dtype=float)
    v = np.array(velocities, dtype=float)
    m = np.array(masses, dtype=float)
    if x.ndim != 2 or x.shape[1] != 3 or v.shape != x.shape or m.shape != x.shape[:1] or not len(m):
        raise DomainError(f"positions and velocities must be (n, 3), masses (n,): {x.shape}, {v.shape}, {m.shape}")
    if steps < 0 or every < 1 or softening < 0:
        raise DomainError(f"steps, every and softening must not be negative: {steps}, {every}, {softening}")
    position, velocity = np.ascontiguousarray(x.T), np.ascontiguousarray(v.T)
    out = np.empty((steps // every, 3, len(m)))
    _core.leapfrog(position, velocity, m, gravity, softening**2, dt, steps, every, out)
    return np.concatenate([x[None], out.transpose(0, 2, 1)]), velocity.T.copy()


def random_walk(
    steps: int, walks: int = 1, dimension: int = 1, *, gaussian: bool = False, seed: int | None = None
) -> Floats:
    """Random walks from the origin.

    Parameters
    ----------
    steps, walks, dimension : int
        Sizes.
    gaussian : bool
        Steps with standard normal coordinates instead of unit steps along a random axis.
    seed : int, optional
        For the generator (PCG64).

    Returns
    -------
    ndarray, shape (walks, steps + 1, dimension)
    """
    if steps < 0 or walks < 1 or dimension < 1:
        raise DomainError(f"steps, walks and dimension must be positive: {steps}, {walks}, {dimension}")
    rng = np.random.default_rng(seed)
    out = np.zeros((walks, steps + 1, dimension))
    if gaussian:
        out[:, 1:] = rng.standard_normal((walks, steps, dimension))
    else:
        axis = rng.integers(0, dimension, (walks, steps))
        sign = rng.integers(0, 2, (walks, steps)) * 2.0 - 1.0
        np.put_along_axis(out[:, 1:], axis[:, :, None], sign[:, :, None], axis=2)
    return np.cumsum(out, axis=1, out=out)
