"""Pipelines of real notebooks: cached, resumed, retried, cancelled."""

from __future__ import annotations

import json
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from pipelines.graph import Order, PipelineFileError, Room, RunStateError, folder_bytes, make_plan, read_pipeline
from pipelines.graph.disk import within_room

from .conftest import COUNTRIES

Write = Callable[[str], Path]


def countries(tmp_path: Path) -> str:
    return COUNTRIES.replace("MARKER", str(tmp_path / "marker"))


def test_a_pipeline_fails_in_one_item_is_resumed_and_reruns_only_what_changed(
    write: Write, runner: Any, tmp_path: Path
) -> None:
    file = write(countries(tmp_path))

    failed = runner.run(file)
    assert failed.status == "failed"
    assert runner.statuses(failed) == {
        **{"load0": "ok", "train0": "ok", "train1": "failed"},
        **{"report0": "blocked", "alert0": "blocked"},
    }
    item = runner.service.history.item(failed.id, "train", 1)
    assert (item.error["name"], item.error["value"]) == ("RuntimeError", "no data for fr yet")
    record = nbformat.read(item.record, as_version=4)
    assert record.cells[item.error["cell"]].outputs[0].ename == "RuntimeError"

    (tmp_path / "marker").touch()
    resumed = runner.resume(failed)
    assert (resumed.id, resumed.status) == (failed.id, "ok")
    assert runner.ran() == {"train1", "report0"}
    assert runner.statuses(resumed)["alert0"] == "skipped"

    again = runner.run(file)
    assert again.status == "ok"
    assert runner.ran() == set()
    assert runner.reasons(again)["train1"].startswith("reused the result of")

    more = runner.run(file, {"threshold": 1})
    assert runner.ran() == {"alert0"}
    assert runner.statuses(more)["alert0"] == "ok"

    plan = make_plan(read_pipeline(file), {"countries": ["be", "de"]}, runner.service.history, runner.service.store)
    assert [(line.step, line.status) for line in plan][:2] == [("load", "runs"), ("train", "unknown")]
    assert 'parameter countries changed (["be", "fr"] → ["be", "de"])' in plan[0].reason

    forced = runner.run(file, force=("report",))
    assert runner.ran() == {"report0"}
    assert runner.reasons(forced)["report0"] == "ran because it was asked for"


def test_a_changed_cell_is_named_and_a_changed_text_runs_nothing(write: Write, runner: Any, tmp_path: Path) -> None:
    file = write("name: one\nsteps:\n  load:\n    notebook: load_countries.ipynb\n")
    runner.run(file)
    path = tmp_path / "load_countries.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("# A better title"))
    nbformat.write(notebook, path)
    runner.run(file)
    assert runner.ran() == set()
    notebook.cells[-1].source += "\nprint('more')"
    nbformat.write(notebook, path)
    run = runner.run(file)
    assert runner.reasons(run)["load0"] == "ran because code cell 2 changed"


def test_a_failing_step_is_tried_again_with_pauses(write: Write, runner: Any, tmp_path: Path) -> None:
    step = {
        "notebook": "fails_twice.ipynb",
        "parameters": {"counter": str(tmp_path / "count")},
        "retry": {"attempts": 3, "wait_seconds": 0.01},
    }
    run = runner.run(write(json.dumps({"name": "flaky", "steps": {"flaky": step}})))
    item = runner.service.history.item(run.id, "flaky", 0)
    assert (item.status, item.attempts, item.values) == ("ok", 3, {"attempts": 3})


def test_a_step_that_never_returns_is_stopped_by_its_limit(write: Write, runner: Any) -> None:
    step = {"notebook": "never_ends.ipynb", "timeout_seconds": 1.5}
    run = runner.run(write(json.dumps({"name": "endless", "steps": {"wait": step}})))
    item = runner.service.history.item(run.id, "wait", 0)
    assert (item.status, item.error["name"]) == ("failed", "TimeoutError")
    assert "limit of 1.5 s" in item.error["value"]


def test_a_step_that_writes_without_end_is_stopped_by_its_limit(write: Write, runner: Any, tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell("open('large', 'wb').truncate(10 * 1024**3)")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "large.ipynb")
    run = runner.run(write(json.dumps({"name": "large", "steps": {"fill": {"notebook": "large.ipynb"}}})))
    item = runner.service.history.item(run.id, "fill", 0)
    assert (item.status, item.error["name"]) == ("failed", "OSError")
    assert "the limit is 4096 MiB for each file" in item.error["value"]


@pytest.mark.parametrize("where", ["os.environ['COLLEGIUM_OUTPUT_DIR']", "'.'"], ids=["output", "working folder"])
def test_a_step_that_fills_the_disk_is_stopped_by_its_limit(
    write: Write, runner: Any, tmp_path: Path, where: str
) -> None:
    source = f"""
        import os, time
        for number in range(1000):
            with open({where} + f'/part{{number}}', 'wb') as part:
                part.write(os.urandom(2**20))
                os.fsync(part)
            time.sleep(0.02)
    """
    cell = nbformat.v4.new_code_cell(textwrap.dedent(source))
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "fills.ipynb")
    step = {"notebook": "fills.ipynb", "resources": {"disk_mebibytes": 8}}
    run = runner.run(write(json.dumps({"name": "filling", "steps": {"fill": step}})))
    item = runner.service.history.item(run.id, "fill", 0)
    assert (item.status, item.error["name"]) == ("failed", "DiskLimitError")
    assert "the limit of the step (resources, disk_mebibytes) is 8 MiB" in item.error["value"]
    assert "DiskLimitError" in Path(item.record or "").read_text()
    assert not (tmp_path / "part999").exists()


def test_what_a_project_holds_already_narrows_the_limit_of_its_steps(tmp_path: Path) -> None:
    order = Order("run.g1/step/0", "ab" * 32, {}, "n.ipynb", {}, "w", "a", "s", disk_bytes=1000)
    assert within_room(order, None) == within_room(order, Room(1000, "quota")) == order
    narrowed = within_room(order, Room(400, "the quota"))
    assert (narrowed.disk_bytes, narrowed.disk_limit_name) == (400, "the quota")
    assert within_room(order, Room(-5, "the quota")).disk_bytes == 0
    (tmp_path / "file").write_bytes(b"x" * 1000)
    (tmp_path / "same").hardlink_to(tmp_path / "file")
    (tmp_path / "elsewhere").symlink_to("/")
    (tmp_path / "apart").mkdir()
    (tmp_path / "apart" / "other").write_bytes(b"x" * 1000)
    assert folder_bytes(tmp_path, apart=[tmp_path / "apart"]) == 1000
    assert folder_bytes(tmp_path) == 2000


def test_what_goes_wrong_around_a_step_ends_it(write: Write, runner: Any) -> None:
    def no_room() -> Room:
        raise RuntimeError("the disk cannot be measured")

    runner.service._room = no_room
    run = runner.run(write(json.dumps({"name": "w", "steps": {"wait": {"notebook": "never_ends.ipynb"}}})))
    item = runner.service.history.item(run.id, "wait", 0)
    assert (run.status, item.status, item.error["value"]) == ("failed", "failed", "the disk cannot be measured")


def test_a_step_that_prints_without_end_is_stopped_by_its_limit(write: Write, runner: Any, tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell("while True:\n    print('x' * 1_000_000)")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "chatty.ipynb")
    run = runner.run(write(json.dumps({"name": "chatty", "steps": {"talk": {"notebook": "chatty.ipynb"}}})))
    item = runner.service.history.item(run.id, "talk", 0)
    assert (item.status, item.error["name"]) == ("failed", "OutputLimitError")
    assert "printed more than its limit of 67108864 bytes" in item.error["value"]
    assert Path(item.record or "").stat().st_size < 6_000_000


def test_a_secret_reaches_the_notebook_and_no_file(
    write: Write, runner: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_KEY", "hunter2-very-secret")
    step = {"notebook": "leaks_a_secret.ipynb", "secrets": {"API_KEY": "env:VAULT_KEY"}}
    run = runner.run(write(json.dumps({"name": "secret", "steps": {"leak": step}})))
    item = runner.service.history.item(run.id, "leak", 0)
    assert item.error["value"] == "refused: ••••••"
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"hunter2" not in path.read_bytes(), path


def test_a_cancelled_run_stops_its_notebooks_and_can_be_resumed(write: Write, runner: Any, tmp_path: Path) -> None:
    run = runner.service.create(write(json.dumps({"name": "w", "steps": {"wait": {"notebook": "never_ends.ipynb"}}})))
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(runner.drive(run)))
    thread.start()
    record = tmp_path / "state" / "runs" / run.id / "wait" / "0" / "1-1" / "record.ipynb"
    while not record.exists():
        time.sleep(0.05)
    time.sleep(0.5)
    runner.service.cancel(run.id)
    thread.join(30)
    assert done[0].status == "cancelled"
    assert runner.statuses(run) == {"wait0": "cancelled"}
    with runner.service.store.lock(runner.service.history.item(run.id, "wait", 0).key, wait=False) as free:
        assert free  # no worker is left
    with pytest.raises(RunStateError, match="nothing to cancel"):
        runner.service.cancel(run.id)
    assert runner.service.prepare_resume("latest").generation == 2


def test_files_of_equal_content_are_kept_once(write: Write, runner: Any) -> None:
    file = write(
        "name: one\nsteps:\n  a: &a\n    notebook: load_countries.ipynb\n  b:\n    <<: *a\n    environment: {X: y}\n"
    )
    runner.run(file)
    objects = list((runner.service.folder / "objects").glob("*/*"))
    assert len(objects) == 1
    assert objects[0].stat().st_nlink == 3
    assert runner.service.store.collect() == 0


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        (("steps.report.total >", "steps.raport.total >"), 21, "there is no step 'raport'; known: load, train"),
        (("report_total.ipynb", "raport.ipynb"), 17, "there is no such notebook"),
        (("countries: ${parameters.countries}", "countries: 3"), 6, r"must be list\[str\]"),
        (("countries: ${parameters.countries}", "country: 3"), 6, "parameter 'country' is unknown"),
        (("parameters.threshold", "parameters.limit"), 21, "no parameter 'limit'"),
        (("foreach: steps.load.countries", "foreach: steps.report.total"), 10, "wait for each other"),
        (("foreach: steps.load.countries", "foreach: __import__('os')"), 10, "only plain calls|unknown name"),
        (("foreach:", "for_each:"), 12, "there is no such setting"),
        (("parameters.threshold\n", "parameters.threshold\n    timeout_seconds: soon\n"), 24, "valid number"),
        (("name: countries", "name: countries\nname: twice"), 2, "is there twice"),
        (("steps:", "steps: ["), None, "this is not YAML"),
    ],
)
def test_a_wrong_pipeline_is_refused_with_its_line_before_anything_runs(
    write: Write, runner: Any, change: tuple[str, str], line: int | None, message: str
) -> None:
    file = write(COUNTRIES.replace(*change, 1))
    with pytest.raises(PipelineFileError, match=message) as raised:
        runner.service.create(file)
    assert line is None or f"pipeline.yaml, line {line}:" in str(raised.value)
    assert runner.service.history.runs() == []
