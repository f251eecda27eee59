"""Damaged hand-ins are graded, with a reason, and cost nobody else anything."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest
from nbformat import NotebookNode

from courseware.execution import GRADING_LIMITS, KernelExecutor
from courseware.grading import grade
from courseware.notebooks import write_notebook
from tests.courseware.class_under_test import ClassUnderTest
from tests.courseware.small_assignment import (
    FULL,
    HONEST,
    NAME,
    NOTHING,
    answered,
    by_id,
    graded,
    points,
    released,
    source_notebook,
    version,
)

QUICK = KernelExecutor(
    limits=type(GRADING_LIMITS)(
        memory_bytes=1 << 30, processes=32, cell_timeout_seconds=2, disk_bytes=64 << 20, cell_output_bytes=100_000
    )
)


def changed(change: object) -> NotebookNode:
    notebook = answered(HONEST)
    change(notebook)  # type: ignore[operator]
    return notebook


def kinds(result) -> set[str]:  # type: ignore[no-untyped-def]
    return {finding.kind.value for finding in result.findings}


async def test_a_duplicated_test_is_run_once_and_reported() -> None:
    result = await graded(changed(lambda n: n.cells.insert(3, deepcopy(n.cells[3]))))
    assert points(result) == FULL
    assert kinds(result) == {"duplicate-cell"}


async def test_of_a_duplicated_answer_the_last_counts() -> None:
    def twice(notebook: NotebookNode) -> None:
        notebook.cells.insert(2, deepcopy(notebook.cells[2]))
        notebook.cells[2].source = "def squares(n): return 0"

    assert points(await graded(changed(twice))) == FULL


async def test_a_deleted_test_scores_nothing_with_a_reason() -> None:
    result = await graded(changed(lambda n: n.cells.pop(4)))
    assert points(result) == FULL | {"hidden": 0}
    assert by_id(result)["hidden"].score.reason == "the cell was not handed in"


async def test_a_deleted_answer_scores_nothing() -> None:
    result = await graded(changed(lambda n: n.cells.pop(2)))
    assert points(result) == NOTHING
    assert "missing-cell" in kinds(result)


async def test_a_renamed_cell_is_unknown_and_the_original_missing() -> None:
    result = await graded(changed(lambda n: n.cells[3].metadata.nbgrader.update(grade_id="other")))
    assert points(result) == FULL | {"visible": 0}
    assert kinds(result) == {"unknown-cell", "missing-cell"}


async def test_a_retyped_cell_is_put_right() -> None:
    def retype(notebook: NotebookNode) -> None:
        for index in (2, 3):
            notebook.cells[index].cell_type = "markdown"
            del notebook.cells[index]["outputs"], notebook.cells[index]["execution_count"]

    result = await graded(changed(retype))
    assert points(result) == FULL
    assert kinds(result) == {"changed-type"}


async def test_reordered_cells_run_in_the_order_handed_in_and_are_reported() -> None:
    def reorder(notebook: NotebookNode) -> None:
        notebook.cells[2], notebook.cells[3] = notebook.cells[3], notebook.cells[2]

    result = await graded(changed(reorder))
    assert points(result) == FULL | {"visible": 0}
    assert "reordered" in kinds(result)


async def test_a_missing_notebook_scores_nothing_and_an_extra_one_is_left_out() -> None:
    made = version()
    result = await grade(
        made.structure, made.graded, {"mine.ipynb": write_notebook(answered(HONEST))}, KernelExecutor(), 1
    )
    assert points(result) == NOTHING
    assert kinds(result) == {"missing-notebook", "extra-notebook"}
    assert "was not handed in" in by_id(result)["visible"].score.reason


@pytest.mark.parametrize(
    "content", [b"", b"not json", b'{"cells": 3, "nbformat": 4}', b"\x00" * 50], ids=["empty", "text", "shape", "zeros"]
)
async def test_an_unreadable_notebook_scores_nothing_with_a_reason(content: bytes) -> None:
    result = await graded(content)
    assert points(result) == NOTHING
    assert NAME in by_id(result)["visible"].score.reason


async def test_another_kernel_is_replaced_by_the_assignments() -> None:
    result = await graded(changed(lambda n: n.metadata.kernelspec.update(name="ir", language="R")))
    assert points(result) == FULL
    assert kinds(result) == {"other-kernel"}


async def test_the_same_kernel_under_jupyters_other_name_is_no_finding() -> None:
    result = await graded(changed(lambda n: n.metadata.kernelspec.update(name="python")))
    assert points(result) == FULL
    assert not kinds(result)


async def test_an_old_notebook_without_cell_ids_is_graded() -> None:
    raw = json.loads(write_notebook(answered(HONEST)))
    raw["nbformat_minor"] = 2
    for cell in raw["cells"]:
        cell.pop("id", None)
    assert points(await graded(json.dumps(raw).encode())) == FULL


async def test_broken_metadata_is_ignored() -> None:
    def damage(notebook: NotebookNode) -> None:
        notebook.cells[0].metadata["nbgrader"] = {"schema_version": "x"}
        notebook.cells[3].metadata["nbgrader"] = {"grade_id": "visible", "points": "many", "schema_version": 99}

    assert points(await graded(changed(damage))) == FULL


async def test_a_warning_in_an_answer_costs_nothing_and_in_a_test_its_points() -> None:
    noisy = "import warnings\n" + HONEST.replace("    return x / 2", "    warnings.warn('old')\n    return x / 2")
    result = await graded(answered("import sys\nprint('x', file=sys.stderr)\n" + noisy))
    assert points(result) == FULL | {"helper": 0}
    assert by_id(result)["helper"].score.reason == "the cell wrote to stderr"


async def test_two_million_printed_lines_are_cut() -> None:
    flood = "for _ in range(20): print('line\\n' * 100_000)\n" + HONEST
    result = await graded(answered(flood), QUICK)
    assert points(result) == FULL
    assert sum(len(content) for content in result.executed.values()) < 400_000


ENDINGS = {
    "os._exit": ("import os; os._exit(3)", "ended"),
    "a crash": ("import ctypes; ctypes.string_at(0)", "segmentation fault"),
    "an abort": ("import os; os.abort()", "crashed"),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_submission_that_ends_its_kernel_costs_itself_its_marks(ending: str) -> None:
    source, told = ENDINGS[ending]
    result = await graded(answered(HONEST + source), QUICK)
    assert points(result) == NOTHING
    assert "could not run" in by_id(result)["visible"].score.reason
    assert told in by_id(result)["visible"].score.reason.lower()


async def test_an_endless_loop_is_stopped_and_the_rest_is_graded() -> None:
    result = await graded(answered(HONEST + "while True: pass"), QUICK)
    assert points(result) == FULL


async def test_an_endless_test_scores_nothing() -> None:
    endless = HONEST.replace("    return x / 2", "    while True: pass")
    result = await graded(answered(endless), QUICK)
    assert points(result) == FULL | {"helper": 0}
    assert by_id(result)["helper"].score.reason == "the test did not end in time"


async def test_two_gigabytes_are_refused() -> None:
    greedy = "try:\n    x = bytearray(2_000_000_000)\nexcept MemoryError:\n    print('refused')\n" + HONEST
    result = await graded(answered(greedy), QUICK)
    assert points(result) in (FULL, NOTHING)  # refused to the allocation, or the kernel ended for it
    text = b"".join(result.executed.values())
    assert b"refused" in text or "could not run" in by_id(result)["visible"].score.reason


async def test_the_disk_cannot_be_filled_and_the_network_not_reached() -> None:
    source = (
        "import socket\nsaid = []\n"
        "try:\n    open('big', 'wb').write(bytes(200 << 20))\nexcept OSError as e:\n    said.append('disk')\n"
        "try:\n    socket.create_connection(('192.0.2.1', 80), 1)\nexcept OSError as e:\n    said.append('network')\n"
        "print(said)\n"
    )
    result = await graded(answered(source + HONEST), QUICK)
    assert b"['disk', 'network']" in b"".join(result.executed.values())
    assert points(result) == FULL


async def test_an_untouched_release_scores_nothing() -> None:
    assert points(await graded(released())) == NOTHING


async def test_output_that_no_database_can_hold_is_graded_all_the_same(tmp_path: Path) -> None:
    school = ClassUnderTest(tmp_path, QUICK)
    school.release("ps1", {NAME: write_notebook(source_notebook())})
    source = HONEST + "print('\\ud800\\0')\ndef half(x):\n    raise ValueError('lone \\ud800 and \\0')\n"
    row = school.hand_in("alice", "ps1", {NAME: write_notebook(answered(source))})
    await school.grade_all()
    assert school.progress("ps1") == {"done": 1}
    scores = school.scores(row.id)
    assert scores["helper"].score == 0
    assert "lone" in scores["helper"].message
    assert scores["visible"].score == 2
