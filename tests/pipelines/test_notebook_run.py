"""A run's record shows what went in and how far it got, in papermill's shape."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import nbformat
import papermill
import pytest
from papermill.inspection import inspect_notebook as papermill_inspect

from kernels import Limits, RunEvent
from pipelines import (
    NotebookFileError,
    ParameterValueError,
    RunOptions,
    read_notebook,
    read_scraps,
    run_recorded,
    run_recorded_sync,
)

KEY = 'hunter2"quoted\\key'


def read(path: Path) -> nbformat.NotebookNode:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


async def test_parameters_are_injected_and_recorded(notebooks: Path, tmp_path: Path) -> None:
    run = await run_recorded(
        notebooks / "typed_parameters.ipynb", {"alpha": 0.5, "sizes": [1, 2]}, tmp_path / "o.ipynb"
    )
    assert run.status == "ok"
    assert run.values == {"product": 1.5}
    record = read(tmp_path / "o.ipynb")
    assert record.metadata.papermill.parameters == {"alpha": 0.5, "sizes": [1, 2]}
    injected = record.cells[1]
    assert injected.metadata.tags == ["injected-parameters"]
    assert "sizes = (1, 2)" in injected.source
    assert {cell.metadata.papermill.status for cell in record.cells} == {"completed"}
    assert record.metadata.papermill.duration > 0


async def test_nothing_runs_and_nothing_is_written_when_a_value_is_wrong(notebooks: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterValueError, match="'beta' is unknown"):
        await run_recorded(notebooks / "typed_parameters.ipynb", {"beta": 1}, tmp_path / "o.ipynb")
    assert not list(tmp_path.iterdir())


async def test_a_failure_is_marked_where_papermill_marks_it(notebooks: Path, tmp_path: Path) -> None:
    run = await run_recorded(notebooks / "fails_in_third_cell.ipynb", {}, tmp_path / "ours.ipynb")
    assert (run.status, run.message) == ("error", "ValueError: too many")
    with pytest.raises(papermill.PapermillExecutionError):
        papermill.execute_notebook(
            str(notebooks / "fails_in_third_cell.ipynb"), str(tmp_path / "theirs.ipynb"), progress_bar=False
        )
    ours, theirs = read(tmp_path / "ours.ipynb"), read(tmp_path / "theirs.ipynb")
    shape = [(c.cell_type, c.source, c.metadata.get("papermill", {}).get("status")) for c in ours.cells]
    assert shape == [(c.cell_type, c.source, c.metadata.get("papermill", {}).get("status")) for c in theirs.cells]
    assert ours.metadata.papermill.exception is theirs.metadata.papermill.exception is True


async def test_papermill_runs_our_record_and_we_run_papermills(notebooks: Path, tmp_path: Path) -> None:
    source = str(notebooks / "typed_parameters.ipynb")
    await run_recorded(source, {"alpha": 0.5}, tmp_path / "ours.ipynb")
    papermill.execute_notebook(
        str(tmp_path / "ours.ipynb"), str(tmp_path / "theirs.ipynb"), {"alpha": 2.0}, progress_bar=False
    )
    assert read_scraps(read(tmp_path / "theirs.ipynb")) == {"product": 6.0}
    again = await run_recorded(tmp_path / "theirs.ipynb", {"alpha": 3.0}, tmp_path / "again.ipynb")
    assert again.values == {"product": 9.0}
    assert sum("injected-parameters" in c.metadata.tags for c in again.notebook.cells) == 1
    assert set(papermill_inspect(source)) <= {"alpha", "n", "solver", "sizes"}


def test_the_papermill_engine_leaves_the_same_record(notebooks: Path, tmp_path: Path) -> None:
    for engine in ("collegium", None):
        papermill.execute_notebook(
            str(notebooks / "typed_parameters.ipynb"),
            str(tmp_path / f"{engine}.ipynb"),
            {"alpha": 0.5},
            engine_name=engine,
            progress_bar=False,
        )
    ours, theirs = read(tmp_path / "collegium.ipynb"), read(tmp_path / "None.ipynb")
    for mine, peer in zip(ours.cells, theirs.cells, strict=True):
        assert mine.source == peer.source
        assert mine.get("outputs") == peer.get("outputs")
        assert set(mine.metadata.papermill) == set(peer.metadata.papermill)
        assert mine.metadata.papermill.status == peer.metadata.papermill.status


async def test_the_papermill_engine_works_inside_an_event_loop(notebooks: Path, tmp_path: Path) -> None:
    with pytest.raises(papermill.PapermillExecutionError, match="too many"):
        papermill.execute_notebook(
            str(notebooks / "fails_in_third_cell.ipynb"),
            str(tmp_path / "o.ipynb"),
            engine_name="collegium",
            progress_bar=False,
        )


async def test_a_secret_is_in_no_byte_of_the_record_nor_of_the_events(notebooks: Path, tmp_path: Path) -> None:
    seen: list[str] = []

    def note(event: RunEvent) -> None:
        seen.append(repr(event.content))

    options = RunOptions(environment=dict(os.environ) | {"API_KEY": KEY}, secrets=[KEY])
    run = await run_recorded(
        notebooks / "leaks_a_secret.ipynb", {}, tmp_path / "o.ipynb", options=options, on_event=note
    )
    written = (tmp_path / "o.ipynb").read_text()
    for text in (written, repr(run.notebook), run.message, *seen):
        assert "hunter2" not in text
        assert "aHVudGVyM" not in text
    assert written.count("••••••") >= 4
    assert read(tmp_path / "o.ipynb").cells[-1].outputs[0].ename == "RuntimeError"


async def test_a_cell_that_never_returns_is_stopped_by_its_limit_which_the_record_names(
    notebooks: Path, tmp_path: Path
) -> None:
    options = RunOptions(limits=Limits(cell_timeout_seconds=0.5))
    run = await run_recorded(notebooks / "never_ends.ipynb", {}, tmp_path / "o.ipynb", options=options)
    assert run.status == "timeout"
    last = read(tmp_path / "o.ipynb").cells[-1].outputs[-1]
    assert (last.ename, "limit of 0.5 s" in last.evalue) == ("TimeoutError", True)


async def test_the_end_of_the_kernel_is_explained_in_the_record(notebooks: Path, tmp_path: Path) -> None:
    run = await run_recorded(notebooks / "kills_its_kernel.ipynb", {}, tmp_path / "o.ipynb")
    assert run.status == "died"
    assert "SIGKILL" in read(tmp_path / "o.ipynb").cells[-1].outputs[-1].evalue


async def test_exit_zero_ends_the_notebook_well(notebooks: Path) -> None:
    run = await run_recorded(notebooks / "exits_early.ipynb")
    assert run.status == "ok"
    assert len(run.cells) == 2


async def test_an_expected_error_lets_the_run_go_on(notebooks: Path) -> None:
    run = await run_recorded(notebooks / "expects_an_error.ipynb")
    assert run.status == "ok"
    assert run.notebook.cells[-1].outputs[0].text == "reached\n"


async def test_the_record_is_saved_a_few_times_not_twice_per_cell(notebooks: Path, tmp_path: Path) -> None:
    run = await run_recorded(notebooks / "many_cells.ipynb", {}, tmp_path / "o.ipynb")
    assert len(run.cells) == 100
    assert run.saves < 20


async def test_the_record_grows_while_a_cell_runs(notebooks: Path, tmp_path: Path) -> None:
    task = asyncio.create_task(
        run_recorded(
            notebooks / "prints_for_a_while.ipynb",
            {},
            tmp_path / "o.ipynb",
            options=RunOptions(save_interval_seconds=0.1),
        )
    )
    grown = False
    while not task.done():
        await asyncio.sleep(0.05)
        if (tmp_path / "o.ipynb").exists():
            record = read(tmp_path / "o.ipynb")  # every state of the file is a whole, valid notebook
            running = record.cells[0].metadata.papermill.status == "running"
            grown = grown or (running and bool(record.cells[0].outputs))
    assert (await task).status == "ok"
    assert grown


def test_a_percent_format_file_is_a_notebook(tmp_path: Path) -> None:
    script = tmp_path / "step.py"
    script.write_text('# %% tags=["parameters"]\nn: int = 2\n\n# %%\nprint(n * 2)\n')
    run = run_recorded_sync(script, {"n": 21}, tmp_path / "o.ipynb")
    assert read(tmp_path / "o.ipynb").cells[-1].outputs[0].text == "42\n"
    assert run.status == "ok"


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "there is no such notebook"), ("{", "line 1: this is not a notebook"), ("[]", "not a notebook")],
)
def test_what_is_not_a_notebook_is_refused_by_name(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "x.ipynb"
    if content is not None:
        path.write_text(content)
    with pytest.raises(NotebookFileError, match=message) as raised:
        read_notebook(path)
    assert str(path) in str(raised.value)
