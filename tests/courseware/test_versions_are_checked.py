"""A version is checked when it is added: its solution passes its tests, an empty release does not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from courseware import assignments, checks
from courseware.checks import check_version
from courseware.execution import KernelExecutor
from courseware.models import VersionCheckRow, VersionRow
from courseware.notebooks import read_notebook, write_notebook
from courseware.structure import generate_version
from tests.courseware.class_under_test import START, ClassUnderTest
from tests.courseware.small_assignment import NAME, source_notebook


async def checked(source: bytes) -> checks.Check:
    made = generate_version({NAME: source})
    return await check_version(made.structure, {NAME: source}, made.graded, made.released, KernelExecutor())


async def test_a_sound_version_has_no_problems() -> None:
    found = await checked(write_notebook(source_notebook()))
    assert (found.points, found.solution_score, found.release_score) == (10.0, 10.0, 0.0)
    assert found.is_sound


async def test_a_solution_that_fails_and_tests_that_pass_without_one_are_told() -> None:
    notebook = read_notebook(write_notebook(source_notebook()))
    notebook.cells[2].source = notebook.cells[2].source.replace("x / 2", "x / 3")
    found = await checked(write_notebook(notebook))
    assert found.solution_score == 9.0
    assert len(found.problems) == 1
    assert "helper: the solution gets 0 of 1 points" in found.problems[0]
    for cell in notebook.cells[3:]:
        cell.source = "pass"
    found = await checked(write_notebook(notebook))
    assert found.problems == ("What students get passes every test without an answer.",)


async def test_a_worker_checks_when_nothing_waits_to_be_graded(tmp_path: Path) -> None:
    physics = ClassUnderTest(tmp_path)
    version = physics.release("ps1", {NAME: write_notebook(source_notebook())})
    physics.database.run(lambda session: checks.enqueue(session, session.get_one(VersionRow, version)))
    await physics.grade_all()

    def read(session):  # type: ignore[no-untyped-def]
        return checks.of_newest(session, assignments.get(session, "physics", "ps1").id)

    row = physics.database.read(read)
    assert (row.state, row.solution_score, row.problems) == ("done", 10.0, [])


def test_a_check_whose_worker_died_is_taken_again_but_only_so_often(tmp_path: Path) -> None:
    physics = ClassUnderTest(tmp_path)
    version = physics.release("ps1", {NAME: write_notebook(source_notebook())})
    physics.database.run(lambda session: checks.enqueue(session, session.get_one(VersionRow, version)))
    taken = []
    for number in range(checks.ATTEMPTS_LIMIT + 1):
        now = START + timedelta(minutes=number)
        taken.append(physics.database.run(checks.take, "w", now, 30.0))
        assert physics.database.run(checks.take, "other", now, 30.0) is None
    assert [task is not None for task in taken] == [True] * checks.ATTEMPTS_LIMIT + [False]
    assert physics.database.read(lambda session: session.get_one(VersionCheckRow, version).state) == "failed"
