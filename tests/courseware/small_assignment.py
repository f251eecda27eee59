"""An assignment of five cells, and submissions to it that differ in what a student wrote."""

from __future__ import annotations

from copy import deepcopy

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from courseware.cells import CellRole, write_role
from courseware.execution import KernelExecutor
from courseware.grading import CellScore, Graded, grade
from courseware.notebooks import read_notebook, write_notebook
from courseware.structure import GeneratedVersion, generate_version

NAME = "squares.ipynb"
HONEST = "def squares(n):\n    return [i * i for i in range(1, n + 1)]\ndef half(x):\n    return x / 2\n"
WRONG = "def squares(n):\n    return []\ndef half(x):\n    return 0.0\n"
FULL = {"visible": 2.0, "hidden": 3.0, "partial": 4.0, "helper": 1.0}
NOTHING = dict.fromkeys(FULL, 0.0)
SECRET = "squares(7)"


def _cell(source: str, role: CellRole) -> NotebookNode:
    cell = new_code_cell(source)
    write_role(cell, role)
    return cell


def source_notebook() -> NotebookNode:
    """The instructor's notebook."""
    test = {"grade": True, "locked": True}
    return new_notebook(
        cells=[
            new_markdown_cell("# Squares"),
            _cell("from numpy.testing import assert_allclose", CellRole("imports", locked=True)),
            _cell(f"### BEGIN SOLUTION\n{HONEST}### END SOLUTION", CellRole("answer", solution=True)),
            _cell("assert squares(2) == [1, 4]", CellRole("visible", points=2, **test)),
            _cell(
                "assert isinstance(squares(1), list)\n### BEGIN HIDDEN TESTS\n"
                "assert squares(7) == [1, 4, 9, 16, 25, 36, 49]\n### END HIDDEN TESTS",
                CellRole("hidden", points=3, **test),
            ),
            _cell(
                "sum(1.0 for n in range(1, 5) if squares(n)[-1:] == [n * n])",
                CellRole("partial", points=4, **test),
            ),
            _cell("assert_allclose(half(3.0), 1.5)", CellRole("helper", points=1, **test)),
        ],
        metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}},
    )


def version() -> GeneratedVersion:
    """The generated version."""
    return generate_version({NAME: write_notebook(source_notebook())})


def released() -> NotebookNode:
    """What a student gets."""
    return read_notebook(version().released[NAME])


def answered(source: str) -> NotebookNode:
    """A submission with a source in the answer cell."""
    notebook = deepcopy(released())
    notebook.cells[2].source = source
    return notebook


async def graded(submission: NotebookNode | bytes, executor: KernelExecutor | None = None) -> Graded:
    """The submission graded in the sandbox."""
    made = version()
    content = submission if isinstance(submission, bytes) else write_notebook(submission)
    return await grade(made.structure, made.graded, {NAME: content}, executor or KernelExecutor(), seed=3)


def points(result: Graded) -> dict[str, float | None]:
    """Scores by id."""
    return {score.grade_id: score.score.points for score in result.scores}


def by_id(result: Graded) -> dict[str, CellScore]:
    """Scores with reasons by id."""
    return {score.grade_id: score for score in result.scores}
