"""Students who hand in together: whose a submission is.

A submission to a group assignment belongs to the group: it is stored under the group's name behind `@`, which no user
name has. So it is handed in, counted, graded and marked once, and stands in the gradebook line of every member.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from courseware.errors import ConflictError
from courseware.models import AssignmentRow, EnrolmentRow, SubmissionRow
from courseware.policy import CourseRole

GROUP_MARK = "@"


def is_group_assignment(assignment: AssignmentRow) -> bool:
    """Return whether groups hand an assignment in."""
    return bool(assignment.settings.get("is_group", False))


def owner_for(assignment: AssignmentRow, user_name: str, group_name: str) -> str:
    """Return whose a student's submission is: their own without a group."""
    return GROUP_MARK + group_name if group_name and is_group_assignment(assignment) else user_name


def owner_of(session: Session, assignment: AssignmentRow, user_name: str) -> str:
    """Return whose the submissions of a student to an assignment are."""
    if not is_group_assignment(assignment):
        return user_name
    enrolment = session.get(EnrolmentRow, (assignment.course_id, user_name))
    return owner_for(assignment, user_name, enrolment.group_name if enrolment is not None else "")


def belongs_to(session: Session, submission: SubmissionRow, user_name: str) -> bool:
    """Return whether a submission is a student's own or their group's."""
    return submission.user_name in (user_name, owner_of(session, submission.assignment, user_name))


def members(session: Session, course_id: str, group_name: str) -> list[str]:
    """Return the students of a group, by name."""
    query = select(EnrolmentRow.user_name).where(
        EnrolmentRow.course_id == course_id,
        EnrolmentRow.group_name == group_name,
        EnrolmentRow.role == CourseRole.STUDENT.value,
        EnrolmentRow.ended_at.is_(None),
    )
    return list(session.scalars(query.order_by(EnrolmentRow.user_name)))


def check_may_change(session: Session, assignment: AssignmentRow, is_group: bool) -> None:
    """Check that an assignment may become one for groups, or cease to be.

    Raises
    ------
    ConflictError
        Something was handed in, which would be nobody's.
    """
    query = select(SubmissionRow.id).where(SubmissionRow.assignment_id == assignment.id).limit(1)
    if is_group != is_group_assignment(assignment) and session.scalar(query) is not None:
        raise ConflictError(f"Something was handed in to “{assignment.name}” already: it stays as it was.")
