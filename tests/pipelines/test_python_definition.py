"""A pipeline written in Python is the data of `pipeline.yaml`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from pipelines import PipelinesError
from pipelines.graph import Definition, Later, PipelineFileError, define, later, step, validate

NOTEBOOKS = Path(__file__).parent / "notebooks"


@step("load_countries.ipynb")
def load(parameters: Later) -> dict[str, Later]:
    return {"countries": parameters.countries}


@step("train_country.ipynb", foreach=lambda load: load.countries, retry={"attempts": 2})
def train(item: Later, load: Later) -> dict[str, object]:
    return {"country": item, "table": load.files["table.csv"], "marker": "MARKER"}


def countries() -> Definition:
    pipeline = define("countries", load, train, parameters={"countries": ["be", "fr"], "threshold": 20}, parallel=2)

    @pipeline.step("report_total.ipynb")
    def report(train: Later) -> dict[str, Later]:
        return {"scores": train.score}

    @pipeline.step("alerts.ipynb", when=lambda report, parameters: report.total > parameters.threshold)
    def alert(report: Later) -> dict[str, Later]:
        return {"total": report.total}

    return pipeline


def test_functions_become_steps_expressions_and_dependencies(tmp_path: Path) -> None:
    for name in ("load_countries", "train_country", "report_total", "alerts"):
        shutil.copy(NOTEBOOKS / f"{name}.ipynb", tmp_path)
    pipeline = countries().save(tmp_path / "pipeline.yaml")
    content = yaml.safe_load((tmp_path / "pipeline.yaml").read_text())
    assert content["steps"]["train"]["foreach"] == "steps.load.countries"
    assert content["steps"]["train"]["parameters"]["table"] == "${steps.load.files['table.csv']}"
    assert content["steps"]["alert"]["when"] == "(steps.report.total > parameters.threshold)"
    assert pipeline.steps["train"].after == ("load",)
    assert validate(pipeline, {"threshold": 3})["threshold"] == 3


def test_expressions_are_spelled_as_they_are_read() -> None:
    value = later("max", Later("steps.train.error")) / 2
    assert str(value) == "${(max(steps.train.error) / 2)}"


def test_what_only_a_run_knows_is_not_decided_before() -> None:
    pipeline = define("early")
    with pytest.raises(TypeError, match="when="):

        @pipeline.step("alerts.ipynb")
        def alert(parameters: Later) -> dict[str, object]:
            return {"total": 1} if parameters.total > 2 else {}


def test_a_step_that_is_not_there_is_named() -> None:
    pipeline = define("missing")
    with pytest.raises(PipelineFileError, match="no step 'load'"):

        @pipeline.step("alerts.ipynb")
        def alert(load: Later) -> dict[str, object]:
            return {}

    assert issubclass(PipelineFileError, PipelinesError)
