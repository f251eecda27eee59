"""Columns of the gradebook that people fill in: participation, a presentation, an exam on paper."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courseware.courses import people, record
from courseware.errors import ConflictError, InvalidError, NotFoundError
from courseware.manual_column_models import ColumnScoreRow, ManualColumnRow
from courseware.models import AssignmentRow, CourseRow
from courseware.policy import CourseRole

MOST_POINTS = 1_000_000
NAME_LIMIT_CHARACTERS = 64
PERSON_FIELDS = ("user_name", "student_id", "last_name", "first_name", "email", "section")
TOTAL_FIELDS = ("total", "letter")
_CONFLICTS_NAMED = 5


@dataclass(frozen=True, slots=True)
class ColumnSettings:
    """What a column is.

    Attributes
    ----------
    name
        Unique among the columns and assignments of the course.
    category
        Of the gradebook.
    points
        Most points.
    is_extra_credit
        Whether its points add to the grade and never lower it.
    is_returned
        Whether students see their score, and it counts in what they see.
    """

    name: str
    category: str
    points: float
    is_extra_credit: bool = False
    is_returned: bool = False


@dataclass(frozen=True, slots=True)
class ColumnEntry:
    """A score to set.

    Attributes
    ----------
    user_name
        Of the student.
    score
        From 0 to the points of the column; `None`: none yet, which leaves it out of the grade.
    revision
        Of the score that the person saw, 0 when there was none.
    is_excused
        Whether the column does not count for them.
    note
        Why; staff see it. `None` leaves it as it is.
    """

    user_name: str
    score: float | None
    revision: int
    is_excused: bool = False
    note: str | None = None


def create(session: Session, course: CourseRow, given: ColumnSettings, *, by: str, now: datetime) -> ManualColumnRow:
    """Add a column.

    Raises
    ------
    InvalidError, ConflictError
        The name or the points cannot be used, or the name is taken.
    """
    given = _checked(session, course.id, given, None)
    row = ManualColumnRow(course_id=course.id, created_at=now, revision=1)
    _fill(row, given)
    session.add(row)
    session.flush()
    record(session, course.id, now, by, "column.create", row.name, after=_described(row))
    return row


def get(session: Session, course_id: str, column_id: int) -> ManualColumnRow:
    """Return a column, also one that was removed.

    Raises
    ------
    NotFoundError
        The course has none of the id.
    """
    row = session.get(ManualColumnRow, column_id)
    if row is None or row.course_id != course_id:
        raise NotFoundError(f"There is no column {column_id} in the gradebook of “{course_id}”.")
    return row


def of_course(session: Session, course_id: str) -> Sequence[ManualColumnRow]:
    """Return the columns of a course in the order in which they were made, without those that were removed."""
    query = select(ManualColumnRow).where(ManualColumnRow.course_id == course_id, ManualColumnRow.removed_at.is_(None))
    return session.scalars(query.order_by(ManualColumnRow.id)).all()


def change(
    session: Session, column: ManualColumnRow, given: ColumnSettings, *, revision: int, by: str, now: datetime
) -> None:
    """Change what a column is; all grades follow.

    Raises
    ------
    ConflictError
        Somebody else changed it, or a score is above the new points.
    InvalidError
        The name or the points cannot be used.
    """
    if column.revision != revision:
        raise ConflictError(f"Somebody changed the column “{column.name}” meanwhile. Look at it and try again.")
    given = _checked(session, column.course_id, given, column.id)
    above = [row for row in current_scores(session, [column.id]).values() if (row.score or 0.0) > given.points]
    if above:
        told = f"{above[0].user_name} has {above[0].score:g}"
        raise ConflictError(f"“{column.name}” cannot have {given.points:g} points: {told}. Change the score first.")
    before = _described(column)
    _fill(column, given)
    column.revision += 1
    session.flush()
    record(session, column.course_id, now, by, "column.change", column.name, before=before, after=_described(column))


def remove(session: Session, column: ManualColumnRow, *, by: str, now: datetime) -> None:
    """Take a column out of the gradebook; its scores are kept, and `restore` brings them back."""
    if column.removed_at is None:
        column.removed_at = now
        session.flush()
        record(session, column.course_id, now, by, "column.remove", column.name, before=_described(column))


def restore(session: Session, column: ManualColumnRow, *, by: str, now: datetime) -> None:
    """Bring a removed column back, with its scores.

    Raises
    ------
    ConflictError
        Its name is taken meanwhile.
    """
    if column.removed_at is not None:
        _check_name_is_free(session, column.course_id, column.name, column.id)
        column.removed_at = None
        session.flush()
        record(session, column.course_id, now, by, "column.restore", column.name, after=_described(column))


def current_scores(
    session: Session, column_ids: Collection[int], user_names: Collection[str] | None = None
) -> dict[tuple[int, str], ColumnScoreRow]:
    """Return the scores that count, by column and student."""
    query = select(ColumnScoreRow).where(ColumnScoreRow.column_id.in_(column_ids), ColumnScoreRow.is_current)
    if user_names is not None:
        query = query.where(ColumnScoreRow.user_name.in_(user_names))
    return {(row.column_id, row.user_name): row for row in session.scalars(query)}


def history(session: Session, column: ManualColumnRow, user_name: str) -> Sequence[ColumnScoreRow]:
    """Return every score that a student was given in a column, the newest first."""
    query = select(ColumnScoreRow).where(ColumnScoreRow.column_id == column.id, ColumnScoreRow.user_name == user_name)
    return session.scalars(query.order_by(ColumnScoreRow.revision.desc())).all()


def set_scores(
    session: Session, column: ManualColumnRow, entries: Sequence[ColumnEntry], *, by: str, now: datetime
) -> list[ColumnScoreRow]:
    """Set scores of a column, all or none; return those that count now.

    Raises
    ------
    ConflictError
        Somebody else was faster (the message says who and to what), or the column was removed.
    InvalidError
        A score is out of range, or somebody is no student of the course.
    """
    if column.removed_at is not None:
        raise ConflictError(f"The column “{column.name}” was removed.")
    students = {person.user_name for person in people(session, column.course_id, CourseRole.STUDENT)}
    for entry in entries:
        if entry.user_name not in students:
            raise InvalidError(f"“{entry.user_name}” is no student of “{column.course_id}”.")
        if problem := problem_of(entry.score, column.points):
            raise InvalidError(f"{entry.user_name}: {problem}")
    if len({entry.user_name for entry in entries}) != len(entries):
        raise InvalidError("A student is named twice.")
    present = current_scores(session, [column.id], [entry.user_name for entry in entries])
    pairs = [(entry, present.get((column.id, entry.user_name))) for entry in entries]
    _check_revisions(column, pairs)
    made = [_set(session, column, entry, row, by, now) for entry, row in pairs]
    session.flush()
    return made


def problem_of(score: float | None, points: float) -> str:
    """Return why a score cannot be set; nothing when it can."""
    if score is None or 0 <= score <= points:
        return ""
    if not math.isfinite(score):
        return f"{score} is not a score."
    return f"{score:g} is not from 0 to {points:g}; use a column of extra credit for more."


def value_text(score: float | None, is_excused: bool) -> str:
    """Return a score as people read it."""
    return "excused" if is_excused else "none" if score is None else f"{score:g}"


def heading(name: str, column_id: int) -> str:
    """Return what stands above a column in an export; the id finds it again when it was renamed meanwhile."""
    return f"{name} (column {column_id})"


def is_named(session: Session, course_id: str, name: str) -> bool:
    """Return whether a column of a course has a name; case does not matter."""
    return any(row.name.casefold() == name.casefold() for row in of_course(session, course_id))


def _set(
    session: Session, column: ManualColumnRow, entry: ColumnEntry, row: ColumnScoreRow | None, by: str, now: datetime
) -> ColumnScoreRow:
    score = None if entry.is_excused else entry.score
    note = entry.note if entry.note is not None else row.note if row is not None else ""
    if row is not None:
        if (row.score, row.is_excused, row.note) == (score, entry.is_excused, note):
            return row
        row.is_current = False
    made = ColumnScoreRow(
        column_id=column.id,
        user_name=entry.user_name,
        revision=entry.revision + 1,
        is_current=True,
        score=score,
        is_excused=entry.is_excused,
        note=note,
        by=by,
        at=now,
    )
    session.add(made)
    before = value_text(row.score, row.is_excused) if row is not None else "none"
    after = value_text(score, entry.is_excused) + (f" ({note})" if note else "")
    subject = f"{column.name}: {entry.user_name}"
    record(session, column.course_id, now, by, "column.score", subject, before=before, after=after)
    return made


def _check_revisions(column: ManualColumnRow, pairs: Sequence[tuple[ColumnEntry, ColumnScoreRow | None]]) -> None:
    told = [
        f"{row.by} set {row.user_name} to {value_text(row.score, row.is_excused)}" if row is not None else "it is gone"
        for entry, row in pairs
        if entry.revision != (row.revision if row is not None else 0)
    ]
    if told:
        more = f" and {len(told) - _CONFLICTS_NAMED} more" if len(told) > _CONFLICTS_NAMED else ""
        named = "; ".join(told[:_CONFLICTS_NAMED]) + more
        raise ConflictError(f"Somebody changed “{column.name}” meanwhile: {named}. Look at it and try again.")


def _checked(session: Session, course_id: str, given: ColumnSettings, own_id: int | None) -> ColumnSettings:
    name, category = given.name.strip(), given.category.strip()
    if not name or len(name) > NAME_LIMIT_CHARACTERS or not name.isprintable():
        raise InvalidError(f"{given.name!r} cannot name a column: use 1 to {NAME_LIMIT_CHARACTERS} characters.")
    if not category or len(category) > NAME_LIMIT_CHARACTERS or not category.isprintable():
        raise InvalidError(f"{given.category!r} cannot name a category.")
    if not 0 < given.points <= MOST_POINTS:
        raise InvalidError(f"A column has more than 0 and at most {MOST_POINTS} points, not {given.points:g}.")
    _check_name_is_free(session, course_id, name, own_id)
    return ColumnSettings(name, category, given.points, given.is_extra_credit, given.is_returned)


def _check_name_is_free(session: Session, course_id: str, name: str, own_id: int | None) -> None:
    names = list(session.scalars(select(AssignmentRow.name).where(AssignmentRow.course_id == course_id)))
    names += [row.name for row in of_course(session, course_id) if row.id != own_id]
    if name.casefold() in {taken.casefold() for taken in (*names, *PERSON_FIELDS, *TOTAL_FIELDS)}:
        raise ConflictError(f"The gradebook has “{name}” already; choose another name.")


def _fill(row: ManualColumnRow, given: ColumnSettings) -> None:
    row.name, row.category, row.points = given.name, given.category, given.points
    row.is_extra_credit, row.is_returned = given.is_extra_credit, given.is_returned


def _described(row: ManualColumnRow) -> str:
    parts = [row.name, f"{row.points:g} points", row.category]
    parts += ["extra credit"] if row.is_extra_credit else []
    return ", ".join([*parts, "returned" if row.is_returned else "not returned"])
