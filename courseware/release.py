"""From the notebook an instructor writes to the two that follow from it: the one students get, the one graders use.

The order of the steps is that of `nbgrader generate_assignment`, so that checksums agree with it.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace

from nbformat import NotebookNode

from courseware import questions
from courseware.cells import CellRole, checksum, role_of, write_role
from courseware.errors import FormatError
from courseware.markers import (
    CODE_STUBS,
    HIDDEN_TESTS,
    MARK_SCHEME,
    SOLUTION,
    TEXT_STUB,
    Marker,
    cut,
    has_attachment,
)
from courseware.notebooks import clear_outputs, language_of


@dataclass(frozen=True, slots=True)
class GeneratedNotebook:
    """What an instructor's notebook turns into.

    Attributes
    ----------
    released
        For students: no solutions, hidden tests, mark schemes, outputs.
    graded
        For the grader: as released, with hidden tests and mark schemes. Never leaves the platform.
    """

    released: NotebookNode
    graded: NotebookNode


def generate(source: NotebookNode) -> GeneratedNotebook:
    """Make the released and the graded version of an instructor's notebook.

    Raises
    ------
    FormatError
        A region has no end, lies in a cell of the wrong kind, ids are missing or repeated, metadata is broken.
    """
    graded = deepcopy(source)
    roles = _roles(graded)
    check_ids(graded)
    _lock(graded, roles)
    asked = _prepare_questions(graded, roles)
    _clear_solutions(graded, roles, asked)
    clear_outputs(graded)
    graded.metadata.pop("celltoolbar", None)
    check_kinds(graded)
    _record_checksums(graded)
    released = deepcopy(graded)
    _remove_regions(released, HIDDEN_TESTS)
    _remove_regions(released, MARK_SCHEME)
    for cell in released.cells:
        questions.without_key(cell)
    _record_checksums(released)
    return GeneratedNotebook(released, graded)


def check_ids(notebook: NotebookNode) -> None:
    """Check that no two cells have one id.

    Raises
    ------
    FormatError
        Names the id.
    """
    seen: set[str] = set()
    for cell in notebook.cells:
        role = role_of(cell)
        if role is None:
            continue
        if role.grade_id in seen:
            raise FormatError(f"the grade_id {role.grade_id!r} is used by more than one cell; give each its own")
        seen.add(role.grade_id)


def check_kinds(notebook: NotebookNode) -> None:
    """Check that each role fits the type of its cell.

    Raises
    ------
    FormatError
        Names the cell and the mismatch.
    """
    for cell in notebook.cells:
        role = role_of(cell)
        if role is None:
            continue
        if role.task:
            if cell.cell_type != "markdown":
                raise FormatError(f"cell {role.grade_id!r} is a task; tasks are Markdown cells, not {cell.cell_type}")
        elif cell.cell_type == "markdown" and role.grade != role.solution:
            kind = "graded but no place for an answer" if role.grade else "a place for an answer but not graded"
            raise FormatError(f"the Markdown cell {role.grade_id!r} is {kind}; it must be both")


def hidden_tests(graded: NotebookNode) -> tuple[str, ...]:
    """Return the texts that must not reach a student: the hidden tests and mark schemes of a graded version."""
    found: list[str] = []
    for cell in graded.cells:
        for marker in (HIDDEN_TESTS, MARK_SCHEME):
            found.extend(cut(cell.source, marker).regions)
    return tuple(text for text in found if text.strip())


def _roles(notebook: NotebookNode) -> list[CellRole | None]:
    """Read every role and store it in the newest schema."""
    roles = [role_of(cell) for cell in notebook.cells]
    for cell, role in zip(notebook.cells, roles, strict=True):
        if role is None:
            cell.metadata.pop("nbgrader", None)
        else:
            write_role(cell, role)
    return roles


def _lock(notebook: NotebookNode, roles: list[CellRole | None]) -> None:
    for cell, role in zip(notebook.cells, roles, strict=True):
        if role is None:
            continue
        if role.solution:
            cell.metadata["deletable"] = False
        elif role.is_locked:
            cell.metadata["deletable"] = False
            cell.metadata["editable"] = False


def _prepare_questions(notebook: NotebookNode, roles: list[CellRole | None]) -> frozenset[int]:
    """Turn multiple-choice and short-answer cells into what students get; return their places."""
    asked: set[int] = set()
    for place, (cell, role) in enumerate(zip(notebook.cells, roles, strict=True)):
        cell.metadata.pop(questions.METADATA_KEY, None)
        if questions.prepare(cell) is None:
            continue
        if role is None or not (role.grade and role.solution):
            raise FormatError(f"a question must be in a manually graded answer cell: {cell.source[:60]!r}")
        asked.add(place)
    return frozenset(asked)


def _clear_solutions(notebook: NotebookNode, roles: list[CellRole | None], asked: frozenset[int]) -> None:
    language = language_of(notebook)
    if language not in CODE_STUBS:
        raise FormatError(f"there is no stub for solutions in {language!r}; known: {', '.join(sorted(CODE_STUBS))}")
    for place, (cell, role) in enumerate(zip(notebook.cells, roles, strict=True)):
        if place in asked:
            continue
        stub = CODE_STUBS[language] if cell.cell_type == "code" else TEXT_STUB
        answer = cut(cell.source, SOLUTION, stub)
        is_solution = role is not None and role.solution
        if answer.found and not is_solution:
            raise FormatError(f"a solution region is in a cell that is no solution cell: {cell.source[:60]!r}")
        if answer.found:
            cell.source = answer.rest
        elif is_solution:
            cell.source = stub


def _record_checksums(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        role = role_of(cell)
        if role is not None and (role.grade or role.solution or role.is_locked):
            write_role(cell, replace(role, checksum=checksum(cell, role), cell_type=cell.cell_type))


def _remove_regions(notebook: NotebookNode, marker: Marker) -> None:
    for cell in notebook.cells:
        answer = cut(cell.source, marker)
        if not answer.found:
            continue
        role = role_of(cell)
        if marker is HIDDEN_TESTS and not (role is not None and role.grade):
            raise FormatError(f"hidden tests are in a cell that is not graded: {cell.source[:60]!r}")
        if marker is MARK_SCHEME:
            if not (role is not None and role.task):
                raise FormatError(f"a mark scheme is in a cell that is no task: {cell.source[:60]!r}")
            if any(has_attachment(region) for region in answer.regions):
                raise FormatError(
                    f"the mark scheme of {role.grade_id!r} shows an attachment, which would stay in the released "
                    "cell's metadata; embed the picture as a data URL inside the region"
                )
        cell.source = answer.rest
