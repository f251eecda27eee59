"""Regrade requests: a student asks about returned scores, the staff answer, until somebody closes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from courseware.courses import record
from courseware.errors import ClosedError
from courseware.models import MessageRow, SubmissionRow

TEXT_LIMIT_CHARACTERS = 10_000


def thread(session: Session, submission_id: int) -> Sequence[MessageRow]:
    """Return the messages about a submission, the oldest first."""
    query = select(MessageRow).where(MessageRow.submission_id == submission_id).order_by(MessageRow.id)
    return session.scalars(query).all()


def say(
    session: Session,
    submission: SubmissionRow,
    text: str,
    *,
    by: str,
    is_staff: bool,
    now: datetime,
    closes: bool = False,
) -> MessageRow:
    """Add a message; a student's opens the request (again), one that closes ends it.

    Raises
    ------
    ClosedError
        The scores are not returned yet, so there is nothing to ask about.
    """
    if submission.assignment.feedback_released_at is None:
        raise ClosedError("The scores are not returned yet; ask when they are.")
    row = MessageRow(submission_id=submission.id, author=by, is_staff=is_staff, closes=closes, text=text, at=now)
    session.add(row)
    session.flush()
    subject = f"{submission.assignment.name}: {submission.user_name}, submission {submission.id}"
    action = "request.close" if closes else "request.answer" if is_staff else "request.ask"
    record(session, submission.assignment.course_id, now, by, action, subject, after=text[:200])
    return row


def open_requests(session: Session, assignment_id: int) -> frozenset[int]:
    """Return the submissions of an assignment whose last message is a student's and does not close the request."""
    last = (
        select(func.max(MessageRow.id))
        .join(SubmissionRow, SubmissionRow.id == MessageRow.submission_id)
        .where(SubmissionRow.assignment_id == assignment_id)
        .group_by(MessageRow.submission_id)
    )
    query = select(MessageRow.submission_id).where(
        MessageRow.id.in_(last), MessageRow.is_staff.is_(False), MessageRow.closes.is_(False)
    )
    return frozenset(session.scalars(query))
