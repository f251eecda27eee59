"""Who may do what in a course: roles, the capabilities of each, one function that decides. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from courseware.errors import ForbiddenError, NotFoundError


class CourseRole(StrEnum):
    """What somebody is in a course."""

    INSTRUCTOR = "instructor"
    GRADER = "grader"
    STUDENT = "student"
    AUDITOR = "auditor"


class Capability(StrEnum):
    """One thing that can be allowed in a course."""

    READ = "read"  # the course and its released assignments
    SUBMIT = "submit"  # hand in, see own submissions, receipts, feedback
    GRADE = "grade"  # see submissions and scores, set marks and comments, start gradings
    AUTHOR = "author"  # make, release and schedule assignments; see sources and hidden tests
    MANAGE = "manage"  # enrolment, settings, accommodations, publish, export, audit log


CAPABILITIES: dict[CourseRole, frozenset[Capability]] = {
    CourseRole.INSTRUCTOR: frozenset({Capability.READ, Capability.GRADE, Capability.AUTHOR, Capability.MANAGE}),
    CourseRole.GRADER: frozenset({Capability.READ, Capability.GRADE}),
    CourseRole.STUDENT: frozenset({Capability.READ, Capability.SUBMIT}),
    CourseRole.AUDITOR: frozenset({Capability.READ}),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes
    ----------
    name
        User name.
    is_admin
        Administrators make courses and manage every one; they do not hand in.
    """

    name: str
    is_admin: bool = False


def capabilities(caller: Caller, role: CourseRole | None) -> frozenset[Capability]:
    """Return all that a caller with a role may do."""
    own = CAPABILITIES[role] if role is not None else frozenset()
    return own | CAPABILITIES[CourseRole.INSTRUCTOR] if caller.is_admin else own


def require(caller: Caller, role: CourseRole | None, needed: Capability, course_id: str) -> None:
    """Check that a caller may do something in a course.

    Raises
    ------
    NotFoundError
        They are no member, and may not know that the course exists.
    ForbiddenError
        Their role does not carry the capability.
    """
    if role is None and not caller.is_admin:
        raise NotFoundError(f"There is no course “{course_id}”, or you are not enrolled in it.")
    if needed not in capabilities(caller, role):
        held = f"you are {role.value} of it" if role else "you are not enrolled in it"
        raise ForbiddenError(f"This needs the right to {needed.value} in the course “{course_id}”, and {held}.")
