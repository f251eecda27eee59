"""Ordinary differential equations: SciPy's ``solve_ivp`` with compiled right-hand sides and integrators.

Sources: Dormand and Prince (1980) and Hairer, Norsett, Wanner, *Solving Ordinary Differential Equations I* for
DOPRI5 and DOP853 with SciPy's step control; Hairer and Wanner, *II*, section IV.7 for Rodas4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.integrate
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import OptimizeResult

from kernels.math import _backend
from kernels.math._ode_system import OdeSystem, compile_events, compile_system
from kernels.math.errors import DomainError

__all__ = ["OdeResult", "OdeSystem", "compile_system", "solve_ensemble", "solve_ivp"]

_core, IS_COMPILED = _backend.load("kernels.math._ode", "kernels.math._vm_pure")
_SCIPY_METHODS = {"DOPRI5": "RK45", "RK45": "RK45", "DOP853": "DOP853", "Rodas4": "Radau", "auto": "LSODA"}
_MESSAGES = {
    0: "The solver successfully reached the end of the integration interval.",
    1: "A termination event occurred.",
    -1: "Required step size is less than spacing between numbers.",
}
LEAST_RTOL = 100 * float(np.finfo(float).eps)
_tables: dict[str, Any] = {}


class OdeResult(OptimizeResult):  # type: ignore[misc]
    """What ``scipy.integrate.solve_ivp`` returns: t, y, sol, t_events, y_events, nfev, njev, nlu, status, message."""


class DenseSolution:
    """The solution as a function of time: one polynomial per step.

    Parameters
    ----------
    rows : ndarray
        One row per step: start, end, state at the start, ``n`` times 7 coefficients of powers of the step's fraction.
    size : int
        Number of equations.
    reached : float
        Where the integration ended: an event may cut the last step.
    """

    def __init__(self, rows: NDArray[np.float64], size: int, reached: float) -> None:
        self._starts, self._ends = rows[:, 0], rows[:, 1]
        self._states = rows[:, 2 : 2 + size]
        self._powers = rows[:, 2 + size :].reshape(len(rows), size, 7)
        self.t_min, self.t_max = sorted((float(rows[0, 0]), reached))

    def __call__(self, t: ArrayLike) -> NDArray[np.float64]:
        """States at the given times: shape ``(n,)`` for a number, ``(n, len(t))`` for an array."""
        times = np.asarray(t, dtype=float)
        flat = np.atleast_1d(times)
        if self._ends[0] >= self._starts[0]:
            index = np.searchsorted(self._starts, flat, side="right") - 1
        else:
            index = np.searchsorted(-self._starts, -flat, side="right") - 1
        index = np.clip(index, 0, len(self._starts) - 1)
        fraction = (flat - self._starts[index]) / (self._ends[index] - self._starts[index])
        total = np.zeros((len(flat), self._states.shape[1]))
        for k in range(6, -1, -1):
            total = (total + self._powers[index, :, k]) * fraction[:, None]
        result = (self._states[index] + total).T
        return result[:, 0] if times.ndim == 0 else result


def _table(method: str) -> Any:
    """The Butcher table of an explicit method, from SciPy's solver classes."""
    if method not in _tables:
        if method == "DOP853":
            c = scipy.integrate.DOP853
            a = np.zeros((16, 16))
            a[:12, :12] = c.A
            a[13:, :] = c.A_EXTRA
            nodes = np.concatenate([c.C, [1.0], c.C_EXTRA])
            _tables[method] = _core.Tableau(a, c.B, nodes, c.E5, c.E3, c.D, 12, 3, 7, 7)
        else:
            c = scipy.integrate.RK45
            _tables[method] = _core.Tableau(c.A, c.B, c.C, c.E, None, c.P, 6, 0, 4, 4)
    return _tables[method]


def solve_ivp(
    f: Callable[..., Any] | Sequence[Any] | OdeSystem,
    t_span: tuple[float, float],
    y0: ArrayLike,
    method: str = "DOPRI5",
    t_eval: ArrayLike | None = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Sequence[Any] | None = None,
    *,
    rtol: float = 1e-3,
    atol: ArrayLike = 1e-6,
    max_step: float = math.inf,
    first_step: float | None = None,
    variables: Sequence[Any] | None = None,
    parameters: Sequence[Any] = (),
    t: Any = "t",
) -> OdeResult:
    """Solve an initial value problem ``y' = f(t, y, *args)``.

    Parameters
    ----------
    f : callable, sequence of formulas, or OdeSystem
        A callable is run once on recording numbers; if it branches on their values or calls other compiled code, the
        problem goes to SciPy's solver of the same kind. Formulas (SymPy or strings) need ``variables``.
    t_span : (float, float)
        Interval; backwards is allowed.
    y0 : array_like, shape (n,)
        Initial state.
    method : {"DOPRI5", "DOP853", "Rodas4", "auto"}
        ``DOPRI5`` makes the same steps as SciPy's RK45, ``DOP853`` as SciPy's DOP853; ``Rodas4`` is for stiff
        problems, with the exact Jacobian; ``auto`` starts with DOPRI5 and changes to Rodas4 when the problem proves
        stiff. Any other name is SciPy's.
    t_eval, dense_output, events, args, rtol, atol, max_step, first_step
        As in ``scipy.integrate.solve_ivp``. Events may be formulas or callables with ``terminal`` and ``direction``.
    vectorized : bool
        Accepted for compatibility; has no effect.
    variables, parameters, t
        Names of the state, of the parameters and of time, for formulas; ``args`` holds the parameters' values.

    Returns
    -------
    OdeResult

    Raises
    ------
    DomainError
        For tolerances, times or shapes that make no sense.
    CompileError
        For formulas that cannot be compiled.

    Examples
    --------
    >>> solve_ivp(["-y"], (0, 1), [1.0], variables=["y"], rtol=1e-8, atol=1e-10).y[0, -1]  # doctest: +ELLIPSIS
    0.36787944...
    """
    start, end = map(float, t_span)
    state = np.array(y0, dtype=float).ravel()
    tolerance = _checked_problem(start, end, state, rtol, atol)
    if not max_step > 0 or not (first_step is None or first_step > 0):
        raise DomainError(f"max_step and first_step must be positive: {max_step}, {first_step}")
    try:
        values = () if args is None else tuple(args)
    except TypeError as error:
        raise DomainError(f"args must be a sequence of values, as ({args},)") from error
    times = None if t_eval is None else _checked_times(t_eval, start, end)
    system = f if isinstance(f, OdeSystem) else compile_system(f, state.size, values, variables, parameters, t)
    listed = [] if events is None else list(events) if isinstance(events, list | tuple) else [events]
    event_program = compile_events(listed, system, values) if system is not None and listed else None
    known = method in ("DOPRI5", "DOP853", "Rodas4", "auto", "RK45")
    if system is None or not known or not IS_COMPILED or (listed and event_program is None) or start == end:
        rhs = f if callable(f) and not isinstance(f, OdeSystem) else None
        return _by_scipy(rhs, system, values, start, end, state, method, times, dense_output, events, rtol, atol,
                         max_step, first_step)  # fmt: skip
    if system.size != state.size:
        raise DomainError(f"the system has {system.size} equations, y0 has {state.size} values")
    solver = _integrator(system, method, event_program, len(listed))
    direction = np.array([np.sign(getattr(e, "direction", 0)) for e in listed], dtype=np.intc)
    terminal = np.array([int(getattr(e, "terminal", 0) or 0) for e in listed], dtype=np.intc)
    solver.configure(max(rtol, LEAST_RTOL), tolerance, max_step, method == "auto", times is None, dense_output, times,
                     direction, terminal)  # fmt: skip
    status = solver.solve(start, end, state, system.parameter_values(values), first_step or 0.0)
    if status == 3:
        status = solver.continue_stiff()
    return _result(solver, status, state.size, len(listed), times is None, dense_output)


def _checked_problem(
    start: float, end: float, states: NDArray[np.float64], rtol: float, atol: ArrayLike
) -> NDArray[np.float64]:
    """The absolute tolerance of every component; an error for what no solver can start with."""
    if not (math.isfinite(start) and math.isfinite(end) and np.isfinite(states).all() and states.size):
        raise DomainError("t_span and y0 must be finite, and y0 not empty")
    tolerance = np.array(atol, dtype=float)
    if not rtol > 0 or not (tolerance >= 0).all():
        raise DomainError(f"rtol must be positive, atol not negative: {rtol}, {atol!r}")
    if tolerance.shape not in ((), (1,), states.shape[-1:]):
        raise DomainError(f"atol has the shape {tolerance.shape}, the state has {states.shape[-1]} values")
    return np.array(np.broadcast_to(tolerance, states.shape[-1:]))


def _checked_times(t_eval: ArrayLike, start: float, end: float) -> NDArray[np.float64]:
    times = np.array(t_eval, dtype=float).ravel()
    if times.size and not (times.min() >= min(start, end) and times.max() <= max(start, end)):
        raise DomainError("t_eval lies outside t_span")
    if np.any(np.diff(times) * (1 if end >= start else -1) <= 0):
        raise DomainError("t_eval is not sorted in the direction of integration, or repeats a time")
    return times


def _integrator(system: OdeSystem, method: str, events: Any, count: int) -> Any:
    stiff = method == "Rodas4"
    jacobian = system.jacobian() if stiff or method == "auto" else None
    table = _table("DOP853" if method == "DOP853" else "DOPRI5")
    return _core.Integrator(system.program, jacobian, events, table, stiff, system.size, count)


def _result(solver: Any, status: int, size: int, events: int, all_steps: bool, dense: bool) -> OdeResult:
    rows = solver.take("steps" if all_steps else "evaluated")
    found = solver.take("found")
    nfev, njev, nlu = solver.counts
    code = {0: 0, 1: 1}.get(status, -1)
    pick = [found[found[:, 0] == e] for e in range(events)]
    stored = solver.take("dense_store") if dense else np.empty((0, 1))
    return OdeResult(
        t=rows[:, 0].copy(),
        y=np.ascontiguousarray(rows[:, 1:].T),
        sol=DenseSolution(stored, size, solver.t) if len(stored) else None,
        t_events=[p[:, 1] for p in pick] if events else None,
        y_events=[p[:, 2:] for p in pick] if events else None,
        nfev=nfev,
        njev=njev,
        nlu=nlu,
        status=code,
        message=_MESSAGES[code],
        success=code >= 0,
    )


def _by_scipy(
    f: Callable[..., Any] | None, system: OdeSystem | None, values: tuple[Any, ...], start: float, end: float,
    state: NDArray[np.float64], method: str, t_eval: ArrayLike | None, dense: bool, events: Any, rtol: float,
    atol: ArrayLike, max_step: float, first_step: float | None,
) -> OdeResult:  # fmt: skip
    """The same problem by SciPy, for what has no program."""
    if f is None:
        assert system is not None
        program, fixed = system.program, system.parameter_values(values)

        def f(t: float, y: NDArray[np.float64], *_: Any) -> Any:
            return program(t, *y, *fixed)

    listed = [] if events is None else list(events) if isinstance(events, list | tuple) else [events]
    if any(not callable(e) for e in listed):
        assert system is not None
        listed = [_event_function(e, system, values) for e in listed]
    answer = scipy.integrate.solve_ivp(
        f, (start, end), state, _SCIPY_METHODS.get(method, method), t_eval, dense, listed or None, False,
        values or None, rtol=rtol, atol=atol, max_step=max_step, first_step=first_step,
    )  # fmt: skip
    return OdeResult(answer)


def _event_function(event: Any, system: OdeSystem, values: tuple[Any, ...]) -> Callable[..., float]:
    program, fixed = compile_events([event], system, values), system.parameter_values(values)

    def function(t: float, y: NDArray[np.float64], *_: Any) -> float:
        return float(program(t, *y, *fixed)[0])

    return function


def solve_ensemble(
    f: Callable[..., Any] | Sequence[Any] | OdeSystem,
    t_span: tuple[float, float],
    y0: ArrayLike,
    args: ArrayLike | None = None,
    method: str = "DOPRI5",
    t_eval: ArrayLike | None = None,
    *,
    rtol: float = 1e-3,
    atol: ArrayLike = 1e-6,
    variables: Sequence[Any] | None = None,
    parameters: Sequence[Any] = (),
    t: Any = "t",
) -> NDArray[np.float64]:
    """Solve one system for many initial values and parameters.

    Parameters
    ----------
    y0 : array_like, shape (m, n) or (n,)
        Initial states; one is used for all members.
    args : array_like, shape (m, p) or (p,), optional
        Parameters of every member.
    f, t_span, method, t_eval, rtol, atol, variables, parameters, t
        As in `solve_ivp`.

    Returns
    -------
    ndarray
        Shape ``(m, n, len(t_eval))``; without ``t_eval`` the final states, ``(m, n)``. A member whose step size
        vanished holds nan from there on.

    Raises
    ------
    DomainError
        For shapes that do not match, and tolerances or times that make no sense.
    """
    states = np.atleast_2d(np.asarray(y0, dtype=float))
    given = np.atleast_2d(np.asarray(args, dtype=float)) if args is not None else np.empty((1, 0))
    count = max(len(states), len(given))
    if len(states) not in (1, count) or len(given) not in (1, count):
        raise DomainError(f"{len(states)} initial states and {len(given)} parameter sets do not match")
    states = np.ascontiguousarray(np.broadcast_to(states, (count, states.shape[1])))
    given = np.ascontiguousarray(np.broadcast_to(given, (count, given.shape[1])))
    start, end = map(float, t_span)
    tolerance = _checked_problem(start, end, states, rtol, atol)
    times = None if t_eval is None else _checked_times(t_eval, start, end)
    width = 1 if times is None else len(times)
    out = np.full((count, states.shape[1], width), np.nan)
    if isinstance(f, OdeSystem):
        system: OdeSystem | None = f
    else:
        system = compile_system(f, states.shape[1], given.shape[1], variables, parameters, t)
    if system is not None and (system.size, system.parameters) != (states.shape[1], given.shape[1]):
        raise DomainError(
            f"the system has {system.size} equations and {system.parameters} parameters, "
            f"y0 has {states.shape[1]} values and args {given.shape[1]}"
        )
    if start == end:
        out[:] = states[:, :, None]
    elif system is None or not IS_COMPILED:
        for i in range(count):
            answer = solve_ivp(
                system or f, t_span, states[i], method, times, args=tuple(given[i]), rtol=rtol, atol=atol
            )
            out[i, :, : answer.y.shape[1]] = answer.y if times is not None else answer.y[:, -1:]
    else:
        solver = _integrator(system, method, None, 0)
        solver.configure(max(rtol, LEAST_RTOL), tolerance, math.inf, method == "auto", False, False, times, None, None)
        statuses = np.empty(count, dtype=np.intc)
        solver.ensemble(start, end, states, given, out, statuses)
        if times is None:
            out[statuses != 0] = np.nan
    return out[:, :, 0] if times is None else out
