"""Trials that are notebook runs, each with its own record and cache key."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nbformat import NotebookNode
from scipy.stats import qmc

from pipelines.graph import Launcher, Order, Store
from pipelines.graph.keys import file_digest, key_of, key_parts
from pipelines.notebook_files import read_notebook
from pipelines.notebook_run import checked_values

from .experiment import Experiment, ExperimentError, Suggestion, Trial

_MOST_LOSSES = 3


@dataclass(frozen=True, slots=True)
class NotebookResult:
    """How one notebook run of a sweep or an experiment ended.

    Attributes
    ----------
    parameters
        That were varied.
    values
        That it recorded; empty when it failed.
    record
        The notebook that shows it.
    failure
        Why it failed; empty when it did not.
    reused
        Whether an earlier result was taken.
    """

    parameters: Mapping[str, Any]
    values: Mapping[str, Any]
    record: Path
    failure: str
    reused: bool


class NotebookRunner:
    """Runs one notebook with varying parameters.

    Parameters
    ----------
    notebook
        Path.
    fixed
        Parameters that do not vary.
    folder
        Attempts keep their records here.
    store, launcher
        Where results are published, and what runs the notebooks.
    inputs
        Patterns of files that the notebook reads, relative to it.
    timeout_seconds
        For each run.
    """

    def __init__(
        self,
        notebook: Path,
        fixed: Mapping[str, Any],
        folder: Path,
        store: Store,
        launcher: Launcher,
        *,
        inputs: Sequence[str] = (),
        timeout_seconds: float | None = None,
    ) -> None:
        self._path = notebook.resolve()
        self._notebook: NotebookNode = read_notebook(notebook)
        self._fixed = dict(fixed)
        self._folder, self._store, self._launcher = folder.resolve(), store, launcher
        base = self._path.parent
        found = sorted(path for pattern in inputs for path in base.glob(pattern) if path.is_file())
        self._inputs = {path.relative_to(base).as_posix(): file_digest(path) for path in found}
        self._timeout_seconds = timeout_seconds

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Raise `ParameterValueError` when the values do not fit the notebook."""
        checked_values(self._notebook, self._fixed | dict(parameters), str(self._path))

    def run(self, name: str, parameters: Mapping[str, Any]) -> NotebookResult:
        """Run the notebook once, or reuse a result; blocks until it has ended.

        Raises
        ------
        ParameterValueError
            If the values do not fit the notebook.
        """
        values = checked_values(self._notebook, self._fixed | dict(parameters), str(self._path))
        parts = key_parts(self._notebook, values, {}, self._inputs, {}, None)
        key = key_of(parts)
        reused = self._store.find(key) is not None
        order = Order(
            execution=name,
            key=key,
            parts=parts,
            notebook=str(self._path),
            parameters=values,
            working_folder=str(self._path.parent),
            attempt_folder=str(self._folder / name),
            store_folder=str(self._store.folder),
            timeout_seconds=self._timeout_seconds,
        )
        outcome = self._launcher.run(order, {})
        for _loss in range(_MOST_LOSSES):
            if outcome.status != "lost":
                break
            outcome = self._launcher.run(order, {})
        result = self._store.find(key)
        if outcome.status == "ok" and result is not None:
            return NotebookResult(parameters, result.values, result.record, "", reused)
        error = outcome.error or {}
        failure = f"{error.get('name', outcome.status)}: {error.get('value', outcome.message)}"
        return NotebookResult(parameters, {}, order.record, failure, False)


def optimise(
    experiment: Experiment, runner: NotebookRunner, on_trial: Callable[[Trial, NotebookResult], None] | None = None
) -> str:
    """Run trials until the experiment ends; what an earlier, killed process had begun is finished first.

    Parameters
    ----------
    experiment
        Asked for suggestions and told the observations.
    runner
        Runs the notebook of a trial.
    on_trial
        Told of each trial that has ended.

    Returns
    -------
    str
        Why it ended.
    """
    waiting = list(experiment.open_trials())
    running: dict[Future[NotebookResult], Suggestion] = {}
    with ThreadPoolExecutor(experiment.spec.parallel, thread_name_prefix="trial") as pool:
        while True:
            reason = experiment.reason_to_stop()
            while reason is None and len(running) < experiment.spec.parallel:
                suggestion = waiting.pop(0) if waiting else _next(experiment)
                if suggestion is None:
                    break
                name = f"{experiment.spec.name}-{suggestion.trial}"
                running[pool.submit(runner.run, name, suggestion.parameters)] = suggestion
            if not running:
                return reason or "the budget is used up"
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                trial = _report(experiment, running.pop(future), future.result())
                if on_trial is not None:
                    on_trial(trial, future.result())


def sweep(
    runner: NotebookRunner,
    points: Sequence[Mapping[str, Any]],
    parallel: int,
    on_result: Callable[[int, NotebookResult], None] | None = None,
) -> list[NotebookResult]:
    """Run a notebook at every point; all are checked before the first runs.

    Returns
    -------
    list of NotebookResult
        In the order of the points.
    """
    for point in points:
        runner.check(point)
    guard = threading.Lock()

    def one(index: int) -> NotebookResult:
        result = runner.run(f"point-{index}", points[index])
        if on_result is not None:
            with guard:
                on_result(index, result)
        return result

    with ThreadPoolExecutor(parallel, thread_name_prefix="point") as pool:
        return list(pool.map(one, range(len(points))))


def grid(axes: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """All combinations, the last axis fastest."""
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def random_points(intervals: Mapping[str, tuple[float, float, bool]], count: int, seed: int) -> list[dict[str, Any]]:
    """Points that fill intervals evenly: a scrambled Sobol sequence.

    Parameters
    ----------
    intervals
        Name to least value, greatest value, and whether the logarithm is spread evenly.
    count, seed
        How many, and which.
    """
    if not intervals:
        raise ExperimentError("random points need intervals: --range NAME=LOW..HIGH")
    for name, (low, high, log) in intervals.items():
        if not low < high or (log and low <= 0):
            raise ExperimentError(f"{name}: {low}..{high} is not an interval" + (" of positive numbers" if log else ""))
    sequence = qmc.Sobol(len(intervals), scramble=True, rng=np.random.default_rng(seed))
    points = []
    for row in sequence.random(count):
        pairs = zip(row, intervals.items(), strict=True)
        points.append({name: _between(float(share), low, high, log) for share, (name, (low, high, log)) in pairs})
    return points


def _between(share: float, low: float, high: float, log: bool) -> float:
    return float(low * (high / low) ** share) if log else low + share * (high - low)


def _next(experiment: Experiment) -> Suggestion | None:
    if len(experiment.trials()) >= experiment.spec.budget:
        return None
    return experiment.suggest()


def _report(experiment: Experiment, suggestion: Suggestion, result: NotebookResult) -> Trial:
    if result.failure:
        return experiment.observe(suggestion.trial, failure=result.failure)
    try:
        return experiment.observe(suggestion.trial, result.values)
    except ExperimentError as error:
        return experiment.observe(suggestion.trial, failure=str(error))
