"""What the tests of graphs share: pipelines made of the notebooks of the tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.graph import ItemRow, PipelineService, RunRow

COUNTRIES = """\
name: countries
parameters:
  countries: [be, fr]
  threshold: 20
steps:
  load:
    notebook: load_countries.ipynb
    parameters:
      countries: ${parameters.countries}
  train:
    notebook: train_country.ipynb
    foreach: steps.load.countries
    parameters:
      country: ${item}
      table: ${steps.load.files['table.csv']}
      marker: MARKER
  report:
    notebook: report_total.ipynb
    parameters:
      scores: ${steps.train.score}
  alert:
    notebook: alerts.ipynb
    when: steps.report.total > parameters.threshold
    parameters:
      total: ${steps.report.total}
"""


@pytest.fixture
def write(tmp_path: Path, notebooks: Path) -> Callable[[str], Path]:
    """Write a pipeline beside copies of the tests' notebooks."""

    def write_pipeline(text: str) -> Path:
        for name in ("load_countries", "train_country", "report_total", "alerts", "fails_twice", "never_ends"):
            shutil.copy(notebooks / f"{name}.ipynb", tmp_path)
        shutil.copy(notebooks / "leaks_a_secret.ipynb", tmp_path)
        path = tmp_path / "pipeline.yaml"
        path.write_text(text)
        return path

    return write_pipeline


class Runner:
    """Runs pipelines and keeps what was announced."""

    def __init__(self, state: Path) -> None:
        self.announced: list[ItemRow | RunRow] = []
        self.service = PipelineService(state, on_change=self.announced.append)

    def run(self, file: Path, parameters: dict[str, object] | None = None, force: tuple[str, ...] = ()) -> RunRow:
        return self.drive(self.service.create(file, parameters, force))

    def resume(self, run: RunRow) -> RunRow:
        return self.drive(self.service.prepare_resume(run.id))

    def drive(self, run: RunRow) -> RunRow:
        self.announced.clear()
        with self.service.open(f"run-{run.id}"):
            self.service.begin(run.id)
            return self.service.wait(run.id)

    def statuses(self, run: RunRow) -> dict[str, str]:
        return {f"{row.step}{row.index}": row.status for row in self.service.history.items(run.id)}

    def reasons(self, run: RunRow) -> dict[str, str]:
        return {f"{row.step}{row.index}": row.reason for row in self.service.history.items(run.id)}

    def ran(self) -> set[str]:
        """Items whose notebook was run in the last drive."""
        return {f"{r.step}{r.index}" for r in self.announced if isinstance(r, ItemRow) and r.status == "running"}


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A service with an empty state."""
    return Runner(tmp_path / "state")
