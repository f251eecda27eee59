"""Take over an nbgrader course directory: students, assignments, submissions, scores and comments."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePath

from sqlalchemy.orm import Session

from courseware import assignments, autotests, courses, results, submissions
from courseware.autotest_templates import FILE_NAME
from courseware.courses import Person
from courseware.deadlines import Schedule
from courseware.errors import FormatError, InvalidError
from courseware.folders import contents
from courseware.models import AssignmentRow, CellScoreRow, CourseRow, GradingRow, MarkRow, SubmissionRow, VersionRow
from courseware.store import Blobs, Manifest, put_files
from courseware.structure import GeneratedVersion

IMPORTER = "import"
DATABASE = "gradebook.db"
Stored = tuple[GeneratedVersion, str, str, str]
_SCORES = """
SELECT a.name, sa.student_id, n.name, c.name, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade
FROM grade g JOIN submitted_notebook sn ON g.notebook_id = sn.id
JOIN submitted_assignment sa ON sn.assignment_id = sa.id
JOIN assignment a ON sa.assignment_id = a.id
JOIN base_cell c ON g.cell_id = c.id JOIN notebook n ON c.notebook_id = n.id
"""
_COMMENTS = """
SELECT a.name, sa.student_id, n.name, c.name, k.manual_comment, k.auto_comment
FROM comment k JOIN submitted_notebook sn ON k.notebook_id = sn.id
JOIN submitted_assignment sa ON sn.assignment_id = sa.id
JOIN assignment a ON sa.assignment_id = a.id
JOIN base_cell c ON k.cell_id = c.id JOIN notebook n ON c.notebook_id = n.id
"""
_PENALTIES = """
SELECT a.name, sa.student_id, sum(coalesce(sn.late_submission_penalty, 0))
FROM submitted_notebook sn JOIN submitted_assignment sa ON sn.assignment_id = sa.id
JOIN assignment a ON sa.assignment_id = a.id GROUP BY a.name, sa.student_id
"""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What was taken over, and what could not be.

    Attributes
    ----------
    skipped
        One sentence per thing that was left out, with the reason.
    """

    students: int
    assignments: int
    submissions: int
    scores: int
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Cell:
    auto: float | None
    manual: float | None
    extra: float
    needs_manual: bool


@dataclass
class _Gradebook:
    students: list[tuple[str, str, str, str]] = field(default_factory=list)
    due: dict[str, datetime | None] = field(default_factory=dict)
    received: dict[tuple[str, str], datetime] = field(default_factory=dict)
    cells: dict[tuple[str, str], dict[tuple[str, str], _Cell]] = field(default_factory=lambda: defaultdict(dict))
    comments: dict[tuple[str, str], dict[tuple[str, str], tuple[str, str]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    penalties: dict[tuple[str, str], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CourseDirectory:
    """What an nbgrader course directory holds, its files in the blob store.

    Attributes
    ----------
    versions
        By name of the assignment.
    manifests
        Of submitted files, by assignment and student.
    """

    gradebook: _Gradebook
    versions: Mapping[str, Stored]
    manifests: Mapping[tuple[str, str], object]
    skipped: tuple[str, ...]


def read_course_directory(
    folder: Path, blobs: Blobs, prepare: Callable[[Mapping[str, bytes]], Mapping[str, bytes]] | None = None
) -> CourseDirectory:
    """Read an nbgrader course directory; to be done outside a transaction.

    `prepare` writes out autotests, see `courseware.autotests.instantiate`; without it, assignments that have some are
    skipped.

    Raises
    ------
    InvalidError
        It is none: it has no folder `source`.
    """
    if not (folder / "source").is_dir():
        raise InvalidError(f"{folder} is no nbgrader course: it has no folder “source”.")
    gradebook = _read_gradebook(folder / DATABASE) if (folder / DATABASE).is_file() else _Gradebook()
    versions: dict[str, Stored] = {}
    skipped: list[str] = []
    for path in sorted(p for p in (folder / "source").iterdir() if p.is_dir()):
        try:
            source = _files(path)
            if autotests.has_autotests(source) and (folder / FILE_NAME).is_file():
                source.setdefault(FILE_NAME, (folder / FILE_NAME).read_bytes())
            prepared = prepare(source) if prepare is not None else None
            versions[path.name] = assignments.store_version(blobs, source, prepared)
        except FormatError as error:
            skipped.append(f"assignment {path.name}: {error.detail}")
    manifests = {}
    for path in sorted((folder / "submitted").glob("*/*")):
        if path.is_dir():
            manifests[path.name, path.parent.name] = put_files(blobs, _files(path))
            received = _timestamp(path / "timestamp.txt")
            if received is not None:
                gradebook.received.setdefault((path.name, path.parent.name), received)
    return CourseDirectory(gradebook, versions, manifests, tuple(skipped))


def import_course(
    session: Session, course: CourseRow, found: CourseDirectory, *, key: bytes, now: datetime
) -> ImportReport:
    """Put what was read into a course; what is there already is not doubled.

    Scores of nbgrader's autograder become the current grading, manual scores and comments become marks, and the
    late penalty becomes the fraction that it was of the score.
    """
    skipped = list(found.skipped)
    students = {student for _, student in found.manifests} | {row[0] for row in found.gradebook.students}
    names = {row[0]: row for row in found.gradebook.students}
    for student in sorted(students):
        first, last, email = names.get(student, ("", "", "", ""))[1:]
        person = Person(student, first_name=first, last_name=last, email=email)
        try:
            if courses.role_in(session, course.id, student) is None:
                courses.enrol(session, course, person, by=IMPORTER, now=now)
        except InvalidError as error:
            skipped.append(f"student {student}: {error.detail}")
    known = {row.name: row for row in assignments.of_course(session, course.id)}
    scores = taken = 0
    for name, stored in found.versions.items():
        row = known.get(name) or assignments.create(session, course, name, category="assignments", by=IMPORTER, now=now)
        version = assignments.add_version(session, row, stored, by=IMPORTER, now=now)
        assignments.release(session, row, version, by=IMPORTER, now=now)
        if due := found.gradebook.due.get(name):
            assignments.set_schedule(session, row, Schedule(due_at=due), by=IMPORTER, now=now)
        for (assignment, student), manifest in found.manifests.items():
            if assignment == name and courses.role_in(session, course.id, student) is not None:
                scores += _import_submission(session, row, version, student, manifest, found.gradebook, key, now)
                taken += 1
    return ImportReport(len(students), len(found.versions), taken, scores, tuple(skipped))


def _import_submission(
    session: Session,
    row: AssignmentRow,
    version: VersionRow,
    student: str,
    manifest: object,
    gradebook: _Gradebook,
    key: bytes,
    now: datetime,
) -> int:
    which = (row.name, student)
    assert isinstance(manifest, Manifest)
    given = submissions.HandIn(student, manifest, origin="imported")
    received = gradebook.received.get(which, now)
    submission = submissions.hand_in(session, row, given, key=key, now=received, grade=which not in gradebook.cells)
    cells = gradebook.cells.get(which)
    if not cells or submission.grading_id is not None:
        return 0
    comments = gradebook.comments[which]
    grading = _grading(submission, version, cells, comments, now)
    session.add(grading)
    for place in sorted(set(cells) | set(comments)):
        cell, comment = cells.get(place), comments.get(place, ("", ""))[0]
        if comment or (cell is not None and (cell.manual is not None or cell.extra)):
            session.add(
                MarkRow(
                    submission_id=submission.id,
                    notebook=place[0],
                    grade_id=place[1],
                    score=cell.manual if cell else None,
                    extra_credit=cell.extra if cell else 0.0,
                    comment=comment,
                    rubric_items=[],
                    by=IMPORTER,
                    at=now,
                )
            )
    session.flush()
    results.make_current(session, submission, grading, by=IMPORTER, now=now)
    penalty = gradebook.penalties.get(which, 0.0)
    submission.penalty_fraction = min(1.0, penalty / submission.raw_score) if submission.raw_score and penalty else 0.0
    results.recompute(session, submission)
    return len(cells)


def _grading(
    submission: SubmissionRow,
    version: VersionRow,
    cells: Mapping[tuple[str, str], _Cell],
    comments: Mapping[tuple[str, str], tuple[str, str]],
    now: datetime,
) -> GradingRow:
    grading = GradingRow(
        submission_id=submission.id,
        version_id=version.id,
        state="current",
        seed=0,
        environment={"imported": "nbgrader"},
        findings=[],
        executed_manifest=submission.manifest,
        created_at=now,
    )
    for position, cell in enumerate(assignments.structure_of(version).cells):
        place = (cell.notebook, cell.grade_id)
        told = cells.get(place, _Cell(None, None, 0.0, True))
        grading.scores.append(
            CellScoreRow(
                notebook=cell.notebook,
                grade_id=cell.grade_id,
                position=position,
                points=cell.points,
                score=told.auto,
                comment=comments.get(place, ("", ""))[1],
                needs_review=told.needs_manual,
            )
        )
    return grading


def _read_gradebook(path: Path) -> _Gradebook:
    found = _Gradebook()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        for row in database.execute("SELECT id, first_name, last_name, email FROM student"):
            found.students.append((row[0], row[1] or "", row[2] or "", row[3] or ""))
        for name, due in database.execute("SELECT name, duedate FROM assignment"):
            found.due[name] = _time(due)
        query = (
            "SELECT a.name, s.student_id, s.timestamp FROM submitted_assignment s "
            "JOIN assignment a ON s.assignment_id = a.id"
        )
        for name, student, at in database.execute(query):
            if (received := _time(at)) is not None:
                found.received[name, student] = received
        for name, student, notebook, cell, auto, manual, extra, needs in database.execute(_SCORES):
            place = (f"{notebook}.ipynb", cell)
            found.cells[name, student][place] = _Cell(auto, manual, extra or 0.0, bool(needs))
        for name, student, notebook, cell, manual, auto in database.execute(_COMMENTS):
            found.comments[name, student][f"{notebook}.ipynb", cell] = (manual or "", auto or "")
        for name, student, penalty in database.execute(_PENALTIES):
            found.penalties[name, student] = penalty or 0.0
    return found


def _files(folder: Path) -> dict[str, bytes]:
    return {path: content for path, content in contents(folder) if PurePath(path).name != "timestamp.txt"}


def _time(value: object) -> datetime | None:
    """Nbgrader keeps times as UTC without saying so."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else None


def _timestamp(path: Path) -> datetime | None:
    if not path.is_file():
        return None
    text = path.read_text().strip().removesuffix(" UTC")
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time
