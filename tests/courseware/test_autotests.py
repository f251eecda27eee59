"""Generated tests are nbgrader's, cell for cell, where its templates are used; ours work without any."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader import preprocessors as peer
from nbgrader.nbgraderformat import MetadataValidator

from courseware import assignments, autotests, checks
from courseware.autotest_templates import FILE_NAME, PYTHON_TEMPLATES, fill, templates_for
from courseware.cells import CellRole, write_role
from courseware.errors import FormatError
from courseware.execution import KernelExecutor
from courseware.grading import grade
from courseware.notebooks import read_notebook, write_notebook
from courseware.structure import generate_version
from hub.blobs import FolderBlobStore
from tests.courseware.test_cells_and_release_agree_with_nbgrader import (
    LAST_STEPS,
    NBGRADER,
    STEPS,
    graded_metadata,
    peer_steps,
)

FILES = NBGRADER / "tests/apps/files"
TEMPLATES = (FILES / FILE_NAME).read_bytes()
PEER_NOTEBOOKS = (
    *(FILES / f"autotest-{name}.ipynb" for name in ("simple", "multi", "hidden", "hashed")),
    NBGRADER / "docs/source/user_guide/source/ps1_autotest/problem1.ipynb",
)


def peer_generated(path: Path, folder: Path) -> tuple[nbformat.NotebookNode, nbformat.NotebookNode]:
    (folder / FILE_NAME).write_bytes(TEMPLATES)
    notebook = MetadataValidator().upgrade_notebook_metadata(nbformat.read(path, as_version=4))
    notebook, _ = peer.InstantiateTests().preprocess(notebook, {"metadata": {"path": str(folder)}})
    graded = peer_steps(notebook, STEPS)
    return graded, peer_steps(graded, LAST_STEPS)


@pytest.mark.parametrize("path", PEER_NOTEBOOKS, ids=lambda path: path.stem)
async def test_generated_tests_equal_those_of_nbgrader(path: Path, tmp_path: Path) -> None:
    files = {path.name: path.read_bytes(), FILE_NAME: TEMPLATES}
    made = generate_version(await autotests.instantiate(files, KernelExecutor()))
    graded, released = peer_generated(path, tmp_path)
    assert graded_metadata(read_notebook(made.graded[path.name])) == graded_metadata(graded)
    assert graded_metadata(read_notebook(made.released[path.name])) == graded_metadata(released)
    assert set(made.released) == {path.name}
    assert b"AUTOTEST" not in b"".join([*made.released.values(), *made.graded.values()])


KERNEL = {"name": "python3", "language": "python", "display_name": "Python 3"}


def assignment(solution: str, test: str, **templates: bytes) -> dict[str, bytes]:
    cells = [new_code_cell(f"### BEGIN SOLUTION\n{solution}\n### END SOLUTION"), new_code_cell(test)]
    write_role(cells[0], CellRole("answer", grade=False, solution=True, locked=False))
    write_role(cells[1], CellRole("test", grade=True, solution=False, locked=True, points=4.0))
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    return {"p.ipynb": write_notebook(notebook)} | {name.replace("_", "."): text for name, text in templates.items()}


SOLUTION = "import numpy as np\ndef f(x): return x / 3\nname = 'it\\'s \"so\"'\nvector = np.arange(3) / 7"
ASKED = """import math
### AUTOTEST f(1); name
### BEGIN HIDDEN TESTS
### HASHED AUTOTEST vector; f(5)
### END HIDDEN TESTS"""


async def test_without_templates_there_are_some_and_the_version_is_sound() -> None:
    source = assignment(SOLUTION, ASKED)
    made = generate_version(await autotests.instantiate(source, KernelExecutor()))
    found = await checks.check_version(made.structure, source, made.graded, made.released, KernelExecutor())
    assert (found.solution_score, found.release_score, found.problems) == (4.0, 0.0, ())
    visible, hidden = (read_notebook(files["p.ipynb"]).cells[1].source for files in (made.released, made.graded))
    assert "round(f(1), 6)" in visible
    assert "vector" not in visible
    assert "sha1(" in hidden
    assert "0.142857" not in hidden


async def test_a_wrong_answer_is_told_what_is_wrong() -> None:
    source = assignment(SOLUTION, "### AUTOTEST f(1)")
    made = generate_version(await autotests.instantiate(source, KernelExecutor()))
    work = {"p.ipynb": source["p.ipynb"].replace(b"x / 3", b"x / 4")}
    graded = await grade(made.structure, made.graded, work, KernelExecutor(), 1)
    assert graded.scores[0].score.points == 0.0
    assert "f(1) has the wrong value" in graded.scores[0].score.message


async def test_tests_are_the_same_whenever_they_are_generated() -> None:
    source = assignment(SOLUTION, ASKED)
    first, second = [await autotests.instantiate(source, KernelExecutor()) for _ in range(2)]
    assert first == second


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (assignment("x = 1", "### AUTOTEST y"), "cell 2.*NameError"),
        (assignment("x = 1 / 0", "### AUTOTEST x"), "cell 1.*ZeroDivisionError.*needs a solution that runs"),
        (assignment("import os; os._exit(0)", "### AUTOTEST 1"), "cell 1.*ended"),
        (assignment("x = 1", "### AUTOTEST x", autotests_yml=b"python3: ["), "no YAML"),
        (assignment("x = 1", "### AUTOTEST x", autotests_yml=b"ir: {}"), "no templates for the kernel 'python3'"),
        (assignment("x = 1", "### AUTOTEST x", autotests_yml=TEMPLATES.replace(b"{{value}}", b"{% if 1 %}")), "markup"),
        (assignment("x = 1", "### AUTOTEST x", autotests_yml=TEMPLATES.replace(b"{{value}}", b"{{vale}}")), "no field"),
        (assignment("x = 1", "### HASHED AUTOTEST x", autotests_yml=TEMPLATES.replace(b"hash:", b"no:")), "no “hash”"),
        (assignment("### AUTOTEST 1", "1"), "cell 1 has AUTOTEST lines but is no test"),
    ],
)
async def test_what_cannot_be_generated_is_told_with_its_place(source: dict[str, bytes], told: str) -> None:
    with pytest.raises(FormatError, match=f"p.ipynb: .*{told}"):
        await autotests.instantiate(source, KernelExecutor())


def test_autotests_that_were_not_written_out_are_no_version(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="AUTOTEST"):
        assignments.store_version(FolderBlobStore(tmp_path), assignment("x = 1", "### AUTOTEST x"))


def test_the_word_alone_is_no_autotest() -> None:
    assert not autotests.has_autotests(assignment("x = 'AUTOTEST'", "assert 'AUTOTEST' == x"))


def test_templates_of_our_own_are_read_as_those_of_a_file_are() -> None:
    assert templates_for(None, "python3") is PYTHON_TEMPLATES
    assert templates_for(TEMPLATES, "python3").by_type["int"][0][0] == "type({{snippet}})"
    assert fill("{{ a }} {{b}}", a="{{b}}", b="1") == "{{b}} 1"
