"""Gaussian-process optimisation as an Optuna sampler, on NumPy and SciPy alone.

Optuna's own GPSampler needs PyTorch. The parts are those of the literature: a Matérn 5/2 process with a length
scale per dimension, outputs made normal (winsorised, then a power transform), logarithmic expected improvement,
fantasies for trials that still run, probability of feasibility for constraints, and random augmented Chebyshev
weights for several objectives (J. Knowles, "ParEGO", 2006).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState
from scipy.stats import qmc

from .acquisition import Acquisition, Constraint, maximise
from .gaussian_process import Array, GaussianProcess, fit
from .normalising import normalised
from .space import UnitCube

STARTUP_TRIALS = 10
MOST_OBSERVATIONS = 400
"""Beyond so many the best and the last are modelled, because the cost grows with the cube."""
CONSTRAINTS_KEY = "constraints"
NOISE_KEY = "noise_variance"
"""User attribute of a trial: the known variance of its observation."""
_CANDIDATES = 512
_NEIGHBOURS = 64
_SEARCHES = 6


class GaussianProcessSampler(BaseSampler):
    """Suggest parameters by a Gaussian process.

    Parameters
    ----------
    space
        Name to distribution, where it is known beforehand: the first trials then fill it evenly. Otherwise it is
        the part that all trials share. Parameters outside it (conditional ones) are drawn at random.
    seed
        Of all random choices.
    startup_trials
        How many trials fill the space before the process is asked.
    constraints_func
        As in Optuna: takes a frozen trial, returns values that are at most 0 where it is feasible.
    """

    def __init__(
        self,
        space: Mapping[str, BaseDistribution] | None = None,
        *,
        seed: int | None = None,
        startup_trials: int = STARTUP_TRIALS,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
    ) -> None:
        self._space = dict(space) if space is not None else None
        self._seed = seed
        self._random = np.random.default_rng(seed)
        self._independent = RandomSampler(seed=seed)
        self._startup_trials = startup_trials
        self._constraints_func = constraints_func
        self._shared = IntersectionSearchSpace()
        self._last_parameters: dict[tuple[int, int], Array] = {}

    def reseed_rng(self) -> None:
        """Draw differently in a copied process."""
        self._random = np.random.default_rng()
        self._independent.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The part of the space that the process models."""
        space = self._space if self._space is not None else self._shared.calculate(study)
        return {name: distribution for name, distribution in space.items() if not distribution.single()}

    def sample_independent(self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution) -> Any:
        """A parameter that the process does not model, at random."""
        return self._independent.sample_independent(study, trial, name, distribution)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The parameters with the greatest expected improvement."""
        if not search_space:
            return {}
        cube = UnitCube(search_space)
        trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.FAIL, TrialState.RUNNING))
        modelled = [t for t in trials if t.number != trial.number and _inside(t, search_space)]
        complete = [t for t in modelled if t.state is TrialState.COMPLETE]
        if len(complete) < self._startup_trials:
            return cube.decode(self._startup_point(trial.number, cube))
        return cube.decode(self._suggest(study, cube, complete, modelled))

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Keep the constraints of a trial with it."""
        if self._constraints_func is not None and state is TrialState.COMPLETE:
            found = tuple(float(value) for value in self._constraints_func(trial))
            study._storage.set_trial_system_attr(trial._trial_id, CONSTRAINTS_KEY, found)

    def _startup_point(self, number: int, cube: UnitCube) -> Array:
        """One point of a scrambled Sobol sequence, the same sequence for the trials of one study."""
        if self._seed is None:
            return cube.admissible(self._random.random((1, cube.dimension)))[0]  # type: ignore[no-any-return]
        sequence = qmc.Sobol(cube.dimension, scramble=True, rng=np.random.default_rng(self._seed))
        if number:
            sequence.fast_forward(number)
        return cube.admissible(sequence.random(1))[0]  # type: ignore[no-any-return]

    def _suggest(self, study: Study, cube: UnitCube, complete: list[FrozenTrial], modelled: list[FrozenTrial]) -> Array:
        complete = _most_useful(complete, study.directions)
        points = np.array([cube.encode(t.params) for t in complete])
        losses = self._losses(study, complete)
        failed = [t for t in modelled if t.state is TrialState.FAIL]
        if failed:
            # A point that failed is as bad as the worst known: it is not tried again, and its neighbours less.
            points = np.vstack([points, [cube.encode(t.params) for t in failed]])
            losses = np.append(losses, np.full(len(failed), losses.max()))
        noise = np.array([float(t.user_attrs.get(NOISE_KEY, 0.0)) for t in complete] + [0.0] * len(failed))
        values, noise = normalised(losses, noise)
        process = self._fitted((study._study_id, 0), points, values, noise)
        constraints = self._constraints(study, cube, complete)
        feasible = _feasible(complete)
        # The best mean, not the best value: with noise, the luckiest observation is not what can be improved on.
        means = process.predict(points[: len(complete)])[0]
        best = float(means[feasible].min()) if feasible.any() else None
        running = [cube.encode(t.params) for t in modelled if t.state is TrialState.RUNNING]
        if running:
            process = _believed(process, points, values, np.array(running))
            best = min(best, float(process.predict(np.array(running))[0].min())) if best is not None else None
        acquisition = Acquisition(process, best, constraints)
        seen = np.vstack([points, *([np.array(running)] if running else [])])
        return self._maximum(acquisition, cube, points[np.argsort(values)[:5]], seen)

    def _maximum(self, acquisition: Acquisition, cube: UnitCube, best: Array, seen: Array) -> Array:
        sequence = qmc.Sobol(cube.dimension, scramble=True, rng=self._random)
        everywhere = sequence.random(_CANDIDATES)
        near = np.repeat(best, _NEIGHBOURS, axis=0)
        widths = 10.0 ** self._random.uniform(-3.0, -0.5, size=(len(near), 1))
        moved = self._random.random(near.shape) < max(0.3, 1.0 / cube.dimension)
        near = np.clip(near + moved * widths * self._random.standard_normal(near.shape), 0.0, 1.0)
        candidates = cube.admissible(np.vstack([everywhere, near]))
        if not cube.continuous.any():
            # On a grid the maximum may have been tried already; then the next best is wanted.
            fresh = candidates[[not (np.abs(seen - point).max(axis=1) < 1e-9).any() for point in candidates]]
            candidates = fresh if len(fresh) else candidates
        return maximise(acquisition, candidates, cube.continuous, _SEARCHES)

    def _losses(self, study: Study, trials: list[FrozenTrial]) -> Array:
        signs = np.array([1.0 if d is StudyDirection.MINIMIZE else -1.0 for d in study.directions])
        table = np.array([t.values for t in trials], dtype=np.float64) * signs
        table = np.nan_to_num(table, nan=np.inf, posinf=np.inf, neginf=-np.inf)
        table = np.clip(table, *_finite_range(table))
        if table.shape[1] == 1:
            column: Array = table[:, 0]
            return column
        low, high = table.min(axis=0), table.max(axis=0)
        scaled = (table - low) / np.where(high > low, high - low, 1.0)
        weighted = scaled * self._random.dirichlet(np.ones(table.shape[1]))
        combined: Array = weighted.max(axis=1) + 0.05 * weighted.sum(axis=1)
        return combined

    def _fitted(self, which: tuple[int, int], points: Array, values: Array, noise: Array | None) -> GaussianProcess:
        process = fit(points, values, self._last_parameters.get(which), noise)
        self._last_parameters[which] = process.log_parameters
        return process

    def _constraints(self, study: Study, cube: UnitCube, trials: list[FrozenTrial]) -> list[Constraint]:
        known = [t for t in trials if t.system_attrs.get(CONSTRAINTS_KEY)]
        if not known:
            return []
        points = np.array([cube.encode(t.params) for t in known])
        table = np.array([t.system_attrs[CONSTRAINTS_KEY] for t in known], dtype=np.float64)
        constraints = []
        for index, column in enumerate(table.T):
            mean, spread = float(column.mean()), float(column.std()) or 1.0
            process = self._fitted((study._study_id, index + 1), points, (column - mean) / spread, None)
            constraints.append(Constraint(process, -mean / spread))
        return constraints


def _believed(process: GaussianProcess, points: Array, values: Array, running: Array) -> GaussianProcess:
    """The process as if each running trial had ended with the mean that is expected of it."""
    expected = process.predict(running)[0]
    return process.with_observations(np.vstack([points, running]), np.append(values, expected))


def _most_useful(trials: list[FrozenTrial], directions: Sequence[StudyDirection]) -> list[FrozenTrial]:
    if len(trials) <= MOST_OBSERVATIONS or len(directions) > 1:
        return trials[-MOST_OBSERVATIONS:]
    sign = 1.0 if directions[0] is StudyDirection.MINIMIZE else -1.0
    half = MOST_OBSERVATIONS // 2
    last, rest = trials[-half:], trials[:-half]
    return sorted(rest, key=lambda t: sign * float(t.values[0]))[:half] + last


def _feasible(trials: list[FrozenTrial]) -> Any:
    return np.array([all(value <= 0.0 for value in t.system_attrs.get(CONSTRAINTS_KEY, ())) for t in trials])


def _finite_range(table: Array) -> tuple[float, float]:
    finite = table[np.isfinite(table)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _inside(trial: FrozenTrial, space: Mapping[str, BaseDistribution]) -> bool:
    """Whether a trial lies in the space; parameters that depend on others may be absent, not all of them."""
    present = [name for name in space if name in trial.params]
    return bool(present) and all(space[name]._contains(_internal(trial, name)) for name in present)


def _internal(trial: FrozenTrial, name: str) -> float:
    return float(trial.distributions[name].to_internal_repr(trial.params[name]))
