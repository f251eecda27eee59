"""Checksums, generated versions and scores are nbgrader's, on its own notebooks."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import nbformat
import nbgrader
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader import preprocessors as peer
from nbgrader import utils as peer_utils
from nbgrader.nbgraderformat import MetadataValidator

from courseware.cells import CellRole, checksum, role_of, write_role
from courseware.errors import FormatError
from courseware.notebooks import read_notebook, write_notebook
from courseware.release import generate, hidden_tests
from courseware.scoring import score_answer, score_outputs

NBGRADER = Path(nbgrader.__file__).parent
NOTEBOOKS = sorted(p for part in ("docs", "tests") for p in (NBGRADER / part).rglob("*.ipynb"))
STEPS = (peer.LockCells, peer.ClearSolutions, peer.ClearOutput, peer.CheckCellMetadata, peer.ComputeChecksums)
LAST_STEPS = (peer.ClearHiddenTests, peer.ClearMarkScheme, peer.ComputeChecksums, peer.CheckCellMetadata)


def peer_steps(notebook: NotebookNode, steps: tuple[type, ...]) -> NotebookNode:
    notebook = deepcopy(notebook)
    for step in steps:
        notebook, _ = step().preprocess(notebook, {})
    return notebook


def graded_metadata(notebook: NotebookNode) -> list[tuple[object, ...]]:
    rows = []
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader")
        if meta:
            names = ("grade_id", "grade", "solution", "locked", "task", "checksum", "cell_type", "schema_version")
            defaults = {"task": False}
            row = tuple(meta.get(name, defaults.get(name)) for name in names)
            points = float(meta["points"]) if "points" in meta else None
            rows.append((cell.cell_type, cell.source, points, row, cell.metadata.get("deletable", True)))
    return rows


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: str(p.relative_to(NBGRADER)))
def test_generated_versions_equal_those_of_nbgrader(path: Path) -> None:
    ours_source = read_notebook(path.read_bytes())
    source = MetadataValidator().upgrade_notebook_metadata(nbformat.read(path, as_version=4))
    try:
        graded = peer_steps(source, STEPS)
        released = peer_steps(graded, LAST_STEPS)
    except Exception:
        with pytest.raises(FormatError):
            generate(ours_source)
        return
    ours = generate(ours_source)
    assert graded_metadata(ours.graded) == graded_metadata(graded)
    assert graded_metadata(ours.released) == graded_metadata(released)
    assert [c.source for c in ours.released.cells] == [c.source for c in released.cells]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: str(p.relative_to(NBGRADER)))
def test_nbgrader_accepts_what_was_generated(path: Path) -> None:
    try:
        ours = generate(read_notebook(path.read_bytes()))
    except FormatError:
        return
    again = nbformat.reads(write_notebook(ours.released).decode(), as_version=4)
    MetadataValidator().validate_nb(again)


def test_no_hidden_test_or_mark_scheme_is_released() -> None:
    source = read_notebook((NBGRADER / "tests/apps/files/test-hidden-tests.ipynb").read_bytes())
    made = generate(source)
    secrets = hidden_tests(made.graded)
    assert secrets
    released = write_notebook(made.released).decode()
    for secret in secrets:
        for line in secret.splitlines():
            if len(line.strip()) > 12:
                assert line.strip() not in released


texts = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=80)
flags = st.booleans()


@given(texts, st.sampled_from(["code", "markdown"]), flags, flags, flags, st.floats(0, 1e6))
def test_checksum_is_that_of_nbgrader(
    source: str, kind: str, grade: bool, solution: bool, locked: bool, points: float
) -> None:
    cell = new_code_cell(source) if kind == "code" else new_markdown_cell(source)
    role = CellRole("a-cell", grade, solution, locked, False, points)
    write_role(cell, role)
    if grade or solution or locked:
        assert checksum(cell, role) == peer_utils.compute_checksum(cell)
        assert role_of(cell) == (role if grade else CellRole("a-cell", grade, solution, locked))


results = st.one_of(
    st.floats(-5, 50).map(str),
    st.integers(-3, 12).map(str),
    st.sampled_from(["True", "nan", "'3'", "array([1])", " 2 ", "1_0", "inf", "-inf"]),
)
outputs = st.lists(
    st.one_of(
        results.map(lambda text: new_output("execute_result", {"text/plain": text})),
        st.just(new_output("error", ename="E", evalue="no", traceback=["no"])),
        st.sampled_from(["stdout", "stderr"]).map(lambda name: new_output("stream", name=name, text="x")),
        st.just(new_output("display_data", {"text/plain": "7"})),
    ),
    max_size=4,
)


@given(outputs, st.sampled_from([0, 0.5, 1, 2, 3.5, 10]))
def test_score_of_a_test_cell_is_that_of_nbgrader(made: list[NotebookNode], points: float) -> None:
    cell = new_code_cell("test", outputs=made)
    write_role(cell, CellRole("t", grade=True, locked=True, points=points))
    ours = score_outputs(made, points)
    try:
        theirs, _ = peer_utils.determine_grade(cell)
    except ValueError:  # more than the points of the cell: nbgrader stops
        assert ours.points == 0
        assert ours.needs_review
        assert ours.reason
        return
    assert ours.points == theirs


@given(st.sampled_from(["left", "changed"]), st.sampled_from(["code", "markdown"]))
def test_score_of_an_answer_is_that_of_nbgrader(state: str, kind: str) -> None:
    cell = new_code_cell("left") if kind == "code" else new_markdown_cell("left")
    role = CellRole("a", grade=True, solution=True, points=2)
    role = CellRole("a", grade=True, solution=True, points=2, checksum=checksum(cell, role), cell_type=kind)
    cell.source = state
    write_role(cell, role)
    assert score_answer(cell, role).points == peer_utils.determine_grade(cell)[0]


def test_repeated_ids_are_refused_with_the_id() -> None:
    cells = []
    for _ in range(2):
        cell = new_code_cell("x = 1")
        write_role(cell, CellRole("twice", solution=True))
        cells.append(cell)
    with pytest.raises(FormatError, match="twice"):
        generate(new_notebook(cells=cells))


@pytest.mark.parametrize(
    "metadata",
    [
        {"grade": True, "solution": False, "locked": True, "grade_id": "a b", "points": 1, "schema_version": 3},
        {"grade": True, "solution": False, "locked": True, "points": 1, "schema_version": 3},
        {"grade": True, "solution": False, "locked": True, "grade_id": "a", "schema_version": 3},
        {"grade": True, "solution": False, "locked": True, "grade_id": "a", "points": -1, "schema_version": 3},
        {"grade": "yes", "solution": False, "locked": True, "grade_id": "a", "points": 1, "schema_version": 3},
        {"grade": True, "solution": False, "locked": True, "grade_id": "a", "points": 1, "schema_version": 4},
        {"grade": True, "solution": False, "locked": True, "grade_id": "a", "points": 1, "schema_version": "3"},
    ],
)
def test_broken_metadata_is_refused(metadata: dict[str, object]) -> None:
    with pytest.raises(FormatError):
        role_of(new_code_cell("x", metadata={"nbgrader": metadata}))


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"nbformat": 4}', b'{"nbformat": 4, "cells": [1]}']
)
def test_what_is_no_notebook_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError):
        read_notebook(content)
