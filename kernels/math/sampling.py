"""Points of curves and surfaces for plotting: adaptive curves, grids, implicit curves, domain colouring."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from kernels.math.callables import FastCallable, fast_callable, program_of
from kernels.math.errors import DomainError

__all__ = [
    "complex_domain_coloring", "implicit_curve", "plot_complex", "plot_curve", "plot_implicit", "sample_curve",
    "sample_grid",
]  # fmt: skip

Floats = NDArray[np.float64]
Formula = Any
POLE_TESTS = 16  # points of a line, about, that show whether it is one
POLE_BISECTIONS = 12


def _range(values: Sequence[float], name: str) -> tuple[float, float]:
    low, high = float(values[0]), float(values[1])
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise DomainError(f"{name} must be two finite numbers in order, got {values}")
    return low, high


def _curve_function(f: Formula, variable: Any) -> Callable[[Floats], Floats]:
    """A function from parameters to points, shape (n, 2)."""
    parametric = isinstance(f, list | tuple)
    if callable(f) and not isinstance(f, sp.Basic | FastCallable):
        function = f
        return lambda t: np.column_stack([t, np.array([function(v) for v in t.tolist()], dtype=float)])
    program = program_of(list(f) if parametric else f, variable, 1)
    if parametric:
        return lambda t: np.column_stack(program(t))
    return lambda t: np.column_stack([t, program(t)])


def sample_curve(
    f: Formula,
    a: float,
    b: float,
    *,
    variable: Any = None,
    tolerance: float = 1e-3,
    points: int = 64,
    max_points: int = 20_000,
) -> Floats:
    """Points of a graph or of a parametric curve, denser where it bends.

    Parameters
    ----------
    f : formula, pair of formulas, FastCallable or callable
        ``y(x)``, or ``[x(t), y(t)]``.
    a, b : float
        Range of the parameter.
    tolerance : float
        Largest distance of the curve from its chord, in parts of the picture's diagonal.
    points, max_points : int
        Points to start with, and at most.

    Returns
    -------
    ndarray, shape (n, 2)
        Points in order; undefined ones are nan, which breaks the line there.

    Notes
    -----
    All intervals of one generation are tested together: the midpoint's distance from the chord decides which are
    halved. Cost: one array evaluation per generation, about log2 of the finest refinement.
    """
    low, high = _range((a, b), "a, b")
    if points < 2 or max_points < points or tolerance <= 0:
        raise DomainError(f"points, max_points and tolerance make no sense: {points}, {max_points}, {tolerance}")
    function = _curve_function(f, variable)
    t = np.linspace(low, high, points)
    xy = function(t)
    open_intervals = np.ones(points - 1, dtype=bool)
    for _ in range(40):
        index = np.flatnonzero(open_intervals)
        room = max_points - len(t)
        if not len(index) or room <= 0:
            break
        index = index[:room]
        middle = (t[index] + t[index + 1]) / 2
        new = function(middle)
        bends = _bends(xy[index], new, xy[index + 1], _diagonal(xy), tolerance)
        wide = (t[index + 1] - t[index]) > (high - low) * 1e-9
        keep = open_intervals.copy()
        keep[index] = bends & wide
        t = np.insert(t, index + 1, middle)
        xy = np.insert(xy, index + 1, new, axis=0)
        halved = np.ones(len(keep), dtype=int)
        halved[index] = 2
        open_intervals = np.repeat(keep, halved)
    return xy


def _diagonal(xy: Floats) -> float:
    finite = xy[np.isfinite(xy).all(axis=1)]
    if not len(finite):
        return 1.0
    low, high = np.quantile(finite, [0.02, 0.98], axis=0)
    return float(np.hypot(*(high - low))) or 1.0


def _bends(p: Floats, m: Floats, q: Floats, diagonal: float, tolerance: float) -> NDArray[np.bool_]:
    """Whether the middle point lies off the chord, or only part of the three points is defined."""
    with np.errstate(all="ignore"):
        chord = q - p
        length = np.hypot(chord[:, 0], chord[:, 1])
        area = np.abs(chord[:, 0] * (m[:, 1] - p[:, 1]) - chord[:, 1] * (m[:, 0] - p[:, 0]))
        distance = np.where(length > 0, area / length, np.hypot(*(m - p).T))
        off_centre = np.hypot(*(m - (p + q) / 2).T)
    defined = np.isfinite(p).all(axis=1) & np.isfinite(m).all(axis=1) & np.isfinite(q).all(axis=1)
    nothing = ~(np.isfinite(p).all(axis=1) | np.isfinite(m).all(axis=1) | np.isfinite(q).all(axis=1))
    curved = (distance > tolerance * diagonal) | (off_centre > 0.1 * diagonal)
    return np.asarray(np.where(defined, curved, ~nothing))


def sample_grid(
    f: Formula,
    x_range: Sequence[float],
    y_range: Sequence[float],
    shape: tuple[int, int] = (400, 400),
    variables: Sequence[Any] | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Values of a formula of two variables on a grid.

    Returns
    -------
    (x, y, values)
        Coordinates of columns and rows, and values of shape ``(rows, columns)``.
    """
    rows, columns = shape
    if rows < 2 or columns < 2:
        raise DomainError(f"a grid needs at least two rows and columns: {shape}")
    program = program_of(f, variables, 2)
    x = np.linspace(*_range(x_range, "x_range"), columns)
    y = np.linspace(*_range(y_range, "y_range"), rows)
    return x, y, np.asarray(program.on_grid(x, y))


def implicit_curve(
    f: Formula,
    x_range: Sequence[float],
    y_range: Sequence[float],
    *,
    shape: tuple[int, int] = (400, 400),
    variables: Sequence[Any] | None = ("x", "y"),
    level: float = 0.0,
) -> list[Floats]:
    """Polylines on which a formula of two variables takes a value.

    Marching squares (contourpy) on compiled values. Features smaller than a grid cell, and curves on which the
    formula touches the level without changing sign, can be missed.

    Parameters
    ----------
    f : formula or ``Eq``
        The function, or an equation.

    Returns
    -------
    list of ndarray, shape (n, 2)
    """
    expr = f.lhs - f.rhs if isinstance(f, sp.Equality) else f
    program = program_of(expr, variables, 2)
    x, y, values = sample_grid(program, x_range, y_range, shape)
    origin = np.array([x[0], y[0]])
    cell = np.array([(x[-1] - x[0]) / (len(x) - 1), (y[-1] - y[0]) / (len(y) - 1)])
    lines = _contours(values, level)
    poles = _are_poles(lines, values, level, lambda at: program(*(origin + cell * at).T.copy()) - level)
    return [origin + cell * line for line, is_pole in zip(lines, poles, strict=True) if not is_pole]


def _contours(values: Floats, level: float) -> list[Floats]:
    """Marching squares; points as columns and rows, of which one is whole."""
    from contourpy import FillType, LineType, SerialContourGenerator, ZInterp

    defined = np.isfinite(values)
    mask: Any = None if defined.all() else ~defined
    # The class itself, and coordinates that are kept: contour_generator copies all of the arrays first.
    generator = SerialContourGenerator(
        *_cells_of(values.shape), values, mask, corner_mask=True, line_type=LineType.Separate,
        fill_type=FillType.OuterOffset, quad_as_tri=False, z_interp=ZInterp.Linear,
    )  # fmt: skip
    return [np.asarray(line) for line in generator.lines(level)]


@lru_cache(maxsize=1)
def _cells_of(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Column and row numbers of every point of a grid."""
    columns, rows = np.meshgrid(np.arange(float(shape[1])), np.arange(float(shape[0])))
    return columns, rows


def _are_poles(lines: list[Floats], values: Floats, level: float, function: Callable[[Floats], Floats]) -> list[bool]:
    """Lines along which the formula jumps through infinity, which are not curves of the level.

    Some points of every line are bisected along their edge of the grid: towards a pole the values grow.
    """
    if not lines:
        return []
    some = [line[:: 1 + len(line) // POLE_TESTS] for line in lines]
    low, high = _edges(np.concatenate(some), values, level)
    with np.errstate(all="ignore"):
        at_low = np.sign(_at(values, low) - level)
        places = [np.abs(function(low + part * (high - low))) for part in (0.13, 0.29, 0.52, 0.71, 0.87)]
        typical = np.median(places, axis=0)
        for _ in range(POLE_BISECTIONS):
            middle = (low + high) / 2
            same = (np.sign(function(middle)) == at_low)[:, None]
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        grows = np.abs(function((low + high) / 2)) > typical
    starts = np.cumsum([0, *(len(part) for part in some[:-1])])
    shares = np.add.reduceat(grows.astype(float), starts) / [len(part) for part in some]
    return [bool(share > 0.5) for share in shares]


def _at(values: Floats, points: Floats) -> Floats:
    """Values at whole columns and rows."""
    columns, rows = points.astype(int).T
    return np.asarray(values[rows, columns])


def _edges(points: Floats, values: Floats, level: float) -> tuple[Floats, Floats]:
    """Ends of the edge of the grid that each point is on; at a corner, of the two edges that change sign together."""
    whole = np.round(points)
    points = np.where(np.abs(points - whole) < 1e-9, whole, points)
    low, high = np.floor(points), np.ceil(points)
    corner, last = (low == high).all(axis=1), np.array(values.shape[::-1]) - 1
    for step in np.eye(2):
        before, after = np.clip(whole - step, 0, last), np.clip(whole + step, 0, last)
        across = corner & (np.sign(_at(values, before) - level) != np.sign(_at(values, after) - level))
        low[across], high[across] = before[across], after[across]
    return low, high


def complex_domain_coloring(
    f: Formula,
    re_range: Sequence[float] = (-2, 2),
    im_range: Sequence[float] = (-2, 2),
    shape: tuple[int, int] = (400, 400),
    variable: Any = "z",
) -> Floats:
    """Picture of a complex function: hue is the argument, brightness rises with the modulus in octaves.

    Returns
    -------
    ndarray, shape (rows, columns, 3)
        Red, green and blue in 0..1; the first row is the largest imaginary part. White where undefined.
    """
    from matplotlib.colors import hsv_to_rgb

    program = f if isinstance(f, FastCallable) else fast_callable(f, [variable], domain=complex)
    x = np.linspace(*_range(re_range, "re_range"), shape[1])
    y = np.linspace(*_range(im_range, "im_range"), shape[0])[::-1]
    values = np.asarray(program(x + 1j * y[:, None]))
    with np.errstate(all="ignore"):
        hue = (np.angle(values) / (2 * np.pi)) % 1.0
        octave = np.log2(np.abs(values))
        brightness = 0.65 + 0.35 * (octave - np.floor(octave))
    defined = np.isfinite(hue) & np.isfinite(brightness)
    hsv = np.stack([np.where(defined, hue, 0), np.where(defined, 0.85, 0), np.where(defined, brightness, 1)], axis=-1)
    return np.asarray(hsv_to_rgb(hsv))


def _axes(axes: Any) -> Any:
    if axes is not None:
        return axes
    import matplotlib.pyplot as plt

    return plt.subplots()[1]


def plot_curve(f: Formula, a: float, b: float, *, axes: Any = None, variable: Any = None, **style: Any) -> Any:
    """Plot `sample_curve` and return the matplotlib axes; ``style`` goes to ``Axes.plot``."""
    axes = _axes(axes)
    points = sample_curve(f, a, b, variable=variable)
    axes.plot(points[:, 0], points[:, 1], **style)
    return axes


def plot_implicit(
    f: Formula, x_range: Sequence[float], y_range: Sequence[float], *, axes: Any = None, **style: Any
) -> Any:
    """Plot `implicit_curve` and return the matplotlib axes; ``style`` goes to ``LineCollection``."""
    from matplotlib.collections import LineCollection

    axes = _axes(axes)
    axes.add_collection(LineCollection(implicit_curve(f, x_range, y_range), **style))
    axes.set_xlim(*x_range)
    axes.set_ylim(*y_range)
    return axes


def plot_complex(
    f: Formula, re_range: Sequence[float] = (-2, 2), im_range: Sequence[float] = (-2, 2), *, axes: Any = None
) -> Any:
    """Show `complex_domain_coloring` and return the matplotlib axes."""
    axes = _axes(axes)
    axes.imshow(complex_domain_coloring(f, re_range, im_range), extent=(*re_range, *im_range))
    return axes
