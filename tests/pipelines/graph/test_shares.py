"""One project keeps the platform busy without end; the others' runs go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import nbformat

from pipelines.graph import History, Order, Outcome, PipelineService, Workspaces


class Waiting:
    """A launcher whose notebooks never end, or end at once."""

    def __init__(self, ended: threading.Event) -> None:
        self.ended = ended

    def run(self, order: Order, secrets: Mapping[str, str]) -> Outcome:
        self.ended.wait(180)
        return Outcome("cancelled")

    def cancel(self, order: Order) -> None:
        return


def test_endless_runs_of_one_project_leave_places_to_another(tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell("1")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "n.ipynb")
    released, at_once = threading.Event(), threading.Event()
    at_once.set()

    def make(scope: str, history: History) -> PipelineService:
        launcher = Waiting(released if scope == "busy" else at_once)
        return PipelineService(tmp_path / scope, history=history, launcher=launcher, scope=scope)

    workspaces = Workspaces(tmp_path / "all", make, items_at_once=3)
    try:
        for _run in range(8):
            workspaces.begin("busy", workspaces.of("busy").create(tmp_path / "n.ipynb").id)
        until(lambda: statuses(workspaces, "busy").count("running") == 4)
        run = workspaces.of("other").create(tmp_path / "n.ipynb")
        workspaces.begin("other", run.id)
        until(lambda: statuses(workspaces, "other") == ["failed"])  # its notebook was “cancelled”
        assert sorted(statuses(workspaces, "busy")) == ["queued"] * 4 + ["running"] * 4
    finally:
        workspaces.close()
        released.set()


def statuses(workspaces: Workspaces, scope: str) -> list[str]:
    return [run.status for run in workspaces.of(scope).history.runs()]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
