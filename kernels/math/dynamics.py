"""Iterated maps, fractals, cellular automata, many bodies, random walks."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from kernels.math import _autodiff, _backend
from kernels.math._automata import elementary_cellular_automaton, life_like
from kernels.math._codegen import generate
from kernels.math._fractals import escape_time, julia, mandelbrot
from kernels.math._frontend import Converter, parse
from kernels.math.callables import FastCallable, fast_callable, isa_level
from kernels.math.errors import DomainError
from kernels.math.opcodes import Op

__all__ = [
    "bifurcation_diagram", "elementary_cellular_automaton", "escape_time", "iterate_map", "julia", "life_like",
    "lyapunov_exponent", "mandelbrot", "nbody", "random_walk",
]  # fmt: skip

_core, IS_COMPILED = _backend.load("kernels.math._dynamics", "kernels.math._dynamics_pure")
Floats = NDArray[np.float64]
Formula = Any


def _map_program(f: Formula | Sequence[Formula], variables: Sequence[Any], parameters: Sequence[Any]) -> FastCallable:
    if isinstance(f, FastCallable):
        inputs, outputs = len(variables) + len(parameters), len(variables)
        if f.spec.is_complex or (f.spec.inputs, f.spec.outputs) != (inputs, outputs):
            raise DomainError(f"this map needs a real program of {inputs} arguments and {outputs} results, not {f!r}")
        return f
    rows = list(f) if isinstance(f, list | tuple) else [f]
    if len(rows) != len(variables):
        raise DomainError(f"a map of {len(variables)} variables needs as many formulas, got {len(rows)}")
    names = (*variables, *parameters)
    if all(isinstance(row, str | sp.Basic) for row in (*rows, *names)):
        return _compile_map(tuple(rows), names, isa_level())
    return fast_callable(rows, names)


@functools.lru_cache(maxsize=64)
def _compile_map(rows: tuple[Formula, ...], names: tuple[Any, ...], level: str) -> FastCallable:
    """The program of a map. Reading a formula takes as long as thousands of orbits, and maps are drawn repeatedly."""
    return fast_callable(list(rows), names)


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
    if start.shape != (len(variables),) or len(args) != len(parameters):
        raise DomainError(f"{len(variables)} variables and {len(parameters)} parameters need as many values")
    out = np.empty((steps + 1, len(start)))
    _core.orbit(program, start, np.array(args, dtype=float), out)
    return out[:, 0].copy() if np.ndim(x0) == 0 else out


def _aligned(*shape: int) -> Floats:
    """An empty array that begins with a cache line, so that whole lines of it can be written past the cache."""
    size = int(np.prod(shape))
    room = np.empty(size + 7)
    skip = -room.ctypes.data // room.itemsize % 8
    return room[skip : skip + size].reshape(shape)


def _orbits(program: FastCallable, x0: float, values: Floats, transient: int, keep: int, store: bool) -> Any:
    states = np.full((1, len(values)), float(x0))
    kept = _aligned(keep, 1, len(values)) if store else None
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

    The derivative is that of the formula, not a difference.
    Source: Strogatz, *Nonlinear Dynamics and Chaos*, section 10.5.

    Returns
    -------
    float or ndarray
        As ``values``.
    """
    if transient < 0 or steps < 1:
        raise DomainError(f"transient must not be negative and steps positive: {transient}, {steps}")
    shape = np.shape(values)
    grid = np.array(values, dtype=float).ravel()
    given = tuple(sp.Symbol(v) if isinstance(v, str) else v for v in (variable, parameter))
    x, r = sp.Dummy("x", real=True), sp.Dummy("r", real=True)  # of real numbers SymPy knows the derivative of Abs
    expr = parse(f, given).xreplace({given[0]: x, given[1]: r})
    # one step ahead of the state, so that the derivative belongs to the state that the step starts from
    converter = Converter((x, r))
    graph, node = converter.graph, converter.visit(expr)
    try:
        slope = _autodiff.gradient(graph, node)[0]
    except _autodiff.NotDifferentiableError:
        slope = converter.visit(sp.diff(expr, x))
    growth = graph.node(int(Op.LOG), graph.node(int(Op.ABS), slope))
    program = FastCallable(generate(graph, [node, growth]), (2,), expr, (x, r), {})
    _, total = _orbits(program, x0, grid, transient, steps, False)
    result = total / steps
    return float(result[0]) if shape == () else result.reshape(shape)


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
    position, velocity = x.T.copy(), v.T.copy()  # planes of x, y and z, which move; x stays the first of the results
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
