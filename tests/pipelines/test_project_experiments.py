"""Experiments whose trials the service runs itself: they outlive its restart, and the rights of who began them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.data import users
from hub.errors import ConflictError
from hub.project_experiments import storage_of
from pipelines.experiments import Experiment

from .test_automation import NOON, NOTEBOOKS, Here

FILE = """\
name: quadratic
notebook: quadratic_loss.ipynb
budget: 6
parallel: 2
sampler: random
seed: 1
parameters: {x: {type: float, low: -1, high: 1}}
metrics: [{name: loss}]
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    here = Here(tmp_path)
    yield here
    here.pipelines.close()
    here.database.close()


def until_ended(here: Here, project: str) -> Experiment:
    deadline = time.monotonic() + 240  # also on a machine with much else to do
    while True:
        experiment = Experiment.load("quadratic", storage_of(here.platform, project))
        if experiment.carried_out()["status"] == "ended":
            return experiment
        assert time.monotonic() < deadline, experiment.trials()
        time.sleep(0.1)


def test_an_experiment_goes_on_through_a_restart_and_no_trial_runs_twice(here: Here) -> None:
    project = here.make_project()
    files = here.pipelines.files(project)
    shutil.copy(NOTEBOOKS / "quadratic_loss.ipynb", files)
    (files / "quadratic.experiment.yaml").write_text(FILE)
    begun = here.pipelines.experiments.start(project, "quadratic.experiment.yaml", "ada")
    while len(begun.trials()) < 3:
        time.sleep(0.05)
    with pytest.raises(ConflictError, match="running already"):
        here.pipelines.experiments.start(project, "quadratic.experiment.yaml", "ada")
    here.restart()  # which opens the engine, whether or not a trial runs just now
    ended = until_ended(here, project)
    trials = ended.trials()
    assert [trial.failure for trial in trials] == [""] * 6
    runs = here.pipelines.of(project).history.runs(with_trials=True)
    assert sorted((run.origin or {})["trial"] for run in runs) == list(range(6))
    assert {run.status for run in runs} == {"ok"}
    assert here.pipelines.of(project).history.runs() == []
    here.pipelines.forget(project)
    assert here.pipelines.of(project).history.runs(with_trials=True) == []


def test_an_experiment_ends_with_the_rights_of_who_began_it(here: Here) -> None:
    project = here.make_project()
    files = here.pipelines.files(project)
    shutil.copy(NOTEBOOKS / "quadratic_loss.ipynb", files)
    (files / "quadratic.experiment.yaml").write_text(FILE)
    here.database.run(lambda session: users.create(session, "eve", "Eve", is_admin=False, by="test", now=NOON))
    here.pipelines.experiments.start(project, "quadratic.experiment.yaml", "eve")
    ended = until_ended(here, project)
    assert "eve may not run things in this project any more" in ended.carried_out()["message"]
    assert ended.trials() == []
    here.pipelines.forget(project)
    assert not here.pipelines.experiments.exist()
