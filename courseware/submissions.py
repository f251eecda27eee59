"""Handing in: idempotent, with a receipt, never losing what was received."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from courseware import assignments, groups, jobs
from courseware.courses import record
from courseware.deadlines import Timeliness, Verdict, judge
from courseware.errors import ClosedError, ConflictError, InvalidError, NotFoundError
from courseware.models import AssignmentRow, CourseRow, SubmissionRow
from courseware.receipts import sign
from courseware.store import Manifest

ORIGINS = ("handed-in", "collected", "imported")


@dataclass(frozen=True, slots=True)
class HandIn:
    """What a student hands in.

    Attributes
    ----------
    user_name
        Who.
    manifest
        Which files; they and the manifest are in the blob store already.
    request_key
        Chosen by the client, the same when it repeats a request whose answer it did not see. Empty: handing in
        the same files as last time is taken for a repetition.
    origin
        One of `ORIGINS`.
    """

    user_name: str
    manifest: Manifest
    request_key: str = ""
    origin: str = "handed-in"


def hand_in(
    session: Session,
    assignment: AssignmentRow,
    given: HandIn,
    *,
    key: bytes,
    now: datetime,
    grade: bool = True,
    judged_at: datetime | None = None,
) -> SubmissionRow:
    """Take a submission, or return the one that an equal earlier request made.

    Parameters
    ----------
    session
        The transaction; the receipt counts once it is committed.
    assignment
        What it answers.
    given
        What is handed in.
    key
        Signs the receipt.
    now
        When it was received.
    grade
        Whether it is put in the queue for grading.
    judged_at
        By which time lateness is judged, where that is not `now`: work that is collected at a deadline is not late.

    Raises
    ------
    ClosedError
        The assignment is not released, or takes nothing now.
    ConflictError
        The request key was used for other files.
    """
    version = assignment.released
    if version is None:
        raise ClosedError(f"The assignment “{assignment.name}” is not released.")
    owner = groups.owner_of(session, assignment, given.user_name)
    last = _last(session, assignment.id, owner)
    # The key names what the request follows, so that two equal requests at one time cannot both be taken.
    request_key = given.request_key or f"{last.id if last else 0}:{given.manifest.digest}"
    earlier = _by_key(session, assignment.id, owner, request_key)
    if earlier is None and not given.request_key and last is not None and last.manifest == given.manifest.digest:
        earlier = last
    if earlier is not None:
        if earlier.manifest != given.manifest.digest:
            raise ConflictError("This request key was used for other files; use a new one.")
        return earlier
    if session.get_one(CourseRow, assignment.course_id).archived_at is not None:
        raise ClosedError("The course is archived: nothing is handed in any more.")
    verdict = judge(assignments.deadline_for(session, assignment, given.user_name), judged_at or now)
    if not verdict.is_accepted and given.origin == "handed-in":
        raise ClosedError(_closed_message(assignment.name, verdict))
    row = SubmissionRow(
        assignment_id=assignment.id,
        version_id=version.id,
        user_name=owner,
        request_key=request_key,
        manifest=given.manifest.digest,
        origin=given.origin,
        received_at=now,
        late_seconds=verdict.late_by.total_seconds(),
        penalty_fraction=verdict.penalty_fraction,
        points=version.points,
        receipt={},
        is_counted=not _has_chosen(session, assignment.id, owner),
    )
    if row.is_counted:
        _uncount(session, assignment.id, owner)
    session.add(row)
    session.flush()
    row.receipt = sign(_receipt(assignment, row, version.number, given, verdict), key)
    record(
        session, assignment.course_id, now, given.user_name, "submission.receive", assignment.name, after=f"{row.id}"
    )
    if grade:
        jobs.enqueue(session, row, version.id, now=now)
    return row


def choose(session: Session, row: SubmissionRow, *, by: str, now: datetime) -> None:
    """Make one of a student's submissions the one that counts, whatever is handed in later."""
    _uncount(session, row.assignment_id, row.user_name)
    row.is_counted = row.is_chosen = True
    session.flush()
    record(session, row.assignment.course_id, now, by, "submission.choose", row.assignment.name, after=f"{row.id}")


def get(session: Session, submission_id: int, course_id: str) -> SubmissionRow:
    """Return a submission of a course.

    Raises
    ------
    NotFoundError
        There is none.
    """
    row = session.scalar(
        select(SubmissionRow)
        .where(SubmissionRow.id == submission_id)
        .options(joinedload(SubmissionRow.assignment), joinedload(SubmissionRow.version))
    )
    if row is None or row.assignment.course_id != course_id:
        raise NotFoundError(f"There is no submission {submission_id} in “{course_id}”.")
    return row


def of_student(session: Session, assignment_id: int, user_name: str) -> Sequence[SubmissionRow]:
    """Return a student's submissions, the newest first."""
    return session.scalars(
        select(SubmissionRow)
        .where(SubmissionRow.assignment_id == assignment_id, SubmissionRow.user_name == user_name)
        .order_by(SubmissionRow.id.desc())
    ).all()


def counted(session: Session, assignment_id: int) -> Sequence[SubmissionRow]:
    """Return the submissions that count, by user name."""
    return session.scalars(
        select(SubmissionRow)
        .where(SubmissionRow.assignment_id == assignment_id, SubmissionRow.is_counted)
        .order_by(SubmissionRow.user_name)
    ).all()


def check_origin(origin: str) -> str:
    """Return a known origin.

    Raises
    ------
    InvalidError
        It is none.
    """
    if origin not in ORIGINS:
        raise InvalidError(f"{origin!r} is not one of {', '.join(ORIGINS)}.")
    return origin


def _receipt(
    assignment: AssignmentRow, row: SubmissionRow, version: int, given: HandIn, verdict: Verdict
) -> dict[str, object]:
    return {
        "course": assignment.course_id,
        "assignment": assignment.name,
        "version": version,
        "user": given.user_name,
        "submission": row.id,
        "sha256": given.manifest.digest,
        "received_at": row.received_at.isoformat(),
        "origin": given.origin,
        "timeliness": verdict.timeliness.value,
        "late_seconds": row.late_seconds,
        "files": [{"path": f.path, "sha256": f.sha256, "size": f.size_bytes} for f in given.manifest.files],
    }


def _closed_message(name: str, verdict: Verdict) -> str:
    if verdict.timeliness is Timeliness.EARLY:
        return f"The assignment “{name}” has not begun."
    return f"The assignment “{name}” is closed: its last day was over {verdict.late_by} ago, late days included."


def _last(session: Session, assignment_id: int, user_name: str) -> SubmissionRow | None:
    return session.scalar(
        select(SubmissionRow)
        .where(SubmissionRow.assignment_id == assignment_id, SubmissionRow.user_name == user_name)
        .order_by(SubmissionRow.id.desc())
        .limit(1)
    )


def _by_key(session: Session, assignment_id: int, user_name: str, key: str) -> SubmissionRow | None:
    return session.scalar(
        select(SubmissionRow).where(
            SubmissionRow.assignment_id == assignment_id,
            SubmissionRow.user_name == user_name,
            SubmissionRow.request_key == key,
        )
    )


def _has_chosen(session: Session, assignment_id: int, user_name: str) -> bool:
    query = select(SubmissionRow.id).where(
        SubmissionRow.assignment_id == assignment_id, SubmissionRow.user_name == user_name, SubmissionRow.is_chosen
    )
    return session.scalar(query) is not None


def _uncount(session: Session, assignment_id: int, user_name: str) -> None:
    session.execute(
        update(SubmissionRow)
        .where(SubmissionRow.assignment_id == assignment_id, SubmissionRow.user_name == user_name)
        .values(is_counted=False, is_chosen=False)
    )
