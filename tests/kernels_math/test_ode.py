"""``ode`` against SciPy's solvers and closed solutions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.integrate
from numpy.typing import NDArray

from kernels.math import CompileError, DomainError, ode
from kernels.math.ode import IS_COMPILED

Vector = NDArray[np.float64]


def lorenz(t: float, u: Vector, s: float = 10.0, r: float = 28.0, b: float = 8 / 3) -> list[float]:
    x, y, z = u
    return [s * (y - x), x * (r - z) - y, x * y - b * z]


def oscillator(t: float, u: Vector) -> Vector:
    return np.array([u[1], -u[0]]) + 0 * np.sin(u)


def pendulum(t: float, u: Vector, damping: float) -> list[float]:
    return [u[1], -np.sin(u[0]) - damping * u[1] + 0.3 * np.cos(t)]


def van_der_pol(t: float, y: Vector) -> list[float]:
    return [y[1], 1000 * (1 - y[0] ** 2) * y[1] - y[0]]


def robertson(t: float, y: Vector) -> list[float]:
    a, b, c = 0.04 * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
    return [-a + b, a - b - c, c]


@pytest.mark.parametrize(("method", "scipys"), [("DOPRI5", "RK45"), ("DOP853", "DOP853")])
@pytest.mark.parametrize("rtol", [1e-3, 1e-6, 1e-9])
def test_explicit_methods_make_scipys_steps(method: str, scipys: str, rtol: float) -> None:
    options = {"rtol": rtol, "atol": rtol * 1e-3}
    ours = ode.solve_ivp(pendulum, (0, 30), [1.0, 0.0], method, args=(0.1,), **options)
    theirs = scipy.integrate.solve_ivp(pendulum, (0, 30), [1.0, 0.0], scipys, args=(0.1,), **options)
    assert ours.nfev == theirs.nfev
    np.testing.assert_allclose(ours.t, theirs.t, rtol=1e-6)
    np.testing.assert_allclose(ours.y, theirs.y, rtol=1e-5, atol=1e-6)


def test_dopri5_on_lorenz_costs_what_scipys_rk45_costs() -> None:
    ours = ode.solve_ivp(lorenz, (0, 40), [1, 1, 1], rtol=1e-6, atol=1e-9)
    theirs = scipy.integrate.solve_ivp(lorenz, (0, 40), [1, 1, 1], rtol=1e-6, atol=1e-9)
    assert abs(ours.nfev - theirs.nfev) <= 0.005 * theirs.nfev


@pytest.mark.parametrize(("method", "order"), [("DOPRI5", 4.5), ("DOP853", 6.5), ("Rodas4", 3.5)])
def test_error_falls_with_the_order_of_the_method(method: str, order: float) -> None:
    if not IS_COMPILED and method == "Rodas4":
        pytest.skip("SciPy's Radau takes its place")
    errors = []
    for step in (0.2, 0.1):
        answer = ode.solve_ivp(
            oscillator, (0, 8), [1.0, 0.0], method, rtol=0.9, atol=9.0, max_step=step, first_step=step
        )
        errors.append(np.abs(answer.y[:, -1] - [math.cos(8), -math.sin(8)]).max())
    assert math.log2(errors[0] / errors[1]) > order


@pytest.mark.parametrize(("f", "y0", "end"), [(van_der_pol, [2.0, 0.0], 2000.0), (robertson, [1.0, 0.0, 0.0], 1e5)])
def test_stiff_problems_meet_radau_at_high_accuracy(f: object, y0: list[float], end: float) -> None:
    reference = scipy.integrate.solve_ivp(f, (0, end), y0, "Radau", rtol=1e-10, atol=1e-13).y[:, -1]
    for method in ("Rodas4", "auto"):
        answer = ode.solve_ivp(f, (0, end), y0, method, rtol=1e-6, atol=1e-10)
        np.testing.assert_allclose(answer.y[:, -1], reference, rtol=2e-5)
        assert answer.success
        assert answer.njev < 2000


@pytest.mark.parametrize("method", ["DOPRI5", "DOP853", "Rodas4"])
def test_dense_output_and_t_eval_follow_the_solution(method: str) -> None:
    times = np.linspace(0, 5, 101)
    answer = ode.solve_ivp(oscillator, (0, 5), [1.0, 0.0], method, times, True, rtol=1e-8, atol=1e-10)
    exact = np.array([np.cos(times), -np.sin(times)])
    np.testing.assert_allclose(answer.y, exact, atol=3e-6)
    np.testing.assert_allclose(answer.sol(times), exact, atol=3e-6)
    np.testing.assert_allclose(answer.sol(2.5), [math.cos(2.5), -math.sin(2.5)], atol=3e-6)
    assert answer.t.tolist() == times.tolist()


def test_integration_backwards_undoes_integration_forwards() -> None:
    end = ode.solve_ivp(pendulum, (0, 3), [1.0, 0.5], "DOP853", args=(0.2,), rtol=1e-11, atol=1e-12).y[:, -1]
    back = ode.solve_ivp(pendulum, (3, 0), end, "DOP853", [2.0, 0.0], True, args=(0.2,), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(back.y[:, -1], [1.0, 0.5], atol=1e-9)
    np.testing.assert_allclose(back.sol(3.0), end, atol=1e-9)


def test_events_are_found_like_scipys_and_terminal_ones_stop() -> None:
    def crossing(t: float, y: Vector) -> float:
        return y[0]

    def second_maximum(t: float, y: Vector) -> float:
        return y[1]

    second_maximum.direction = -1  # type: ignore[attr-defined]
    second_maximum.terminal = 2  # type: ignore[attr-defined]
    arguments = (oscillator, (0, 30), [0.0, 1.0])
    options = {"events": [crossing, second_maximum], "rtol": 1e-9, "atol": 1e-10, "dense_output": True}
    ours = ode.solve_ivp(*arguments, **options)
    theirs = scipy.integrate.solve_ivp(*arguments, **options)
    assert ours.status == theirs.status == 1
    assert [len(e) for e in ours.t_events] == [len(e) for e in theirs.t_events]
    np.testing.assert_allclose(ours.t_events[0][-2:], [math.pi, 2 * math.pi], rtol=1e-8)
    np.testing.assert_allclose(ours.t[-1], 2.5 * math.pi, rtol=1e-8)
    np.testing.assert_allclose(ours.y_events[1], theirs.y_events[1], atol=1e-8)


def test_formulas_with_parameters_and_formula_events_work() -> None:
    answer = ode.solve_ivp(["-k*y + cos(t)"], (0, 2), [1.0], variables=["y"], parameters=["k"], args=(3.0,), rtol=1e-9)
    k = 3.0
    particular = (k * math.cos(2) + math.sin(2)) / (k * k + 1)
    assert answer.y[0, -1] == pytest.approx((1 - k / (k * k + 1)) * math.exp(-2 * k) + particular, abs=1e-6)
    falling = ode.solve_ivp(["v", "-9.81"], (0, 5), [10.0, 0.0], variables=["x", "v"], events="x", rtol=1e-8)
    assert falling.t_events[0][0] == pytest.approx(math.sqrt(20 / 9.81), rel=1e-7)


def test_functions_that_branch_on_values_are_solved_by_scipy() -> None:
    def bounce(t: float, y: Vector) -> list[float]:
        return [1.0 if y[0] < 1 else -1.0]

    answer = ode.solve_ivp(bounce, (0, 0.5), [0.0])
    assert answer.y[0, -1] == pytest.approx(0.5)


def test_errors_in_a_callback_reach_the_caller() -> None:
    import sympy as sp

    def broken(value: float) -> float:
        raise RuntimeError("broken callback")

    from kernels.math import fast_callable

    y = sp.Symbol("y")
    program = fast_callable(sp.Function("g")(y), (y,), functions={"g": broken})
    with pytest.raises(RuntimeError, match="broken callback"):
        ode.solve_ivp(lambda t, u: [program(float(u[0]))], (0, 1), [1.0])


def test_ensembles_equal_single_solutions() -> None:
    times = np.linspace(0, 4, 9)
    starts = np.column_stack([np.linspace(-2, 2, 7), np.zeros(7)])
    damping = np.linspace(0, 0.3, 7)[:, None]
    many = ode.solve_ensemble(pendulum, (0, 4), starts, damping, t_eval=times, rtol=1e-8, atol=1e-9)
    assert many.shape == (7, 2, 9)
    for i in range(7):
        one = ode.solve_ivp(pendulum, (0, 4), starts[i], t_eval=times, args=(damping[i, 0],), rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(many[i], one.y, atol=1e-9)
    last = ode.solve_ensemble(pendulum, (0, 4), starts, damping, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(last, many[:, :, -1], atol=1e-6)


def test_blow_up_is_reported_not_hidden() -> None:
    answer = ode.solve_ivp(lambda t, y: [y[0] ** 2], (0, 2), [1.0])
    assert not answer.success
    assert answer.t[-1] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y0": [math.nan]}, "finite"), ({"t_span": (0, math.inf)}, "finite"), ({"rtol": -1.0}, "positive"),
        ({"t_eval": [0.5, 2.0]}, "outside"), ({"t_eval": [0.5, 0.5]}, "sorted"), ({"y0": []}, "empty"),
        ({"f": lambda t, y: [y[0], y[0]]}, "components"), ({"f": ["y"]}, "variables"),
    ],
)  # fmt: skip
def test_bad_problems_are_named_errors(change: dict[str, object], message: str) -> None:
    problem: dict[str, object] = {"f": lambda t, y: [-y[0]], "t_span": (0, 1), "y0": [1.0], **change}
    with pytest.raises((DomainError, CompileError), match=message):
        ode.solve_ivp(**problem)  # type: ignore[arg-type]
