"""Integrals and roots of formulas: SciPy's QUADPACK on compiled integrands, roots over parameter arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.integrate
import scipy.optimize
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from kernels.math.callables import IS_COMPILED, FastCallable, program_of
from kernels.math.errors import ConvergenceError, DomainError
from kernels.math.opcodes import Op

__all__ = ["brentq", "find_all_roots", "find_root", "newton", "nquad", "quad"]

Formula = Any
MAX_ITERATIONS = 100
BRENT_ITERATIONS = 10_000  # Brent's method needs the square of bisection's steps at a root of high order


def _compiled(
    formula: Formula, count: int, variables: Sequence[Any] | None = None
) -> FastCallable | Callable[..., Any]:
    """A program for a formula of so many variables; a callable stays as it is."""
    if callable(formula) and not isinstance(formula, sp.Basic | FastCallable):
        function: Callable[..., Any] = formula
        return function
    return program_of(formula, variables, count)


def _integrand(formula: Formula, count: int, variables: Sequence[Any] | None) -> Any:
    function = _compiled(formula, count, variables)
    # QUADPACK cannot stop at an error of a Python function that a program calls.
    if IS_COMPILED and isinstance(function, FastCallable) and all(code[0] != Op.PYCALL for code in function.spec.code):
        return function.low_level_callable()
    return function


def _changes_sign(left: ArrayLike, right: ArrayLike) -> NDArray[np.bool_]:
    """Whether two values have no common sign; their product could underflow."""
    return np.asarray(np.sign(left) * np.sign(right) <= 0)


def quad(
    f: Formula, a: float, b: float, args: Sequence[float] = (), variables: Sequence[Any] | None = None, **options: Any
) -> tuple[Any, ...]:
    """Definite integral of a formula of one variable and parameters, by QUADPACK.

    Parameters
    ----------
    f : SymPy expression, str, FastCallable or callable
        Integrand; ``variables`` names the variable of integration first and then the parameters.
    a, b : float
        Limits; may be infinite.
    args : sequence of float
        Values of the parameters.
    **options
        Passed to ``scipy.integrate.quad``: ``epsabs``, ``epsrel``, ``limit``, ``points``, ``weight``, ...

    Returns
    -------
    (value, error, ...)
        As ``scipy.integrate.quad``.

    Raises
    ------
    DomainError
        If the formula has another number of variables than one and those of ``args``.

    Examples
    --------
    >>> round(quad("exp(-x**2)", -math.inf, math.inf)[0] ** 2, 12)
    3.14159265359
    """
    result: tuple[Any, ...] = scipy.integrate.quad(
        _integrand(f, 1 + len(args), variables), a, b, args=tuple(args), **options
    )
    return result


def nquad(
    f: Formula,
    ranges: Sequence[Any],
    args: Sequence[float] = (),
    variables: Sequence[Any] | None = None,
    **options: Any,
) -> tuple[Any, ...]:
    """Multiple integral of a formula; ``variables`` in the order of ``ranges``, then parameters.

    Ranges may be pairs of numbers or functions of the later variables, as in ``scipy.integrate.nquad``.
    """
    result: tuple[Any, ...] = scipy.integrate.nquad(
        _integrand(f, len(ranges) + len(args), variables), ranges, args=tuple(args), **options
    )
    return result


def find_root(f: Formula, a: float, b: float, *, xtol: float = 2e-12, rtol: float = 8.9e-16) -> float:
    """A root of a formula of one variable in [a, b], by Brent's method.

    If the values at the ends have one sign, the interval is searched on a grid for a change of sign first.

    Raises
    ------
    DomainError
        If no change of sign is found, or only one at a pole.
    """
    if not (math.isfinite(a) and math.isfinite(b)):
        raise DomainError(f"find_root needs finite ends, got [{a}, {b}]")
    function = _compiled(f, 1)
    fa, fb = function(float(a)), function(float(b))
    ends = [(float(a), float(b))]
    if not _changes_sign(fa, fb):
        grid = np.linspace(a, b, 1001)
        values = np.asarray(_on_grid(function, grid))
        ends = [(grid[i], grid[i + 1]) for i in np.flatnonzero(_changes_sign(values[:-1], values[1:]))]
    for left, right in ends:
        root = float(scipy.optimize.brentq(function, left, right, xtol=xtol, rtol=rtol, maxiter=BRENT_ITERATIONS))
        if not _is_pole(function, root, abs(b - a) * 1e-4):
            return root
    found = "only poles" if ends else "no change of sign"
    raise DomainError(f"{found} found in [{a}, {b}]: f({a}) = {fa}, f({b}) = {fb}")


def _is_pole(function: Callable[..., Any], root: float, step: float) -> bool:
    """Whether the size of the values rises towards a point from both sides."""
    with np.errstate(all="ignore"):
        here, left, right = (float(np.abs(function(v))) for v in (root, root - step, root + step))
    return not math.isfinite(here) or here > float(np.fmax(left, right))


def _on_grid(function: Callable[..., Any], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    if isinstance(function, FastCallable):
        return np.asarray(function(grid))
    return np.array([function(v) for v in grid.tolist()])


def find_all_roots(f: Formula, a: float, b: float, *, samples: int = 10_000) -> NDArray[np.float64]:
    """All roots of a formula in [a, b] at which it changes sign or touches zero, in order.

    The formula is sampled on a grid; every change of sign is refined by bisection and Newton steps together, and
    every local minimum of \\|f\\| by a bounded minimisation. Roots closer than ``(b - a)/samples`` may be missed.

    Returns
    -------
    ndarray
    """
    if not (math.isfinite(a) and math.isfinite(b) and a < b and samples >= 2):
        raise DomainError(f"find_all_roots needs finite a < b and at least two samples, got [{a}, {b}], {samples}")
    function = _compiled(f, 1)
    grid = np.linspace(a, b, samples + 1)
    values = _on_grid(function, grid)
    roots = set(grid[values == 0].tolist())
    size, sign = np.abs(values), np.sign(values)
    for i in np.flatnonzero(sign[:-1] * sign[1:] < 0):
        xtol = 1e-14 * max(1.0, abs(grid[i]))
        root = scipy.optimize.brentq(function, grid[i], grid[i + 1], xtol=xtol, maxiter=BRENT_ITERATIONS)
        if not _is_pole(function, root, (b - a) / samples):
            roots.add(float(root))
    scale = float(np.nanmedian(size)) or 1.0
    for i in _minima(size, sign):
        middle, left, right = (float(grid[k]) for k in (i, max(i - 1, 0), min(i + 1, samples)))
        found = scipy.optimize.minimize_scalar(  # of the distance, whose own accuracy is relative
            lambda v, middle=middle: abs(function(middle + float(v))),
            bounds=(left - middle, right - middle),
            method="bounded",
            options={"xatol": 1e-12},
        )
        least, place = min((found.fun, middle + found.x), (size[i], middle))
        if least <= 1e-10 * scale:
            roots.add(float(place))
    return _without_repeats(np.array(sorted(roots)), (b - a) / samples * 1e-3)


def _minima(size: NDArray[np.float64], sign: NDArray[np.float64]) -> NDArray[np.intp]:
    """Where the sizes have a sharp minimum, perhaps at an end, and the sign does not change: a zero may be near.

    A parabola that touches zero within half a cell is more than doubled one cell further on one side or the other.
    """
    around = np.concatenate([[np.inf], size, [np.inf]])
    signs = np.concatenate([sign[:1], sign, sign[-1:]])
    lowest = (size < around[:-2]) & (size <= around[2:]) & (size > 0)
    lowest &= 2 * size < np.maximum(around[:-2], around[2:])
    return np.flatnonzero(lowest & (signs[:-2] * sign > 0) & (signs[2:] * sign > 0))


def _without_repeats(roots: NDArray[np.float64], spacing: float) -> NDArray[np.float64]:
    if len(roots) < 2:
        return roots
    kept: NDArray[np.float64] = roots[np.concatenate([[True], np.diff(roots) > spacing])]
    return kept


def newton(
    f: Formula,
    x0: ArrayLike,
    args: Sequence[ArrayLike] = (),
    variables: Sequence[Any] | None = None,
    *,
    tol: float = 1e-12,
    max_iterations: int = MAX_ITERATIONS,
) -> Any:
    """Newton's method for a formula at many starting points and parameters together.

    Parameters
    ----------
    f : SymPy expression or str
        ``variables`` names the unknown first and then the parameters.
    x0 : array_like
        Starting points; broadcast against the parameters.
    args : sequence of array_like
        Parameters.
    tol : float
        A root is accepted when a step is at most ``tol * (1 + abs(x))``.

    Returns
    -------
    float or ndarray
        Roots; the derivative comes from the program itself.

    Raises
    ------
    ConvergenceError
        If some point has not converged.
    """
    function = program_of(f, variables, 1 + len(args))
    gradient = function.gradient()
    arrays = np.broadcast_arrays(np.asarray(x0, dtype=float), *args)
    shape = arrays[0].shape
    x = arrays[0].astype(float).ravel()
    rest = [np.ascontiguousarray(p, dtype=float).ravel() for p in arrays[1:]]
    active = np.arange(x.size)
    for _ in range(max_iterations):
        current = [p[active] for p in rest]
        with np.errstate(all="ignore"):
            value, slope = function(x[active], *current), gradient(x[active], *current)[0]
            step = np.where(value == 0, 0.0, value / np.where(np.isinf(slope), np.nan, slope))
        x[active] -= step
        active = active[~(np.abs(step) <= tol * (1 + np.abs(x[active])))]
        if not active.size:
            return float(x[0]) if not shape else x.reshape(shape)
    raise ConvergenceError(f"{active.size} of {x.size} points did not converge in {max_iterations} steps")


def brentq(
    f: Formula,
    a: ArrayLike,
    b: ArrayLike,
    args: Sequence[ArrayLike] = (),
    variables: Sequence[Any] | None = None,
    *,
    xtol: float = 2e-12,
) -> Any:
    """Roots bracketed by a and b for many parameters together, by the ITP method.

    Interpolate, truncate and project (Oliveira and Takahashi 2020) has bisection's worst case and, like Brent's
    method, superlinear convergence, but no branches per element, so all parameters advance together.

    Raises
    ------
    DomainError
        If some bracket is not finite or shows no change of sign.
    """
    function = program_of(f, variables, 1 + len(args))
    if not xtol > 0:
        raise DomainError(f"xtol must be positive: {xtol}")
    arrays = np.broadcast_arrays(np.asarray(a, dtype=float), np.asarray(b, dtype=float), *args)
    shape = arrays[0].shape
    low, high = arrays[0].astype(float).ravel(), arrays[1].astype(float).ravel()
    rest = [np.ascontiguousarray(p, dtype=float).ravel() for p in arrays[2:]]
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise DomainError("brentq needs finite brackets")
    if not low.size:
        return low.reshape(shape)
    f_low, f_high = function(low, *rest), function(high, *rest)
    if not (bracketed := _changes_sign(f_low, f_high)).all():
        worst = int(np.flatnonzero(~bracketed)[0])
        raise DomainError(f"no change of sign between {low[worst]} and {high[worst]}")
    low, f_low = np.where(f_high == 0, [high, f_high], [low, f_low])  # a root at an end is one
    high, f_high = np.where(f_low == 0, [low, f_low], [high, f_high])
    root = _itp(function, low, high, f_low, f_high, rest, xtol)
    return float(root[0]) if not shape else root.reshape(shape)


def _itp(
    function: FastCallable, low: NDArray[np.float64], high: NDArray[np.float64], f_low: NDArray[np.float64],
    f_high: NDArray[np.float64], rest: list[NDArray[np.float64]], xtol: float,
) -> NDArray[np.float64]:  # fmt: skip
    width0 = np.max(np.abs(high - low))
    n_max = math.ceil(math.log2(max(width0 / xtol, 1.0))) + 1
    for j in range(n_max + 1):
        half = (high + low) / 2
        radius = xtol * 2.0 ** (n_max - j) / 2 - np.abs(high - low) / 2
        with np.errstate(all="ignore"):
            secant = (low * f_high - high * f_low) / (f_high - f_low)
        secant = np.where(np.isfinite(secant), secant, half)
        sigma = np.sign(half - secant)
        delta = 0.2 / max(width0, 1e-300) * np.abs(high - low) ** 2
        truncated = np.where(delta <= np.abs(half - secant), secant + sigma * delta, half)
        radius = np.maximum(radius, 0.0)
        point = np.where(np.abs(truncated - half) <= radius, truncated, half - sigma * radius)
        value = function(point, *rest)
        on_low = (value > 0) == (f_low > 0)
        exact = value == 0
        low = np.where(on_low | exact, point, low)
        f_low = np.where(on_low | exact, value, f_low)
        high = np.where(~on_low | exact, point, high)
        f_high = np.where(~on_low | exact, value, f_high)
        if np.all(np.abs(high - low) <= xtol):
            break
    return np.where(np.abs(f_low) <= np.abs(f_high), low, high)
