"""Experiments: create, suggest, observe; trials as notebooks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from pipelines import PipelinesError
from pipelines.errors import PipelineFileError
from pipelines.experiments import (
    Experiment,
    ExperimentError,
    ExperimentSpec,
    NotebookRunner,
    grid,
    optimise,
    random_points,
    read_experiment,
    sweep,
)
from pipelines.graph import LocalLauncher, Store

BASE: dict[str, Any] = {
    "name": "tune",
    "parameters": {
        "x": {"type": "float", "low": 0, "high": 1},
        "kind": {"type": "categorical", "choices": ["a", "b"]},
        "depth": {"type": "int", "low": 1, "high": 9, "when": {"kind": "b"}},
    },
    "metrics": [{"name": "loss"}],
    "budget": 12,
    "seed": 1,
}


def make(tmp_path: Path, **changes: Any) -> Experiment:
    return Experiment(ExperimentSpec.model_validate(BASE | changes), f"sqlite:///{tmp_path / 'e.sqlite'}")


def test_a_conditional_parameter_exists_only_where_its_condition_holds(tmp_path: Path) -> None:
    experiment = make(tmp_path)
    kinds = set()
    for _ in range(12):
        suggestion = experiment.suggest()
        kinds.add(suggestion.parameters["kind"])
        assert ("depth" in suggestion.parameters) == (suggestion.parameters["kind"] == "b")
        experiment.observe(suggestion.trial, {"loss": suggestion.parameters["x"]})
    assert kinds == {"a", "b"}
    with pytest.raises(ExperimentError, match="budget of 12 trials is used up"):
        experiment.suggest()


def test_another_process_continues_the_experiment(tmp_path: Path) -> None:
    first = make(tmp_path).suggest()
    again = make(tmp_path)
    assert again.open_trials() == [first]
    assert again.observe(first.trial, {"loss": 0.5, "rows": 7}).values == {"loss": 0.5, "rows": 7}
    assert make(tmp_path).trials()[0].metrics == {"loss": 0.5}


def test_queued_suggestions_come_first_and_only_once(tmp_path: Path) -> None:
    queue = [{"x": 0.25, "kind": "a"}]
    assert make(tmp_path, queue=queue).suggest().parameters == {"x": 0.25, "kind": "a"}
    again = make(tmp_path, queue=queue)
    assert again.suggest().parameters != {"x": 0.25, "kind": "a"}
    again.enqueue({"x": 0.75})
    assert again.suggest().parameters["x"] == 0.75


@pytest.mark.parametrize("values", [{}, {"loss": "low"}, {"loss": math.nan}, {"loss": True}, {"los": 1.0}])
def test_an_observation_without_its_metric_is_refused_and_the_trial_stays_open(
    tmp_path: Path, values: dict[str, Any]
) -> None:
    experiment = make(tmp_path)
    trial = experiment.suggest().trial
    with pytest.raises(ExperimentError, match="'loss' must be a finite number"):
        experiment.observe(trial, values)
    assert experiment.trial(trial).status == "open"


def test_a_trial_is_observed_once(tmp_path: Path) -> None:
    experiment = make(tmp_path)
    trial = experiment.suggest().trial
    experiment.observe(trial, failure="the bench was cold")
    assert experiment.trial(trial).failure == "the bench was cold"
    with pytest.raises(ExperimentError, match="failed already"):
        experiment.observe(trial, {"loss": 1})
    with pytest.raises(ExperimentError, match="no trial 99"):
        experiment.observe(99, {"loss": 1})


def test_the_best_trial_is_feasible_and_stopping_says_why(tmp_path: Path) -> None:
    experiment = make(
        tmp_path, constraints=[{"metric": "size", "at_most": 3}], stop={"trials_without_improvement": 2, "value": 0.05}
    )
    for loss, size in [(0.1, 9), (0.5, 2), (0.7, 1)]:
        experiment.observe(experiment.suggest().trial, {"loss": loss, "size": size}, uncertainty=0.01)
    assert experiment.best()[0].metrics == {"loss": 0.5}
    assert experiment.reason_to_stop() is None
    experiment.observe(experiment.suggest().trial, {"loss": 0.6, "size": 1})
    assert experiment.reason_to_stop() == "no improvement in 2 trials"
    experiment.observe(experiment.suggest().trial, {"loss": 0.01, "size": 1})
    assert experiment.reason_to_stop() == "trial 4 reached 0.05"


def test_with_two_metrics_the_front_is_best(tmp_path: Path) -> None:
    experiment = make(tmp_path, metrics=[{"name": "loss"}, {"name": "gain", "direction": "maximize"}])
    for loss, gain in [(1, 1), (2, 2), (3, 1), (0.5, 0)]:
        experiment.observe(experiment.suggest().trial, {"loss": loss, "gain": gain})
    assert [trial.number for trial in experiment.best()] == [0, 1, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: t\nparameters: {x: {type: float, low: 2, high: 1}}\nmetrics: [{name: l}]", "low 2.0 is above high 1.0"),
        ("name: t\nparameters:\n  x: {type: flaot}\nmetrics: [{name: l}]", "line 3: parameters.x"),
        ("name: t\nparameters: {x: {type: float, low: 0, high: 1, log: true}}\nmetrics: [{name: l}]", "parameter x"),
        ("name: t\nparameters: {x: {type: int, low: 0, high: 1, when: {y: 1}}}\nmetrics: [{name: l}]", "'y'"),
        ("name: t\nmetrics: [{name: l}]\nbudgt: 3", "line 3: budgt: there is no such setting"),
    ],
)
def test_a_wrong_experiment_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_text(text)
    with pytest.raises(PipelineFileError, match=message):
        read_experiment(path)


def runner(notebooks: Path, tmp_path: Path) -> NotebookRunner:
    store = Store(tmp_path / "state")
    path = notebooks / "quadratic_loss.ipynb"
    return NotebookRunner(path, {"offset": 0.5}, tmp_path / "trials", store, LocalLauncher(store))


def test_trials_are_notebook_runs_and_what_a_killed_process_began_is_finished(notebooks: Path, tmp_path: Path) -> None:
    parameters = {"x": {"type": "float", "low": 0, "high": 1}, "kind": {"type": "categorical", "choices": ["a", "b"]}}
    changes = {"parameters": parameters, "budget": 5, "parallel": 2, "queue": [{"x": 0.95, "kind": "a"}]}
    begun = make(tmp_path, **changes).suggest()  # as by a process that was killed before it could observe
    experiment = make(tmp_path, **changes)
    reason = optimise(experiment, runner(notebooks, tmp_path))
    trials = experiment.trials()
    assert reason == "the budget of 5 trials is used up"
    assert len(trials) == 5
    assert trials[begun.trial].failure == "ValueError: x is too large"
    for trial in trials:
        if trial.status == "observed":
            x, kind = trial.parameters["x"], trial.parameters["kind"]
            assert trial.metrics["loss"] == pytest.approx((x - 0.3) ** 2 + (kind == "b") + 0.5)


def test_a_sweep_reuses_equal_runs_and_checks_all_points_first(notebooks: Path, tmp_path: Path) -> None:
    points = list(grid({"x": [0.1, 0.2], "kind": ["a"]}))
    first = sweep(runner(notebooks, tmp_path), points, 2)
    assert [result.values["size"] for result in first] == [0.1, 0.2]
    assert all(result.record.exists() for result in first)
    again = sweep(runner(notebooks, tmp_path), [*points, {"x": 0.95}], 2)
    assert [result.reused for result in again] == [True, True, False]
    assert again[2].failure == "ValueError: x is too large"
    with pytest.raises(PipelinesError, match="'y' is unknown"):
        sweep(runner(notebooks, tmp_path), [{"x": 0.4}, {"y": 1}], 2)


def test_random_points_fill_their_intervals() -> None:
    points = random_points({"x": (0, 2, False), "rate": (1e-4, 1, True)}, 64, 0)
    assert sum(point["x"] < 1 for point in points) == 32
    assert sum(point["rate"] < 1e-2 for point in points) == 32
    with pytest.raises(ExperimentError, match="not an interval of positive numbers"):
        random_points({"rate": (0, 1, True)}, 3, 0)
