"""What of a course its graders grade: their limits in the database, and whose work lies within them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courseware.courses import record
from courseware.errors import InvalidError, NotFoundError
from courseware.groups import GROUP_MARK
from courseware.models import AssignmentRow, CourseRow, EnrolmentRow, SubmissionRow
from courseware.policy import Caller, CourseRole, GradingScope, grading_scope


def limits_of(person: EnrolmentRow) -> GradingScope:
    """Return what a grader is limited to."""
    return GradingScope(frozenset(person.graded_sections), frozenset(person.graded_assignments))


def scope_of(session: Session, course_id: str, caller: Caller) -> GradingScope:
    """Return what of a course somebody grades who has the right to grade in it."""
    row = session.get(EnrolmentRow, (course_id, caller.name))
    if row is None or row.ended_at is not None:
        return GradingScope()  # whether they may grade at all is not asked here
    return grading_scope(caller, CourseRole(row.role), limits_of(row))


def owners_within(session: Session, course_id: str, scope: GradingScope) -> frozenset[str] | None:
    """Return the owners of submissions, groups behind `@` included, of whose sections is `scope`; `None`: everybody.

    A group belongs to the sections of all its members. Whose enrolment has ended stays in their section.
    """
    if not scope.sections:
        return None
    query = select(EnrolmentRow.user_name, EnrolmentRow.group_name).where(
        EnrolmentRow.course_id == course_id, EnrolmentRow.section.in_(scope.sections)
    )
    found = session.execute(query).all()
    return frozenset(name for name, _ in found) | {GROUP_MARK + group for _, group in found if group}


def is_within(session: Session, scope: GradingScope, submission: SubmissionRow) -> bool:
    """Return whether somebody of this scope grades a submission."""
    if not scope.has_assignment(submission.assignment.name):
        return False
    owners = owners_within(session, submission.assignment.course_id, scope)
    return owners is None or submission.user_name in owners


def people_within(people: Sequence[EnrolmentRow], scope: GradingScope) -> list[EnrolmentRow]:
    """Return those whom somebody of this scope may know of: students of their sections, and everybody else."""
    return [person for person in people if person.role != CourseRole.STUDENT or scope.has_section(person.section)]


def set_limits(
    session: Session,
    course: CourseRow,
    user_name: str,
    *,
    sections: Collection[str] | None = None,
    assignments: Collection[str] | None = None,
    by: str,
    now: datetime,
) -> None:
    """Limit a grader to sections and assignments; an empty collection lifts a limit, `None` leaves it as it is.

    Raises
    ------
    NotFoundError
        They are not in the course.
    InvalidError
        They are no grader, or the course has no such section or assignment.
    """
    row = session.get(EnrolmentRow, (course.id, user_name))
    if row is None or row.ended_at is not None:
        raise NotFoundError(f"“{user_name}” is not enrolled in “{course.id}”.")
    if (sections or assignments) and row.role != CourseRole.GRADER:
        raise InvalidError(f"“{user_name}” is {row.role} of the course: only graders can be limited to a part of it.")
    before = _text(row)
    if sections is not None:
        _check("section", set(sections) - set(row.graded_sections), _sections(session, course.id))
        row.graded_sections = sorted(set(sections))
    if assignments is not None:
        _check("assignment", set(assignments) - set(row.graded_assignments), _assignments(session, course.id))
        row.graded_assignments = sorted(set(assignments))
    session.flush()
    if _text(row) != before:
        record(session, course.id, now, by, "grader.limits", user_name, before=before, after=_text(row))


def _sections(session: Session, course_id: str) -> set[str]:
    return set(session.scalars(select(EnrolmentRow.section).where(EnrolmentRow.course_id == course_id))) - {""}


def _assignments(session: Session, course_id: str) -> set[str]:
    return set(session.scalars(select(AssignmentRow.name).where(AssignmentRow.course_id == course_id)))


def _check(kind: str, asked: set[str], known: set[str]) -> None:
    if unknown := sorted(asked - known):
        there = ", ".join(f"“{name}”" for name in sorted(known)) or "none"
        raise InvalidError(f"The course has no {kind} “{unknown[0]}”; it has {there}.")


def _text(row: EnrolmentRow) -> str:
    parts = [
        f"{name} {', '.join(limits)}"
        for name, limits in (("sections", row.graded_sections), ("assignments", row.graded_assignments))
        if limits
    ]
    return "; ".join(parts) or "everything"
