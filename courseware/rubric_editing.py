"""Changes of rubrics, and of every mark that uses them: shown before, then all in one transaction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courseware.assignments import structure_of
from courseware.courses import record
from courseware.errors import ConflictError, InvalidError, NotFoundError
from courseware.models import AssignmentRow, CourseRow, MarkRow, SubmissionRow
from courseware.results import recompute, subject_of
from courseware.rubric_models import RubricItemRow, RubricRow, RubricUseRow
from courseware.rubrics import marks_with, score_of

MOST_POINTS = 1_000_000
NAME_LIMIT_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class ItemDraft:
    """A line that a rubric is to have.

    Attributes
    ----------
    id
        Of the line that it replaces; `None` for a new one.
    """

    text: str
    points: float
    id: int | None = None


@dataclass(frozen=True, slots=True)
class MarkChange:
    """What a change of a rubric does to a mark.

    Attributes
    ----------
    before, after
        Score of the cell, without extra credit.
    is_frozen
        Whether the score was returned to its student, or the course is archived: it changes only when that is asked
        for.
    """

    submission: SubmissionRow
    notebook: str
    grade_id: str
    before: float | None
    after: float
    is_frozen: bool


def create(
    session: Session, course: CourseRow, name: str, items: Sequence[ItemDraft], *, by: str, now: datetime
) -> RubricRow:
    """Add a rubric to the library of a course.

    Raises
    ------
    InvalidError
        The name or an item cannot be used.
    """
    row = RubricRow(course_id=course.id, name=_checked_name(name), revision=1, created_at=now, items=[], uses=[])
    _check_items(row, items)
    _fill(row, items, now)
    session.add(row)
    session.flush()
    record(session, course.id, now, by, "rubric.create", row.name, after=_described(row))
    return row


def effects(session: Session, rubric: RubricRow, items: Sequence[ItemDraft]) -> list[MarkChange]:
    """Return what marks would change if the rubric had these items; nothing is changed."""
    return [change for _, change, _ in _effects(session, rubric, items)]


def change(
    session: Session,
    rubric: RubricRow,
    name: str,
    items: Sequence[ItemDraft],
    *,
    revision: int,
    include_frozen: bool,
    by: str,
    now: datetime,
) -> list[MarkChange]:
    """Change a rubric; every mark that uses it follows, frozen ones only if asked for. Return what was changed.

    Parameters
    ----------
    revision
        Of the rubric that the person saw.
    include_frozen
        Whether scores that were returned change, too.

    Raises
    ------
    ConflictError
        Somebody else changed the rubric.
    InvalidError
        The name or an item cannot be used.
    """
    if rubric.revision != revision:
        raise ConflictError(f"Somebody changed the rubric “{rubric.name}” meanwhile. Look at it and try again.")
    name, before = _checked_name(name), _described(rubric)
    found = [e for e in _effects(session, rubric, items) if include_frozen or not e[1].is_frozen]
    _fill(rubric, items, now)
    rubric.name = name
    rubric.revision += 1
    session.flush()
    for mark, changed, kept in found:
        mark.score, mark.rubric_items = changed.after, kept
        mark.revision += 1
    session.flush()
    for submission in {changed.submission.id: changed.submission for _, changed, _ in found}.values():
        recompute(session, submission)
    record(session, rubric.course_id, now, by, "rubric.set", name, before=before, after=_described(rubric))
    for _, changed, _ in found:
        _record_mark(session, changed, rubric, by, now)
    return [changed for _, changed, _ in found]


def remove(session: Session, rubric: RubricRow, *, by: str, now: datetime) -> None:
    """Take a rubric out of the library.

    Raises
    ------
    ConflictError
        Marks use it.
    """
    _check_unused(len(marks_with(session, [rubric])[rubric.id]), rubric)
    record(session, rubric.course_id, now, by, "rubric.remove", rubric.name, before=_described(rubric))
    session.delete(rubric)
    session.flush()


def attach(
    session: Session,
    rubric: RubricRow,
    assignment: AssignmentRow,
    notebook: str,
    grade_id: str,
    *,
    by: str,
    now: datetime,
) -> None:
    """Offer a rubric where a cell is marked.

    Raises
    ------
    NotFoundError
        No version of the assignment has such a cell.
    """
    cells = {(c.notebook, c.grade_id) for version in assignment.versions for c in structure_of(version).cells}
    if (notebook, grade_id) not in cells:
        raise NotFoundError(f"“{assignment.name}” has no scored cell {grade_id!r} in {notebook!r}.")
    if _use_of(rubric, assignment, notebook, grade_id) is None:
        rubric.uses.append(
            RubricUseRow(rubric_id=rubric.id, assignment=assignment, notebook=notebook, grade_id=grade_id)
        )
        session.flush()
        told = f"{assignment.name}, {notebook} {grade_id}"
        record(session, rubric.course_id, now, by, "rubric.attach", rubric.name, after=told)


def detach(
    session: Session,
    rubric: RubricRow,
    assignment: AssignmentRow,
    notebook: str,
    grade_id: str,
    *,
    by: str,
    now: datetime,
) -> None:
    """Offer a rubric at a cell no more.

    Raises
    ------
    ConflictError
        Marks of the cell use it.
    """
    use = _use_of(rubric, assignment, notebook, grade_id)
    if use is None:
        return
    using = [
        mark
        for mark, submission in marks_with(session, [rubric])[rubric.id]
        if (submission.assignment_id, mark.notebook, mark.grade_id) == (assignment.id, notebook, grade_id)
    ]
    _check_unused(len(using), rubric)
    rubric.uses.remove(use)
    session.flush()
    told = f"{assignment.name}, {notebook} {grade_id}"
    record(session, rubric.course_id, now, by, "rubric.detach", rubric.name, before=told)


def add_to_cell(
    session: Session,
    assignment: AssignmentRow,
    notebook: str,
    grade_id: str,
    draft: ItemDraft,
    *,
    by: str,
    now: datetime,
) -> RubricItemRow:
    """Add an item to the rubric that only this cell has; one is made and attached where there is none.

    Raises
    ------
    NotFoundError, InvalidError
        There is no such cell, or the item cannot be used.
    """
    here = select(RubricUseRow.rubric_id).where(
        RubricUseRow.assignment_id == assignment.id,
        RubricUseRow.notebook == notebook,
        RubricUseRow.grade_id == grade_id,
    )
    rows = session.scalars(select(RubricRow).where(RubricRow.id.in_(here)).order_by(RubricRow.id)).all()
    own = next((row for row in rows if len(row.uses) == 1), None)
    if own is None:
        course = session.get_one(CourseRow, assignment.course_id)
        own = create(session, course, f"{assignment.name}: {grade_id}"[:NAME_LIMIT_CHARACTERS], [], by=by, now=now)
        attach(session, own, assignment, notebook, grade_id, by=by, now=now)
    before = _described(own)
    _check_item(draft)
    row = RubricItemRow(position=len(own.items), text=draft.text.strip(), points=draft.points)
    own.items.append(row)
    own.revision += 1
    session.flush()
    record(session, own.course_id, now, by, "rubric.set", own.name, before=before, after=_described(own))
    return row


def _effects(
    session: Session, rubric: RubricRow, items: Sequence[ItemDraft]
) -> list[tuple[MarkRow, MarkChange, list[int]]]:
    """Return each mark that would change, how, and the items that it keeps."""
    _check_items(rubric, items)
    points = _points_of_items(session, rubric.course_id) | {draft.id: draft.points for draft in items}
    removed = {item.id for item in rubric.items} - {draft.id for draft in items}
    is_archived = session.get_one(CourseRow, rubric.course_id).archived_at is not None
    worth: dict[int, dict[tuple[str, str], float]] = {}
    found = []
    for mark, submission in marks_with(session, [rubric])[rubric.id]:
        if submission.version_id not in worth:
            cells = structure_of(submission.version).cells
            worth[submission.version_id] = {(c.notebook, c.grade_id): c.points for c in cells}
        cell = worth[submission.version_id].get((mark.notebook, mark.grade_id))
        if cell is None:
            continue  # the version it was graded against since has no such cell; its mark counts nowhere
        kept = [item for item in mark.rubric_items if item not in removed]
        after = score_of(cell, (points[item] for item in kept))
        if after == mark.score and kept == list(mark.rubric_items):
            continue
        is_frozen = is_archived or submission.assignment.feedback_released_at is not None
        found.append((mark, MarkChange(submission, mark.notebook, mark.grade_id, mark.score, after, is_frozen), kept))
    return found


def _points_of_items(session: Session, course_id: str) -> dict[int | None, float]:
    query = select(RubricItemRow.id, RubricItemRow.points).join(RubricRow, RubricRow.id == RubricItemRow.rubric_id)
    return {row.id: row.points for row in session.execute(query.where(RubricRow.course_id == course_id))}


def _fill(rubric: RubricRow, items: Sequence[ItemDraft], now: datetime) -> None:
    known = {item.id: item for item in rubric.items}
    for item in rubric.items:
        if item.removed_at is None and item.id not in {draft.id for draft in items}:
            item.removed_at = now
    for position, draft in enumerate(items):
        row = known.get(draft.id) if draft.id is not None else None
        if row is None:
            row = RubricItemRow()
            rubric.items.append(row)
        row.position, row.text, row.points, row.removed_at = position, draft.text.strip(), draft.points, None


def _check_items(rubric: RubricRow, items: Sequence[ItemDraft]) -> None:
    known = {item.id for item in rubric.items}
    ids = [draft.id for draft in items if draft.id is not None]
    unknown = [item for item in ids if item not in known]
    if unknown:
        raise NotFoundError(f"The rubric “{rubric.name}” has no item {unknown[0]}.")
    if len(set(ids)) != len(ids):
        raise InvalidError("An item is named twice.")
    for draft in items:
        _check_item(draft)


def _check_item(draft: ItemDraft) -> None:
    if not draft.text.strip():
        raise InvalidError("An item of a rubric needs a text.")
    if not math.isfinite(draft.points) or abs(draft.points) > MOST_POINTS:
        raise InvalidError(f"“{draft.text}” cannot add {draft.points:g} points.")


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LIMIT_CHARACTERS or not name.isprintable():
        raise InvalidError(f"{name!r} cannot name a rubric: use 1 to {NAME_LIMIT_CHARACTERS} characters.")
    return name


def _check_unused(marks: int, rubric: RubricRow) -> None:
    if marks:
        told = "1 mark uses" if marks == 1 else f"{marks} marks use"
        raise ConflictError(f"{told} “{rubric.name}”. Take its items out of them, or out of the rubric, first.")


def _use_of(rubric: RubricRow, assignment: AssignmentRow, notebook: str, grade_id: str) -> RubricUseRow | None:
    cell = (assignment.id, notebook, grade_id)
    return next((use for use in rubric.uses if (use.assignment_id, use.notebook, use.grade_id) == cell), None)


def _record_mark(session: Session, changed: MarkChange, rubric: RubricRow, by: str, now: datetime) -> None:
    before = "none" if changed.before is None else f"{changed.before:g}"
    subject = f"{subject_of(changed.submission)}, {changed.notebook} {changed.grade_id}"
    after = f"{changed.after:g} (rubric “{rubric.name}” changed)"
    record(session, rubric.course_id, now, by, "mark.rubric", subject, before=before, after=after)


def _described(rubric: RubricRow) -> str:
    return "; ".join(f"{item.text}: {item.points:+g}" for item in rubric.items if item.removed_at is None) or "empty"
