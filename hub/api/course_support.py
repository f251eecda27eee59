"""What the operations on courses share: the caller, the blob store, transactions with the errors of `courseware`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

import courseware
from courseware import Caller, Capability, CourseRole, assignments, courses, groups, submissions
from courseware.models import AssignmentRow, CourseRow, SubmissionRow
from hub import errors
from hub.api.context import Context
from hub.api.course_schemas import CourseSummary
from hub.blobs import BlobStore, open_store
from hub.secret_files import read_or_create
from hub.settings import Settings

T = TypeVar("T")
_ERRORS: tuple[tuple[type[courseware.CoursewareError], type[errors.HubError]], ...] = (
    (courseware.NotFoundError, errors.NotFoundError),
    (courseware.ForbiddenError, errors.ForbiddenError),
    (courseware.ConflictError, errors.ConflictError),
    (courseware.ClosedError, errors.ConflictError),
    (courseware.InvalidError, errors.InvalidError),
)


def caller(ctx: Context) -> Caller:
    """Return who asks, as `courseware` has it."""
    return Caller(ctx.actor.name, ctx.actor.is_admin)


def blob_store(settings: Settings) -> BlobStore:
    """Return the blob store of an installation."""
    return open_store(settings.blob_store, settings.s3_endpoint_url)


def blobs(ctx: Context) -> BlobStore:
    """Return the blob store."""
    return blob_store(ctx.platform.settings)


def receipt_key(settings: Settings) -> bytes:
    """Return the key that signs receipts, made at first use."""
    return read_or_create(settings.data_dir / "secrets", "receipts").encode()


def course_summary(row: CourseRow, role: CourseRole | None) -> CourseSummary:
    """Return what is told about a course."""
    return CourseSummary(
        id=row.id,
        title=row.title,
        term=row.term,
        time_zone=row.time_zone,
        role=role,
        created_at=row.created_at,
        archived_at=row.archived_at,
    )


def course_of(session: Session, ctx: Context, needed: Capability) -> CourseRow:
    """Return the course of the request, in which the caller may do what `needed` names."""
    return courses.get(session, ctx.path["course_id"], caller(ctx), needed)


def assignment_of(session: Session, ctx: Context) -> AssignmentRow:
    """Return the assignment of the request."""
    return assignments.get(session, ctx.path["course_id"], ctx.path["assignment"])


def submission_of(session: Session, ctx: Context) -> SubmissionRow:
    """Return the submission of the request.

    Raises
    ------
    NotFoundError
        The course has none of the id.
    """
    given = ctx.path["submission_id"]
    if not given.isdecimal() or len(given) > 15:
        raise errors.NotFoundError(f"There is no submission “{given}”.")
    return submissions.get(session, int(given), ctx.path["course_id"])


def is_staff_of(session: Session, ctx: Context, course: CourseRow) -> bool:
    """Return whether the caller grades in a course."""
    role = courses.role_in(session, course.id, ctx.actor.name)
    return ctx.actor.is_admin or role in (CourseRole.INSTRUCTOR, CourseRole.GRADER)


def readable(session: Session, ctx: Context) -> tuple[SubmissionRow, bool]:
    """Return the submission of the request, if the caller may see it, and whether they are staff.

    Raises
    ------
    HubError
        There is none that they may see.
    """
    course = course_of(session, ctx, Capability.READ)
    row = submission_of(session, ctx)
    is_staff = is_staff_of(session, ctx, course)
    if not is_staff and not groups.belongs_to(session, row, ctx.actor.name):
        raise errors.NotFoundError(f"There is no submission {row.id} of yours.")
    return row, is_staff


async def transaction(ctx: Context, work: Callable[[Session], T], *, read: bool = False) -> T:
    """Run `work(session)` in a transaction on a worker thread; its errors become those of the API.

    Raises
    ------
    HubError
        What `work` raised.
    """
    database = ctx.platform.database
    try:
        return await asyncio.to_thread(lambda: (database.read if read else database.run)(work))
    except courseware.CoursewareError as error:
        raise _translated(error) from error


def _translated(error: courseware.CoursewareError) -> errors.HubError:
    for ours, theirs in _ERRORS:
        if isinstance(error, ours):
            return theirs(error.detail)
    return errors.HubError(error.detail)
