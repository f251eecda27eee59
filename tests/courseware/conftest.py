"""The example course of nbgrader, and nbgrader's own grading of it, made once."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbgrader
import pytest

EXAMPLES = Path(nbgrader.__file__).parent / "docs/source/user_guide"


def run_nbgrader(folder: Path, *arguments: str, check: bool = True) -> str:
    # nbgrader runs the program `alembic` by its name.
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        env=environment,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"nbgrader {arguments}: {done.stderr[-3000:]}")
    return done.stderr


@dataclass(frozen=True)
class PeerScore:
    auto_score: float | None
    max_score: float
    needs_manual: bool


def peer_scores(database: Path) -> dict[tuple[str, str, str], PeerScore]:
    """Scores by (student, notebook, grade id) as nbgrader has them in its gradebook."""
    query = """
        SELECT a.student_id, n.name, c.name, g.auto_score, g.needs_manual_grade,
               coalesce(gc.max_score, tc.max_score)
        FROM grade g JOIN submitted_notebook sn ON g.notebook_id = sn.id
        JOIN submitted_assignment a ON sn.assignment_id = a.id
        JOIN notebook n ON sn.notebook_id = n.id
        JOIN base_cell c ON g.cell_id = c.id
        LEFT JOIN grade_cells gc ON gc.id = c.id LEFT JOIN task_cells tc ON tc.id = c.id
    """
    with sqlite3.connect(database) as connection:
        return {
            (student, f"{notebook}.ipynb", cell): PeerScore(score, points, bool(manual))
            for student, notebook, cell, score, manual, points in connection.execute(query)
        }


@dataclass(frozen=True)
class PeerCourse:
    """An nbgrader course directory with the example graded by nbgrader."""

    folder: Path
    students: tuple[str, ...]

    def files(self, *parts: str) -> dict[str, bytes]:
        root = self.folder.joinpath(*parts)
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and path.name != "timestamp.txt"
        }

    @property
    def scores(self) -> dict[tuple[str, str, str], PeerScore]:
        return peer_scores(self.folder / "gradebook.db")


@pytest.fixture(scope="session")
def peer_course(tmp_path_factory: pytest.TempPathFactory) -> PeerCourse:
    """`nbgrader quickstart`, its assignment generated, the documentation's two students graded by nbgrader."""
    folder = tmp_path_factory.mktemp("nbgrader") / "course"
    run_nbgrader(folder.parent, "quickstart", "course")
    run_nbgrader(folder, "generate_assignment", "ps1")
    students = ("bitdiddle", "hacker")
    for student in students:
        shutil.copytree(EXAMPLES / "submitted" / student, folder / "submitted" / student)
    shutil.copytree(folder / "release/ps1", folder / "submitted/idler/ps1")
    shutil.copytree(folder / "source/ps1", folder / "submitted/author/ps1")
    run_nbgrader(folder, "autograde", "ps1")
    return PeerCourse(folder, (*students, "idler", "author"))
