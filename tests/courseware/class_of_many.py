"""A large class in the database, made without running anything: for what must not get slower with its size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import event, insert
from sqlalchemy.orm import Session

from courseware import assignments, courses, migrate
from courseware.courses import Person
from courseware.models import CellScoreRow, GradingRow, MarkRow, SubmissionRow
from courseware.notebooks import write_notebook
from courseware.policy import Caller
from courseware.store import put_files
from hub.blobs import FolderBlobStore
from hub.data.engine import Database
from tests.courseware.small_assignment import NAME, source_notebook

NOW = datetime(2026, 11, 2, tzinfo=UTC)


def large_class(folder: Path, students: int, count: int) -> Database:
    """Return a database with a graded class."""
    database = Database(f"sqlite:///{folder / 'large.sqlite'}")
    migrate(database.engine)
    blobs = FolderBlobStore(folder / "blobs")
    stored = assignments.store_version(blobs, {NAME: write_notebook(source_notebook())})
    work = put_files(blobs, {NAME: write_notebook(source_notebook())}).digest

    def make(session: Session) -> None:
        course = courses.create(session, "large", "Large", instructors=["ada"], by=Caller("root", True), now=NOW)
        names = [f"student{number:03}" for number in range(students)]
        for name in names:
            courses.enrol(session, course, Person(name), by="ada", now=NOW)
        for number in range(count):
            row = assignments.create(session, course, f"ps{number}", category="homework", by="ada", now=NOW)
            version = assignments.add_version(session, row, stored, by="ada", now=NOW)
            assignments.release(session, row, version, by="ada", now=NOW)
            _hand_in(session, row.id, version.id, names, assignments.structure_of(version).cells, work)

    database.run(make)
    return database


def _hand_in(session: Session, assignment: int, version: int, names: list[str], cells: object, work: str) -> None:
    first = assignment * 100_000
    ids = range(first, first + len(names))
    session.execute(
        insert(SubmissionRow),
        [
            {
                "id": number, "assignment_id": assignment, "version_id": version, "user_name": name,
                "request_key": "k", "manifest": work, "received_at": NOW, "receipt": {}, "state": "graded",
                "raw_score": 5.0, "score": 5.0, "points": 10.0, "grading_id": number,
            }
            for number, name in zip(ids, names, strict=True)
        ],
    )  # fmt: skip
    session.execute(
        insert(GradingRow),
        [
            {
                "id": number, "submission_id": number, "version_id": version, "state": "current", "seed": 1,
                "environment": {}, "findings": [], "executed_manifest": work, "created_at": NOW,
            }
            for number in ids
        ],
    )  # fmt: skip
    session.execute(
        insert(CellScoreRow),
        [
            {
                "grading_id": number, "notebook": cell.notebook, "grade_id": cell.grade_id, "position": place,
                "points": cell.points, "score": 1.0,
            }
            for number in ids
            for place, cell in enumerate(cells)  # type: ignore[call-overload]
        ],
    )  # fmt: skip
    session.execute(
        insert(MarkRow),
        [
            {"submission_id": number, "notebook": NAME, "grade_id": "visible", "score": 2.0, "by": "ada", "at": NOW}
            for number in ids
        ],
    )


@contextmanager
def counted_queries(database: Database) -> Iterator[Callable[[], int]]:
    """Count the statements that are sent meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield lambda: len(seen)
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
