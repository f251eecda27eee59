"""Write a course as an nbgrader course directory: sources, releases, hand-ins, gradings, and a gradebook.db.

The tables are those of `nbgrader.api`, version 0.9.6 (revision e43177bfe90b of its schema).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from nbformat import NotebookNode
from sqlalchemy.orm import Session

from courseware import assignments, courses, groups, results, submissions
from courseware.cells import CellRole, role_of
from courseware.errors import InvalidError
from courseware.models import AssignmentRow, CourseRow, EnrolmentRow, GradingRow, SubmissionRow
from courseware.notebooks import read_notebook
from courseware.policy import CourseRole
from courseware.results import EffectiveScore
from courseware.store import Blobs, get_files
from courseware.structure import is_notebook

DATABASE = "gradebook.db"
CONFIG = "c = get_config()\nc.CourseDirectory.course_id = {course!r}\n"
_SCHEMA = """
CREATE TABLE student (id VARCHAR(128) NOT NULL PRIMARY KEY, first_name VARCHAR(128), last_name VARCHAR(128),
  email VARCHAR(128), lms_user_id VARCHAR(128));
CREATE TABLE course (id VARCHAR(128) NOT NULL PRIMARY KEY UNIQUE);
CREATE TABLE assignment (id VARCHAR(32) NOT NULL PRIMARY KEY, name VARCHAR(128) NOT NULL UNIQUE, duedate DATETIME,
  course_id VARCHAR(128) NOT NULL REFERENCES course (id));
CREATE TABLE notebook (id VARCHAR(32) NOT NULL PRIMARY KEY, name VARCHAR(128) NOT NULL,
  assignment_id VARCHAR(32) REFERENCES assignment (id), kernelspec VARCHAR(1024), UNIQUE (name, assignment_id));
CREATE TABLE submitted_assignment (id VARCHAR(32) NOT NULL PRIMARY KEY,
  assignment_id VARCHAR(32) REFERENCES assignment (id), student_id VARCHAR(128) REFERENCES student (id),
  timestamp DATETIME, extension DATETIME, UNIQUE (assignment_id, student_id));
CREATE TABLE base_cell (id VARCHAR(32) NOT NULL PRIMARY KEY, name VARCHAR(128) NOT NULL,
  notebook_id VARCHAR(32) NOT NULL REFERENCES notebook (id), type VARCHAR(50), UNIQUE (name, notebook_id, type));
CREATE TABLE source_cell (id VARCHAR(32) NOT NULL PRIMARY KEY, name VARCHAR(128) NOT NULL,
  cell_type VARCHAR(8) NOT NULL, locked BOOLEAN NOT NULL, source TEXT, checksum VARCHAR(128),
  notebook_id VARCHAR(32) REFERENCES notebook (id), UNIQUE (name, notebook_id));
CREATE TABLE submitted_notebook (id VARCHAR(32) NOT NULL PRIMARY KEY,
  assignment_id VARCHAR(32) REFERENCES submitted_assignment (id), notebook_id VARCHAR(32) REFERENCES notebook (id),
  flagged BOOLEAN, late_submission_penalty FLOAT, UNIQUE (notebook_id, assignment_id));
CREATE TABLE grade_cells (id VARCHAR(32) NOT NULL PRIMARY KEY REFERENCES base_cell (id), max_score FLOAT NOT NULL,
  cell_type VARCHAR(8) NOT NULL);
CREATE TABLE solution_cells (id VARCHAR(32) NOT NULL PRIMARY KEY REFERENCES base_cell (id));
CREATE TABLE task_cells (id VARCHAR(32) NOT NULL PRIMARY KEY REFERENCES base_cell (id), max_score FLOAT NOT NULL,
  cell_type VARCHAR(8) NOT NULL);
CREATE TABLE grade (id VARCHAR(32) NOT NULL PRIMARY KEY, notebook_id VARCHAR(32) REFERENCES submitted_notebook (id),
  cell_id VARCHAR(32) REFERENCES base_cell (id), auto_score FLOAT, manual_score FLOAT, extra_credit FLOAT,
  needs_manual_grade BOOLEAN NOT NULL, UNIQUE (cell_id, notebook_id));
CREATE TABLE comment (id VARCHAR(32) NOT NULL PRIMARY KEY, notebook_id VARCHAR(32) REFERENCES submitted_notebook (id),
  cell_id VARCHAR(32) REFERENCES base_cell (id), auto_comment TEXT, manual_comment TEXT,
  UNIQUE (cell_id, notebook_id));
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL);
INSERT INTO alembic_version VALUES ('e43177bfe90b');
"""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written."""

    students: int
    assignments: int
    submissions: int


@dataclass
class _Writer:
    """The gradebook under way; ids of what is in it already."""

    database: sqlite3.Connection
    notebooks: dict[tuple[str, str], str] = field(default_factory=dict)
    cells: dict[tuple[str, str, str], list[tuple[str, str]]] = field(default_factory=dict)

    def cells_of(self, assignment: str, path: str) -> list[tuple[tuple[str, str, str], list[tuple[str, str]]]]:
        """Return the cells of a notebook, each with the kinds under which it is kept."""
        return [(key, made) for key, made in self.cells.items() if key[:2] == (assignment, path)]

    def add(self, table: str, *values: object, key: str | None = None) -> str:
        """Add a row under a new id, or under `key`."""
        made = key if key is not None else uuid4().hex
        places = ", ".join("?" * (len(values) + 1))
        self.database.execute(f"INSERT INTO {table} VALUES ({places})", (made, *values))  # noqa: S608 - own names
        return made


def export_course(session: Session, course: CourseRow, blobs: Blobs, folder: Path) -> ExportReport:
    """Write a course into a folder that is empty or does not exist.

    Students who hand in as a group get a copy each, as nbgrader knows no groups.

    Raises
    ------
    InvalidError
        There is something in the folder.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InvalidError(f"{folder} is not empty; nothing was written.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nbgrader_config.py").write_text(CONFIG.format(course=course.id), encoding="utf-8")
    students = courses.people(session, course.id, CourseRole.STUDENT)
    rows = [row for row in assignments.of_course(session, course.id) if row.released is not None]
    written = 0
    with closing(sqlite3.connect(folder / DATABASE)) as database, database:
        database.executescript(_SCHEMA)
        writer = _Writer(database)
        writer.add("course", key=course.id)
        for person in students:
            person_row = (person.first_name, person.last_name, person.email, None)
            writer.add("student", *person_row, key=person.user_name)
        for row in rows:
            version = assignments.released_version(row)
            _write_files(folder / "source" / row.name, get_files(blobs, version.source_manifest))
            _write_files(folder / "release" / row.name, get_files(blobs, version.released_manifest))
            assignment = _add_assignment(writer, course, row, get_files(blobs, version.graded_manifest))
            counted = {found.user_name: found for found in submissions.counted(session, row.id)}
            for person in students:
                found = counted.get(groups.owner_for(row, person.user_name, person.group_name))
                if found is not None:
                    _add_submission(session, writer, blobs, folder, assignment, person, found)
                    written += 1
    return ExportReport(len(students), len(rows), written)


def _add_assignment(writer: _Writer, course: CourseRow, row: AssignmentRow, graded: Mapping[str, bytes]) -> str:
    due = assignments.schedule_from_json(row.schedule).due_at
    assignment = writer.add("assignment", row.name, _time(due) if due else None, course.id)
    for path in sorted(filter(is_notebook, graded)):
        notebook = read_notebook(graded[path], path)
        kernel = str(notebook.metadata.get("kernelspec", {}).get("name", "python3"))
        key = writer.add("notebook", path.removesuffix(".ipynb"), assignment, f'{{"name": "{kernel}"}}')
        writer.notebooks[row.name, path] = key
        for cell in notebook.cells:
            role = role_of(cell)
            if role is not None:
                writer.cells[row.name, path, role.grade_id] = _add_cell(writer, key, cell, role)
    return assignment


def _add_cell(writer: _Writer, notebook: str, cell: NotebookNode, role: CellRole) -> list[tuple[str, str]]:
    """Add a cell under each part that it plays; return kind and id of each."""
    made: list[tuple[str, str]] = []
    values = {"GradeCell": (role.points, cell.cell_type), "SolutionCell": (), "TaskCell": (role.points, cell.cell_type)}
    tables = {"GradeCell": "grade_cells", "SolutionCell": "solution_cells", "TaskCell": "task_cells"}
    plays = {"GradeCell": role.grade, "SolutionCell": role.solution, "TaskCell": role.task}
    for kind, table in tables.items():
        if plays[kind]:
            key = writer.add("base_cell", role.grade_id, notebook, kind)
            writer.add(table, *values[kind], key=key)
            made.append((kind, key))
    if role.grade or role.solution or role.is_locked:
        writer.add("source_cell", role.grade_id, cell.cell_type, role.is_locked, cell.source, role.checksum, notebook)
    return made


def _add_submission(
    session: Session,
    writer: _Writer,
    blobs: Blobs,
    folder: Path,
    assignment: str,
    person: EnrolmentRow,
    submission: SubmissionRow,
) -> None:
    name, student = submission.assignment.name, person.user_name
    files = get_files(blobs, submission.manifest)
    stamp = {"timestamp.txt": f"{_time(submission.received_at)} UTC".encode()}
    _write_files(folder / "submitted" / student / name, {**files, **stamp})
    grading = session.get(GradingRow, submission.grading_id) if submission.grading_id else None
    if grading is not None:
        executed = get_files(blobs, grading.executed_manifest)
        _write_files(folder / "autograded" / student / name, {**files, **executed, **stamp})
    key = writer.add("submitted_assignment", assignment, student, _time(submission.received_at), None)
    scores = results.effective_scores(session, submission)
    for path in assignments.structure_of(submission.version).notebooks:
        if (name, path) not in writer.notebooks:
            continue
        own = [score for score in scores if score.notebook == path]
        penalty = submission.penalty_fraction * sum(score.score or 0.0 for score in own)
        notebook = writer.add("submitted_notebook", key, writer.notebooks[name, path], False, penalty)
        _add_grades(writer, name, path, notebook, own)


def _add_grades(writer: _Writer, name: str, path: str, notebook: str, scores: Sequence[EffectiveScore]) -> None:
    """Add a grade for every graded cell and a comment, be it empty, for every answer: nbgrader relies on both."""
    own = {score.grade_id: score for score in scores}
    for (_, _, grade_id), cells in writer.cells_of(name, path):
        score = own.get(grade_id)
        comment = (score.auto_comment or None, score.comment or None) if score is not None else (None, None)
        kinds = {kind for kind, _ in cells}
        for kind, cell in cells:
            if kind != "SolutionCell":
                values = (score.auto_score, score.manual_score, score.extra_credit) if score else (None, None, 0.0)
                writer.add("grade", notebook, cell, *values, score is None or score.needs_manual)
            if kind != "GradeCell" or ("SolutionCell" not in kinds and any(comment)):
                writer.add("comment", notebook, cell, *comment)


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).strftime("%Y-%m-%d %H:%M:%S.%f")
