"""What an assignment version consists of: its notebooks, their scored cells, their points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from nbformat import NotebookNode

from courseware.cells import CellRole, role_of
from courseware.errors import FormatError
from courseware.notebooks import read_notebook, write_notebook
from courseware.questions import question_of
from courseware.release import generate

NOTEBOOK_SUFFIX = ".ipynb"


@dataclass(frozen=True, slots=True)
class ScoredCell:
    """A cell with a place in the gradebook.

    Attributes
    ----------
    notebook
        Path in the assignment.
    grade_id
        Id in the notebook.
    points
        Most points.
    kind
        `test`: scored by running it. `choice`, `short`: by its key. `answer`, `task`: by a person.
    """

    notebook: str
    grade_id: str
    points: float
    kind: str


@dataclass(frozen=True, slots=True)
class Structure:
    """The scored cells of a version, in order, and its notebooks."""

    notebooks: tuple[str, ...]
    cells: tuple[ScoredCell, ...]

    @property
    def points(self) -> float:
        """Most points."""
        return sum(cell.points for cell in self.cells)

    def to_json(self) -> dict[str, object]:
        """Return it as plain data."""
        rows = [[c.notebook, c.grade_id, c.points, c.kind] for c in self.cells]
        return {"notebooks": list(self.notebooks), "cells": rows}


def structure_from_json(content: Mapping[str, object]) -> Structure:
    """Return what `Structure.to_json` gave."""
    notebooks, cells = content["notebooks"], content["cells"]
    assert isinstance(notebooks, list)
    assert isinstance(cells, list)
    return Structure(tuple(notebooks), tuple(ScoredCell(*row) for row in cells))


@dataclass(frozen=True, slots=True)
class GeneratedVersion:
    """The three sets of files of a version.

    Attributes
    ----------
    graded
        Notebooks with hidden tests, and the data files: for the grader.
    released
        The same for students.
    structure
        What is scored.
    """

    graded: Mapping[str, bytes]
    released: Mapping[str, bytes]
    structure: Structure


def generate_version(source: Mapping[str, bytes]) -> GeneratedVersion:
    """Make the graded and the released files from an instructor's.

    Raises
    ------
    FormatError
        There is no notebook, or one cannot be used; the message names it.
    """
    graded: dict[str, bytes] = {}
    released: dict[str, bytes] = {}
    cells: list[ScoredCell] = []
    names = sorted(path for path in source if is_notebook(path))
    if not names:
        raise FormatError("an assignment needs a notebook (.ipynb) beside its other files")
    for path in sorted(source):
        if path not in names:
            graded[path] = released[path] = source[path]
            continue
        try:
            made = generate(read_notebook(source[path], path))
        except FormatError as error:
            raise FormatError(f"{path}: {error.detail}") from error
        graded[path], released[path] = write_notebook(made.graded), write_notebook(made.released)
        roles = [(role_of(cell), cell) for cell in made.graded.cells]
        cells += [_scored(path, role, cell) for role, cell in roles if role is not None and role.is_scored]
    return GeneratedVersion(graded, released, Structure(tuple(names), tuple(cells)))


def is_notebook(path: str) -> bool:
    """Return whether a path is that of a notebook of the assignment: at the top, not hidden."""
    pure = PurePosixPath(path)
    return pure.suffix == NOTEBOOK_SUFFIX and len(pure.parts) == 1 and not path.startswith(".")


def kind_of(role: CellRole, cell_type: str) -> str:
    """Return how a scored cell gets its score: see `ScoredCell.kind`."""
    if role.task:
        return "task"
    return "test" if role.is_test and cell_type == "code" else "answer"


def by_notebook(cells: Sequence[ScoredCell]) -> dict[str, list[ScoredCell]]:
    """Return the cells by notebook."""
    found: dict[str, list[ScoredCell]] = {}
    for cell in cells:
        found.setdefault(cell.notebook, []).append(cell)
    return found


def _scored(path: str, role: CellRole, cell: NotebookNode) -> ScoredCell:
    question = question_of(cell)
    kind = question.kind if question is not None else kind_of(role, cell.cell_type)
    return ScoredCell(path, role.grade_id, role.points, kind)
