"""Who may do what in a course: roles, the capabilities of each, what of a course a grader grades. Pure."""

from __future__ import annotations

from collections.abc import Iterable
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


@dataclass(frozen=True, slots=True)
class GradingScope:
    """What of a course somebody grades. Where neither is given, all of it; where both are, what lies in both.

    Attributes
    ----------
    sections
        Whose work: that of students of these sections. Empty: of everybody.
    assignments
        Names of the assignments. Empty: every one.
    """

    sections: frozenset[str] = frozenset()
    assignments: frozenset[str] = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole course."""
        return not self.sections and not self.assignments

    def has_assignment(self, name: str) -> bool:
        """Return whether some of the work on an assignment is in it."""
        return not self.assignments or name in self.assignments

    def has_section(self, *sections: str) -> bool:
        """Return whether work of somebody of one of these sections is in it; a group may have members of several."""
        return not self.sections or not self.sections.isdisjoint(sections)

    def covers(self, assignment: str, sections: Iterable[str]) -> bool:
        """Return whether work on an assignment, by people of these sections, is in it."""
        return self.has_assignment(assignment) and self.has_section(*sections)


WHOLE_COURSE = GradingScope()


def grading_scope(caller: Caller, role: CourseRole | None, limits: GradingScope) -> GradingScope:
    """Return what of a course somebody with the right to grade grades: limits hold for graders only."""
    return limits if role is CourseRole.GRADER and not caller.is_admin else WHOLE_COURSE


def require_assignment(scope: GradingScope, name: str) -> None:
    """Check that somebody grades an assignment.

    Raises
    ------
    ForbiddenError
        They grade others only.
    """
    if not scope.has_assignment(name):
        known = ", ".join(f"“{own}”" for own in sorted(scope.assignments))
        raise ForbiddenError(f"You grade {known} in this course, not “{name}”. Its instructors decide who grades what.")


def require_columns(scope: GradingScope) -> None:
    """Check that somebody fills in manual columns, which belong to no assignment.

    Raises
    ------
    ForbiddenError
        They grade some assignments only.
    """
    if scope.assignments:
        raise ForbiddenError("You grade assignments in this course, not the columns of its gradebook.")


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
