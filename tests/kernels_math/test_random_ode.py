"""``ode`` on random problems: linear systems against the matrix exponential, steps and events against SciPy's."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
from numpy.typing import NDArray

from kernels.math import DomainError, ode

Floats = NDArray[np.float64]
METHODS = ("DOPRI5", "DOP853", "Rodas4", "auto")
CLOSE = {"rtol": 1e-8, "atol": 1e-10}


def linear_formulas(n: int) -> list[str]:
    """``y' = A y + b t + c`` with all coefficients as parameters."""
    rows = (" + ".join(f"a{i}{j}*y{j}" for j in range(n)) for i in range(n))
    return [f"{row} + b{i}*t + c{i}" for i, row in enumerate(rows)]


def linear_system(n: int) -> ode.OdeSystem:
    names = [f"a{i}{j}" for i in range(n) for j in range(n)] + [f"b{i}" for i in range(n)] + [f"c{i}" for i in range(n)]
    system = ode.compile_system(linear_formulas(n), n, (), [f"y{i}" for i in range(n)], names)
    assert system is not None
    return system


@pytest.fixture(scope="module")
def linear() -> list[ode.OdeSystem]:
    """Systems of one to four equations."""
    return [linear_system(n) for n in range(1, 5)]


def exponential(matrices: Floats) -> Floats:
    """Exponentials of a stack of matrices: SciPy's wakes the threads of BLAS for each, which takes milliseconds."""
    squarings = max(0, math.ceil(math.log2(np.abs(matrices).sum(axis=-1).max() + 1e-300)) + 2)
    small, total = matrices / 2.0**squarings, np.zeros_like(matrices) + np.eye(matrices.shape[-1])
    term = total
    for k in range(1, 14):
        term = term @ small / k
        total = total + term
    for _ in range(squarings):
        total = total @ total
    return total


def test_the_exponential_that_solutions_are_compared_with_is_scipys(rng: np.random.Generator) -> None:
    matrices = rng.normal(size=(30, 5, 5)) * 10.0 ** rng.uniform(-3, 1, (30, 1, 1))
    np.testing.assert_allclose(exponential(matrices), scipy.linalg.expm(matrices), rtol=1e-8, atol=1e-9)


def exact(a: Floats, b: Floats, c: Floats, y0: Floats, start: float, times: Floats) -> Floats:
    """The solution by the exponential of the system with t and 1 as further states."""
    n = len(y0)
    whole = np.zeros((n + 2, n + 2))
    whole[:n, :n], whole[:n, n], whole[:n, n + 1], whole[n, n + 1] = a, b, c, 1
    return np.array(exponential(whole * (times - start)[:, None, None]) @ [*y0, start, 1.0])[:, :n].T


def span(rng: np.random.Generator, longest: float) -> tuple[float, float]:
    start = rng.uniform(-2, 2)
    return start, start + rng.uniform(0.01, longest) * (1 if rng.random() < 0.5 else -1)


def times_within(rng: np.random.Generator, start: float, end: float) -> Floats:
    """Up to six times in the direction of integration, at times with the ends."""
    inner = start + (end - start) * np.sort(rng.random(rng.integers(0, 5)))
    ends = [start] if rng.random() < 0.5 else [], [end] if rng.random() < 0.5 else []
    return np.concatenate([ends[0], inner, ends[1]])


@pytest.mark.parametrize("method", METHODS)
def test_linear_systems_follow_the_matrix_exponential(
    method: str, linear: list[ode.OdeSystem], cases: int, rng: np.random.Generator
) -> None:
    for case in range(cases):
        n = int(rng.integers(1, 5))
        a, b, c, y0 = rng.normal(size=(n, n)), rng.normal(size=n), rng.normal(size=n), rng.normal(size=n)
        start, end = span(rng, 2.0)
        times = times_within(rng, start, end)
        if case % 8:
            answer = ode.solve_ivp(
                linear[n - 1], (start, end), y0, method, times, True, args=[*a.ravel(), *b, *c], **CLOSE
            )
        else:  # a function, which is recorded with the values of its arguments

            def f(t: float, y: Floats, a: Floats, b: Floats, c: Floats) -> Floats:
                return a @ y + b * t + c

            answer = ode.solve_ivp(f, (start, end), y0, method, times, True, args=(a, b, c), **CLOSE)
        assert answer.success
        assert answer.t.tolist() == times.tolist()
        anywhere = start + (end - start) * np.array([0.0, rng.random(), 1.0])
        expected = exact(a, b, c, y0, start, np.concatenate([times, anywhere]))
        scale = 1e-5 * (1 + np.abs(expected).max())
        np.testing.assert_allclose(answer.y, expected[:, : len(times)], rtol=0, atol=scale)
        np.testing.assert_allclose(answer.sol(anywhere), expected[:, len(times) :], rtol=0, atol=scale)
        assert (answer.sol.t_min, answer.sol.t_max) == (min(start, end), max(start, end))


@pytest.mark.parametrize("method", ["Rodas4", "auto"])
def test_stiff_linear_systems_follow_the_matrix_exponential(
    method: str, linear: list[ode.OdeSystem], cases: int, rng: np.random.Generator
) -> None:
    for _ in range(cases):
        n = int(rng.integers(2, 5))
        basis = np.linalg.qr(rng.normal(size=(n, n)))[0] + 0.1 * rng.normal(size=(n, n))
        rates = -(10.0 ** rng.uniform(-1, [1] + [5] * (n - 1)))
        a, b, c = basis * rates @ np.linalg.inv(basis), rng.normal(size=n), rng.normal(size=n)
        y0 = basis @ rng.normal(size=n)
        answer = ode.solve_ivp(
            linear[n - 1], (0, 1), y0, method, args=[*a.ravel(), *b, *c], rtol=1e-7, atol=1e-10
        )  # fmt: skip
        expected = exact(a, b, c, y0, 0.0, np.ones(1))[:, 0]
        np.testing.assert_allclose(answer.y[:, -1], expected, rtol=0, atol=1e-5 * (1 + np.abs(y0).max()))


def pendulum(t: float, u: Floats, damping: float, push: float, rate: float) -> list[float]:
    return [u[1], -np.sin(u[0]) - damping * u[1] + push * np.cos(rate * t)]


@pytest.mark.parametrize(("method", "scipys"), [("DOPRI5", "RK45"), ("DOP853", "DOP853")])
def test_explicit_methods_make_scipys_steps_on_random_problems(
    method: str, scipys: str, cases: int, rng: np.random.Generator
) -> None:
    system = ode.compile_system(pendulum, 2, 3)
    assert system is not None
    for _ in range(cases):
        args = tuple(rng.uniform(0, [0.3, 2.0, 3.0]).tolist())
        interval, y0 = span(rng, 5.0), rng.normal(size=2)
        options = {"rtol": 10 ** rng.uniform(-5, -2), "atol": 10 ** rng.uniform(-7, -3, 2), "args": args}
        if rng.random() < 0.3:
            options["max_step"] = rng.uniform(0.2, 2)
        if rng.random() < 0.3:
            options["first_step"] = rng.uniform(1e-3, 1) * abs(interval[1] - interval[0])
        ours = ode.solve_ivp(system, interval, y0, method, **options)
        theirs = scipy.integrate.solve_ivp(pendulum, interval, y0, scipys, **options)
        assert (ours.nfev, ours.status) == (theirs.nfev, theirs.status)
        # the estimate of the error is a difference of nearly equal sums, so the last digits of the steps differ
        np.testing.assert_allclose(ours.t, theirs.t, rtol=0, atol=1e-4)
        np.testing.assert_allclose(ours.y, theirs.y, rtol=0, atol=1e-4)


def crossings(amplitude: float, phase: float, rate: float, level: float, start: float, end: float) -> list[float]:
    """Times in order of integration at which ``amplitude*cos(rate*t + phase)`` is the level."""
    angle = math.acos(level / amplitude)
    turns = np.arange(-40, 41) * 2 * math.pi
    times = np.concatenate([turns + angle - phase, turns - angle - phase]) / rate
    inside = times[(times > min(start, end)) & (times < max(start, end))]
    return sorted(inside.tolist(), reverse=end < start)


@pytest.mark.parametrize("method", METHODS)
def test_events_are_found_at_the_known_crossings(method: str, cases: int, rng: np.random.Generator) -> None:
    system = ode.compile_system(["v", "-w**2*x"], 2, (), ["x", "v"], ["w", "level"])
    for case in range(cases):
        amplitude, phase, rate = rng.uniform(0.5, 2), rng.uniform(-3, 3), rng.uniform(0.5, 3)
        level, (start, end) = amplitude * rng.uniform(-0.9, 0.9), span(rng, 8.0)
        y0 = [amplitude * math.cos(rate * start + phase), -amplitude * rate * math.sin(rate * start + phase)]
        expected = crossings(amplitude, phase, rate, level, start, end)
        if any(min(abs(t - start), abs(t - end)) < 1e-3 for t in expected):
            continue
        options = {"args": (rate, level), "max_step": 0.3 / rate, "dense_output": True, **CLOSE}
        if case % 4 == 0:
            answer = ode.solve_ivp(system, (start, end), y0, method, events="x - level", **options)
            wanted, stopped = expected, False
        else:
            event, direction, count = crossing_event(rng)
            slopes = [-math.sin(rate * t + phase) * np.sign(end - start) for t in expected]
            wanted = [t for t, slope in zip(expected, slopes, strict=True) if direction * slope >= 0]
            stopped = 0 < count <= len(wanted)
            wanted = wanted[:count] if stopped else wanted
            answer = ode.solve_ivp(system, (start, end), y0, method, events=[event], **options)
        np.testing.assert_allclose(answer.t_events[0], wanted, rtol=0, atol=1e-5)
        np.testing.assert_allclose(np.reshape(answer.y_events[0], (-1, 2))[:, 0], level, rtol=0, atol=1e-8)
        assert answer.status == int(stopped)
        reached = answer.t_events[0][-1] if stopped else end
        assert answer.t[-1] == reached
        assert (answer.sol.t_min, answer.sol.t_max) == (min(start, reached), max(start, reached))
        x = amplitude * math.cos(rate * reached + phase)
        assert abs(answer.y[0, -1] - x) + abs(answer.sol(reached)[0] - x) < 1e-5


def crossing_event(rng: np.random.Generator) -> tuple[Callable[..., float], int, int]:
    """An event of a random direction that ends the integration at its count-th time, if count is not 0."""

    def event(t: float, y: Floats, rate: float, level: float) -> float:
        return y[0] - level

    direction, count = int(rng.integers(-1, 2)), int(rng.integers(0, 4))
    event.direction, event.terminal = direction, count  # type: ignore[attr-defined]
    return event, direction, count


def test_ensembles_equal_single_solutions_on_random_problems(cases: int, rng: np.random.Generator) -> None:
    system = ode.compile_system(pendulum, 2, 3)
    for _ in range(cases):
        members, method = int(rng.integers(1, 4)), METHODS[rng.integers(4)]
        shared_state, shared_args = rng.random() < 0.3, rng.random() < 0.3
        y0 = rng.normal(size=2 if shared_state else (members, 2))
        args = rng.uniform(0, 1, 3 if shared_args else (members, 3))
        interval = span(rng, 3.0)
        times = times_within(rng, *interval) if rng.random() < 0.5 else None
        options = {"rtol": 10 ** rng.uniform(-7, -3), "atol": 1e-8}
        many = ode.solve_ensemble(system, interval, y0, args, method, times, **options)
        count = 1 if shared_state and shared_args else members
        assert many.shape == ((count, 2) if times is None else (count, 2, len(times)))
        for i, one in enumerate(many):
            state, values = np.broadcast_to(y0, (count, 2))[i], np.broadcast_to(args, (count, 3))[i]
            answer = ode.solve_ivp(system, interval, state, method, times, args=values, **options)
            np.testing.assert_allclose(one, answer.y if times is not None else answer.y[:, -1], rtol=1e-12, atol=1e-12)


def decay(t: float, y: Floats) -> list[float]:
    return [-y[0]]


@pytest.mark.parametrize("method", METHODS)
def test_an_interval_of_no_length_holds_the_initial_state(method: str) -> None:
    answer = ode.solve_ivp(decay, (1, 1), [2.0], method, dense_output=True)
    assert answer.success
    assert set(answer.y[0]) == {2.0}
    assert answer.sol(1.0) == 2.0
    assert ode.solve_ensemble(decay, (1, 1), [[2.0], [3.0]], method=method, t_eval=[1.0]).tolist() == [[[2.0]], [[3.0]]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rtol": math.nan}, "rtol"), ({"atol": math.nan}, "atol"), ({"atol": [1e-6, 1e-6]}, "atol"),
        ({"first_step": -1.0}, "first_step"), ({"max_step": math.nan}, "max_step"), ({"args": 2.0}, "sequence"),
        ({"t_eval": [math.nan]}, "outside"),
    ],
)  # fmt: skip
def test_values_that_no_solver_can_use_are_named_errors(change: dict[str, object], message: str) -> None:
    with pytest.raises(DomainError, match=message):
        ode.solve_ivp(decay, (0, 1), [1.0], **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"args": None}, "parameters"), ({"args": [[1.0, 2.0]]}, "parameters"), ({"y0": [1.0, 2.0]}, "equations"),
        ({"y0": [math.nan]}, "finite"), ({"t_span": (0, math.inf)}, "finite"), ({"rtol": -1.0}, "rtol"),
        ({"atol": [1.0, 2.0, 3.0]}, "atol"), ({"y0": [[1.0], [2.0]], "args": [[1.0]] * 3}, "match"),
    ],
)  # fmt: skip
def test_ensembles_name_what_does_not_fit(change: dict[str, object], message: str) -> None:
    system = ode.compile_system(["a*y"], 1, (), ["y"], ["a"])
    problem: dict[str, object] = {"f": system, "t_span": (0, 1), "y0": [1.0], "args": [1.0], **change}
    with pytest.raises(DomainError, match=message):
        ode.solve_ensemble(**problem)  # type: ignore[arg-type]
