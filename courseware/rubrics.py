"""Rubrics as they are: the library of a course, what is offered at a cell, the score that follows from items."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from courseware.errors import InvalidError, NotFoundError
from courseware.models import MarkRow, SubmissionRow
from courseware.rubric_models import RubricItemRow, RubricRow, RubricUseRow

Cell = tuple[str, str]  # notebook and grade id


@dataclass(frozen=True, slots=True)
class OfferedItem:
    """A line of a rubric where a cell is marked.

    Attributes
    ----------
    rubric_id, rubric
        The rubric it belongs to: its id and name.
    is_removed
        Whether it is kept only because a mark names it.
    """

    id: int
    rubric_id: int
    rubric: str
    notebook: str
    grade_id: str
    text: str
    points: float
    is_removed: bool


def score_of(points: float, items: Iterable[float]) -> float:
    """Return what a cell gets: its points and what the items add or take, from 0 to its points."""
    return min(max(points + sum(items), 0.0), points)


def of_course(session: Session, course_id: str) -> Sequence[RubricRow]:
    """Return the rubrics of a course by name."""
    query = select(RubricRow).where(RubricRow.course_id == course_id).order_by(RubricRow.name, RubricRow.id)
    return session.scalars(query).all()


def get(session: Session, course_id: str, rubric_id: int) -> RubricRow:
    """Return a rubric.

    Raises
    ------
    NotFoundError
        The course has none of the id.
    """
    row = session.get(RubricRow, rubric_id)
    if row is None or row.course_id != course_id:
        raise NotFoundError(f"There is no rubric {rubric_id} in “{course_id}”.")
    return row


def offered(session: Session, assignment_id: int, kept: Collection[int] = ()) -> list[OfferedItem]:
    """Return the items that are offered at the cells of an assignment, and those of `kept` though they were removed."""
    query = (
        select(RubricItemRow, RubricRow.name, RubricUseRow.notebook, RubricUseRow.grade_id)
        .join(RubricRow, RubricRow.id == RubricItemRow.rubric_id)
        .join(RubricUseRow, RubricUseRow.rubric_id == RubricRow.id)
        .where(
            RubricUseRow.assignment_id == assignment_id,
            or_(RubricItemRow.removed_at.is_(None), RubricItemRow.id.in_(kept)),
        )
        .order_by(RubricRow.id, RubricItemRow.position, RubricItemRow.id)
    )
    return [
        OfferedItem(row.id, row.rubric_id, name, notebook, grade_id, row.text, row.points, row.removed_at is not None)
        for row, name, notebook, grade_id in session.execute(query)
    ]


def score_from(
    session: Session, assignment_id: int, cell: Cell, points: float, items: Sequence[int], kept: Collection[int]
) -> float:
    """Return the score that follows from items of the rubrics of a cell.

    Parameters
    ----------
    session
        The transaction.
    assignment_id, cell
        What is marked.
    points
        Of the cell.
    items
        Ids of those that apply.
    kept
        Ids that the mark has already: they count though they were removed from the rubric.

    Raises
    ------
    InvalidError
        An item is none of the cell's.
    """
    known = {
        item.id: item.points for item in offered(session, assignment_id, kept) if (item.notebook, item.grade_id) == cell
    }
    unknown = [item for item in items if item not in known]
    if unknown:
        raise InvalidError(f"The rubric of {cell[1]} has no item {unknown[0]}.")
    return score_of(points, (known[item] for item in dict.fromkeys(items)))


def marks_with(session: Session, rubrics: Sequence[RubricRow]) -> Mapping[int, list[tuple[MarkRow, SubmissionRow]]]:
    """Return the marks that name an item of rubrics, by rubric; those of submissions that do not count, too."""
    rubric_of = {item.id: rubric.id for rubric in rubrics for item in rubric.items}
    assignments = {use.assignment_id for rubric in rubrics for use in rubric.uses}
    rows = session.execute(
        select(MarkRow, SubmissionRow)
        .join(SubmissionRow, SubmissionRow.id == MarkRow.submission_id)
        .where(SubmissionRow.assignment_id.in_(assignments))
        .order_by(MarkRow.submission_id, MarkRow.notebook, MarkRow.grade_id)
    )
    found: dict[int, list[tuple[MarkRow, SubmissionRow]]] = defaultdict(list)
    for mark, submission in rows:
        for rubric_id in {rubric_of[item] for item in mark.rubric_items if item in rubric_of}:
            found[rubric_id].append((mark, submission))
    return found
