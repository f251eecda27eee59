"""What the operations on courses share: the caller, the blob store, transactions with the errors of `courseware`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.orm import Session

import courseware
from courseware import Caller, Capability, CourseRole, assignments, courses, graders, groups, submissions
from courseware.models import AssignmentRow, CourseRow, SubmissionRow
from courseware.policy import GradingScope, require_assignment
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


def names_of(display_name: str, user_name: str) -> tuple[str, str]:
    """Return first and last name for somebody of whom a course knows none, as their account has them."""
    first, _, last = display_name.strip().rpartition(" ")
    return ("", "") if display_name.strip() in ("", user_name) else (first, last) if first else (last, "")


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


def scope_of(session: Session, ctx: Context) -> GradingScope:
    """Return what of the course of the request the caller grades, if they grade in it at all."""
    return graders.scope_of(session, ctx.path["course_id"], caller(ctx))


@dataclass(frozen=True, slots=True)
class ToGrade:
    """An assignment that the caller grades.

    Attributes
    ----------
    assignment
        Which.
    scope
        What of the course they grade.
    owners
        Whose submissions to it they grade, groups behind `@`; `None`: everybody's.
    """

    assignment: AssignmentRow
    scope: GradingScope
    owners: frozenset[str] | None

    def has(self, owner: str) -> bool:
        """Return whether they grade what somebody handed in."""
        return self.owners is None or owner in self.owners


def to_grade(session: Session, ctx: Context) -> ToGrade:
    """Return the assignment of the request, of which the caller grades at least a part.

    Raises
    ------
    CoursewareError
        They may not grade in the course, or grade other assignments.
    """
    course_of(session, ctx, Capability.GRADE)
    assignment, scope = assignment_of(session, ctx), scope_of(session, ctx)
    require_assignment(scope, assignment.name)
    return ToGrade(assignment, scope, graders.owners_within(session, assignment.course_id, scope))


def submission_of(session: Session, ctx: Context) -> SubmissionRow:
    """Return the submission of the request; to a grader, if it is theirs to grade.

    Raises
    ------
    NotFoundError
        The course has none of the id, or others grade it.
    """
    given = ctx.path["submission_id"]
    if not given.isdecimal() or len(given) > 15:
        raise errors.NotFoundError(f"There is no submission “{given}”.")
    row = submissions.get(session, int(given), ctx.path["course_id"])
    if not graders.is_within(session, scope_of(session, ctx), row):
        raise errors.NotFoundError(f"There is no submission {row.id} among those that you grade.")
    return row


def check_students(session: Session, ctx: Context, names: Iterable[str]) -> None:
    """Check that students are among those whom the caller grades.

    Raises
    ------
    NotFoundError
        One of them is not.
    """
    owners = graders.owners_within(session, ctx.path["course_id"], scope_of(session, ctx))
    others = [name for name in names if owners is not None and name not in owners]
    if others:
        raise errors.NotFoundError(f"“{others[0]}” is not among the students whom you grade.")


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
