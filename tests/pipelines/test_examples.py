"""The examples of the guide do what the guide says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.experiments import read_experiment
from pipelines.graph import read_pipeline, validate

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


def test_the_commands_of_the_guide_do_what_it_says(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "pipeline_training", tmp_path / "docs" / "examples" / "pipeline_training")
    guide = (ROOT / "docs" / "pipelines" / "pipelines.md").read_text()
    commands = re.findall(r"^\$ (.+?)(?:\s+#.*)?$", guide, re.M)
    assert f"`{commands[0]}`" in (ROOT / "README.md").read_text()

    def command() -> tuple[int, dict[str, str], str]:
        """The next command of the guide: its status, what it says of each step or item, and all that it says."""
        done = subprocess.run(
            ["bash", "-c", commands.pop(0)],
            cwd=tmp_path,
            env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        said = re.findall(
            r"^\s*(\w+(?: \[\w+\])?)[: ]+(ok|failed|reused|runs|skipped|blocked|unknown)", done.stdout, re.M
        )
        return done.returncode, dict(said), done.stdout + done.stderr

    status, items, text = command()
    assert status == 1, text
    assert (items["load"], items["train [north]"], items["train [west]"]) == ("ok", "ok", "failed"), text
    assert "record.ipynb#papermill-error-cell" in text
    assert command()[0] == 0  # the calibration of the west
    status, items, text = command()
    assert status == 0, text
    assert "train [west]: running" in text
    assert "report: running" in text
    assert text.count("running") == 2, text
    status, items, text = command()
    assert status == 0, text
    assert text.count("running") == 1, text
    assert (items["train [west]"], items["alert"]) == ("reused", "ok"), text
    assert "parameter warming changed (0.0 → 9.0)" in command()[2]
    status, items, text = command()
    assert status == 0, text
    assert items["alert"] == "ok", text
    assert "reused" not in items.values(), text


@pytest.mark.parametrize("name", ["pipeline_training", "pipeline_monitoring"])
def test_every_example_is_valid(name: str) -> None:
    pipeline = read_pipeline(EXAMPLES / name)
    assert validate(pipeline) == pipeline.parameters


def test_the_experiment_of_the_guide_is_valid() -> None:
    spec, folder = read_experiment(EXAMPLES / "pipeline_tuning" / "experiment.yaml")
    assert (spec.budget, spec.parallel) == (30, 4)
    assert (folder / str(spec.notebook)).exists()
