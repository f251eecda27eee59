"""Optimisation in 60 trials: the platform's Gaussian-process sampler against Optuna's samplers.

Run `python benchmarks/bench_optimiser.py [--quick] [--only Branin]`. Optuna's GPSampler joins when PyTorch is
installed; without it its column shows the figures that were measured with the same functions, seeds and budget, marked
"(recorded)". The project does not depend on PyTorch: install it beside, in an environment of its own. All samplers have
one thread.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # read at import

import numpy as np
import optuna
from optuna.distributions import FloatDistribution
from optuna.samplers import BaseSampler

from pipelines.experiments import GaussianProcessSampler

BUDGET = 60
RECORDED_GP = {"Branin": 0.398, "Hartmann6": -3.321, "Ackley5": 6.6, "Rosenbrock4": 179.0}


@dataclass(frozen=True)
class Problem:
    name: str
    bounds: list[tuple[float, float]]
    function: Callable[[np.ndarray], float]


def branin(x: np.ndarray) -> float:
    a, b = x
    inner = b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6
    return float(inner**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10)


_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann6(x: np.ndarray) -> float:
    return float(-np.sum(_ALPHA * np.exp(-np.sum(_A * (x - _P) ** 2, axis=1))))


def ackley(x: np.ndarray) -> float:
    root = np.sqrt(np.mean(x**2))
    return float(-20 * np.exp(-0.2 * root) - np.exp(np.mean(np.cos(2 * np.pi * x))) + 20 + np.e)


def rosenbrock(x: np.ndarray) -> float:
    return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


PROBLEMS = [
    Problem("Branin", [(-5, 10), (0, 15)], branin),
    Problem("Hartmann6", [(0, 1)] * 6, hartmann6),
    Problem("Ackley5", [(-32.768, 32.768)] * 5, ackley),
    Problem("Rosenbrock4", [(-5, 10)] * 4, rosenbrock),
]


def samplers(seed: int, problem: Problem) -> dict[str, BaseSampler]:
    space = {f"x{i}": FloatDistribution(low, high) for i, (low, high) in enumerate(problem.bounds)}
    found: dict[str, BaseSampler] = {
        "collegium": GaussianProcessSampler(space, seed=seed),
        "TPE": optuna.samplers.TPESampler(seed=seed),
        "random": optuna.samplers.RandomSampler(seed=seed),
    }
    if importlib.util.find_spec("torch") is not None:
        found["GPSampler"] = optuna.samplers.GPSampler(seed=seed)
    return found


def run(problem: Problem, sampler: BaseSampler) -> tuple[float, float]:
    """Best value, and CPU seconds per suggestion."""

    def objective(trial: optuna.Trial) -> float:
        point = [trial.suggest_float(f"x{i}", low, high) for i, (low, high) in enumerate(problem.bounds)]
        return problem.function(np.array(point))

    study = optuna.create_study(sampler=sampler)
    began = time.process_time()
    study.optimize(objective, n_trials=BUDGET)
    return study.best_value, (time.process_time() - began) / BUDGET


def compare(problem: Problem, seeds: range) -> str:
    """One row of the table."""
    best: dict[str, list[float]] = {}
    cost: dict[str, list[float]] = {}
    for seed in seeds:
        for name, sampler in samplers(seed, problem).items():
            value, seconds = run(problem, sampler)
            best.setdefault(name, []).append(value)
            cost.setdefault(name, []).append(seconds)
    median = {name: statistics.median(values) for name, values in best.items()}
    shown = {name: f"{median[name]:.4g} ({1000 * statistics.median(cost[name]):.0f})" for name in best}
    gp = median.get("GPSampler", RECORDED_GP[problem.name])
    gp_shown = shown.get("GPSampler", f"{gp:.4g} (recorded)")
    # Where both reach the known minimum, the fourth digit is noise of the last refinement.
    tie = 0.002 * max(1.0, abs(gp))
    verdicts = [_verdict(median["collegium"] <= other + tie) for other in (gp, median["TPE"])]
    cheaper = "not run"
    if "GPSampler" in cost:
        ratio = statistics.median(peer / our for peer, our in zip(cost["GPSampler"], cost["collegium"], strict=True))
        cheaper = f"{ratio:.1f} ×: {_verdict(ratio >= 3)}"
    row = [problem.name, shown["collegium"], gp_shown, shown["TPE"], shown["random"], *verdicts, cheaper]
    return "| " + " | ".join(row) + " |"


def _verdict(reached: bool) -> str:
    return "pass" if reached else "miss"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="3 seeds instead of 10")
    parser.add_argument("--only", choices=[problem.name for problem in PROBLEMS], help="one function")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    seeds = range(3 if arguments.quick else 10)
    print(f"Median best of {len(seeds)} seeds after {BUDGET} trials; CPU milliseconds per suggestion in brackets.\n")
    print(
        "| function | collegium | Optuna GPSampler | TPE | random | at or better than GPSampler | than TPE "
        "| CPU, GPSampler's in ours (bar 3) |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for problem in PROBLEMS:
        if arguments.only in (None, problem.name):
            print(compare(problem, seeds), flush=True)
    if importlib.util.find_spec("torch") is None:
        print("\nPyTorch is not installed: GPSampler could not run here, and its CPU time is not compared.")


if __name__ == "__main__":
    main()
