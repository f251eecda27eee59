"""The examples of the guide do what the guide says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.experiments import read_experiment
from pipelines.graph import read_pipeline, validate

from .graph.conftest import Runner

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def test_the_training_example_fails_in_one_region_and_is_resumed(tmp_path: Path) -> None:
    folder = shutil.copytree(EXAMPLES / "pipeline_training", tmp_path / "training")
    runner = Runner(tmp_path / "state")
    failed = runner.run(folder / "pipeline.yaml")
    assert runner.statuses(failed)["train2"] == "failed"
    assert runner.statuses(failed)["drift0"] == "ok"
    (folder / "calibration" / "west.txt").write_text("1.02")
    assert runner.resume(failed).status == "ok"
    assert runner.ran() == {"train2", "report0"}


@pytest.mark.parametrize("name", ["pipeline_training", "pipeline_monitoring"])
def test_every_example_is_valid(name: str) -> None:
    pipeline = read_pipeline(EXAMPLES / name)
    assert validate(pipeline) == pipeline.parameters


def test_the_experiment_of_the_guide_is_valid() -> None:
    spec, folder = read_experiment(EXAMPLES / "pipeline_tuning" / "experiment.yaml")
    assert (spec.budget, spec.parallel) == (30, 4)
    assert (folder / str(spec.notebook)).exists()
