"""Whose work is to be collected: the deadline has passed, nothing was handed in, the assignment asks for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from courseware import assignments, groups
from courseware.deadlines import Accommodation, deadline_of
from courseware.models import (
    AccommodationRow,
    AssignmentRow,
    CollectionRow,
    CourseRow,
    EnrolmentRow,
    GroupRow,
    OpeningRow,
    SubmissionRow,
)
from courseware.policy import CourseRole


@dataclass(frozen=True, slots=True)
class DueWork:
    """Work to be taken from a project.

    Attributes
    ----------
    assignment_id, folder
        Which assignment; its name is that of the folder in the project.
    owner
        Whose: a student, or a group behind `@`.
    user_name
        The student in whose name it is taken; of a group, the one with the latest deadline.
    project_id
        Where it lies.
    due_at
        The deadline that has passed, by which lateness is judged.
    """

    assignment_id: int
    folder: str
    owner: str
    user_name: str
    project_id: str
    due_at: datetime


def due_work(session: Session, now: datetime) -> list[DueWork]:
    """Return what is to be collected now. Who has been granted more time is waited for.

    An owner is looked at once for a deadline: again only when it was moved on afterwards.
    """
    rows = session.scalars(
        select(AssignmentRow)
        .join(CourseRow, CourseRow.id == AssignmentRow.course_id)
        .where(AssignmentRow.released_version_id.is_not(None), CourseRow.archived_at.is_(None))
    )
    return [
        work for row in rows if row.settings.get("collect_at_deadline") for work in _of_assignment(session, row, now)
    ]


def note(session: Session, work: DueWork, submission_id: int | None, now: datetime) -> None:
    """Note that work was looked for; `None`: there was none."""
    row = session.get(CollectionRow, (work.assignment_id, work.owner))
    if row is None:
        row = CollectionRow(assignment_id=work.assignment_id, owner=work.owner)
        session.add(row)
    row.due_at, row.at, row.submission_id = work.due_at, now, submission_id


def _of_assignment(session: Session, row: AssignmentRow, now: datetime) -> list[DueWork]:
    submitted = set(session.scalars(select(SubmissionRow.user_name).where(SubmissionRow.assignment_id == row.id)))
    collected = {
        found.owner: found.due_at
        for found in session.scalars(select(CollectionRow).where(CollectionRow.assignment_id == row.id))
    }
    projects = dict(
        session.execute(select(GroupRow.name, GroupRow.project_id).where(GroupRow.course_id == row.course_id)).all()
    )
    latest: dict[str, DueWork] = {}
    waiting: set[str] = set()
    for person, due in _deadlines(session, row):
        owner = groups.owner_for(row, person.user_name, person.group_name)
        project = projects.get(person.group_name) if owner != person.user_name else person.project_id
        if due is None or owner in submitted or project is None:
            continue
        if now <= due + timedelta(seconds=_grace(row)):
            waiting.add(owner)
        elif owner not in latest or latest[owner].due_at < due:
            latest[owner] = DueWork(row.id, row.name, owner, person.user_name, project, due)
    return [
        work
        for owner, work in latest.items()
        if owner not in waiting and (owner not in collected or collected[owner] < work.due_at)
    ]


def _deadlines(session: Session, row: AssignmentRow) -> list[tuple[EnrolmentRow, datetime | None]]:
    """Return each student with when the assignment is due for them; `None`: never, or they are excused."""
    granted: Mapping[tuple[str, str], list[Accommodation]] = defaultdict(list)
    for found in session.scalars(select(AccommodationRow).where(AccommodationRow.assignment_id == row.id)):
        granted[found.user_name, found.section].append(assignments.accommodation_of(found))
    opened = dict(
        session.execute(
            select(OpeningRow.user_name, OpeningRow.opened_at).where(OpeningRow.assignment_id == row.id)
        ).all()
    )
    students = session.scalars(
        select(EnrolmentRow).where(
            EnrolmentRow.course_id == row.course_id,
            EnrolmentRow.role == CourseRole.STUDENT.value,
            EnrolmentRow.ended_at.is_(None),
        )
    )
    schedule = assignments.schedule_from_json(row.schedule)
    dues: list[tuple[EnrolmentRow, datetime | None]] = []
    for person in students:
        own = granted.get((person.user_name, ""), [])
        own = [*own, *(granted.get(("", person.section), []) if person.section else [])]
        deadline = deadline_of(schedule, own, opened.get(person.user_name))
        dues.append((person, None if deadline.is_excused else deadline.due_at))
    return dues


def _grace(row: AssignmentRow) -> float:
    return assignments.schedule_from_json(row.schedule).grace.total_seconds()
