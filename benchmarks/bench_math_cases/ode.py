"""Differential equations: Lorenz and two stiff problems, at equal error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.integrate
from bench_math_tools import Row, compare, interleaved, readable

from kernels.math import ode


def lorenz(t: float, u: Any, s: float = 10.0, r: float = 28.0, b: float = 8 / 3) -> list[Any]:
    """The Lorenz equations."""
    x, y, z = u
    return [s * (y - x), x * (r - z) - y, x * y - b * z]


def van_der_pol(t: float, y: Any) -> list[Any]:
    """Van der Pol's oscillator with mu = 1000."""
    return [y[1], 1000 * (1 - y[0] ** 2) * y[1] - y[0]]


def robertson(t: float, y: Any) -> list[Any]:
    """Robertson's reaction."""
    a, b, c = 0.04 * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
    return [-a + b, a - b - c, c]


def rows(quick: bool) -> Iterator[Row]:
    """Rows of the table."""
    rounds = 3 if quick else 7
    options = {"rtol": 1e-9, "atol": 1e-12}
    ours = ode.solve_ivp(lorenz, (0, 40), [1, 1, 1], **options)
    theirs = scipy.integrate.solve_ivp(lorenz, (0, 40), [1, 1, 1], **options)
    same = abs(ours.nfev / theirs.nfev - 1) < 0.002
    yield Row("DOPRI5 on Lorenz [0, 40]: evaluations", "SciPy RK45", str(ours.nfev), str(theirs.nfev), "equal", same)
    short, theirs_short = (
        solve(lorenz, (0, 12), [1, 1, 1], **options) for solve in (ode.solve_ivp, scipy.integrate.solve_ivp)
    )
    exact = scipy.integrate.solve_ivp(lorenz, (0, 12), [1, 1, 1], "DOP853", rtol=1e-13, atol=1e-14).y[:, -1]
    errors = [float(np.abs(a.y[:, -1] - exact).max()) for a in (short, theirs_short)]
    yield Row(
        "error at t = 12", "SciPy RK45", f"{errors[0]:.2g}", f"{errors[1]:.2g}", "equal", errors[0] < 1.05 * errors[1]
    )
    times = np.linspace(0, 40, 4001)
    peers = [
        ("solve_ivp RK45", lambda: scipy.integrate.solve_ivp(lorenz, (0, 40), [1, 1, 1], **options), 150.0),
        ("odeint", lambda: scipy.integrate.odeint(lorenz, [1, 1, 1], times, tfirst=True, **options), 15.0),
    ]
    yield from compare(
        "DOPRI5 on Lorenz, tracing and compiling included",
        lambda: ode.solve_ivp(lorenz, (0, 40), [1, 1, 1], **options),
        peers,
        rounds,
    )
    for name, f, y0, end in (
        ("Van der Pol", van_der_pol, [2.0, 0.0], 2000.0),
        ("Robertson", robertson, [1.0, 0.0, 0.0], 1e5),
    ):
        yield from stiff(name, f, y0, end, rounds)


def stiff(name: str, f: Callable[..., Any], y0: list[float], end: float, rounds: int) -> Iterator[Row]:
    """The time each method needs for the error that ours has, interpolated on its work-precision line."""
    exact = scipy.integrate.solve_ivp(f, (0, end), y0, "Radau", rtol=1e-12, atol=1e-15).y[:, -1]

    def error(solve: Callable[..., Any], method: str, rtol: float) -> float:
        answer = solve(f, (0, end), y0, method, rtol=rtol, atol=rtol * 1e-3)
        return float(np.abs((answer.y[:, -1] - exact) / exact).max())

    wanted = error(ode.solve_ivp, "Rodas4", 1e-5)
    ((cpu, wall),) = interleaved([lambda: ode.solve_ivp(f, (0, end), y0, "Rodas4", rtol=1e-5, atol=1e-8)], rounds)
    for method, bar in (("BDF", 100.0), ("Radau", 100.0), ("LSODA", 8.0)):
        tolerances = [10.0**-k for k in range(3, 12)]
        errors = [error(scipy.integrate.solve_ivp, method, tol) for tol in tolerances]
        enough = next((k for k, e in enumerate(errors) if e <= wanted), len(errors) - 1)
        coarse = max(enough - 1, 0)
        steps = [
            interleaved(
                [
                    lambda t=tolerances[k], m=method: scipy.integrate.solve_ivp(
                        f, (0, end), y0, m, rtol=t, atol=t * 1e-3
                    )
                ],
                max(rounds // 2, 1),
            )[0]
            for k in (coarse, enough)
        ]
        span = np.log(errors[coarse] / errors[enough]) if coarse != enough else 0.0
        share = float(np.clip(np.log(errors[coarse] / wanted) / span, 0, 1)) if span > 0 else 1.0
        peer_cpu, peer_wall = (
            float(np.exp((1 - share) * np.log(a) + share * np.log(b))) for a, b in zip(*steps, strict=True)
        )
        ratio = peer_cpu / cpu
        yield Row(
            f"Rodas4 on {name}, relative error {wanted:.1g}",
            method,
            readable(cpu),
            f"{ratio:.3g} ({peer_wall / wall:.3g})",
            f"≥ {bar:g}",
            ratio >= bar,
        )
