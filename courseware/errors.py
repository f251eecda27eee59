"""The errors of the class management: each says what was wrong and what to do."""

from __future__ import annotations


class CoursewareError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    detail
        What was wrong, with which value, and what to do.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidError(CoursewareError):
    """What was given cannot be used: an assignment with a fault, a score above its points."""


class NotFoundError(CoursewareError):
    """The thing does not exist, or the caller may not know that it does."""


class ForbiddenError(CoursewareError):
    """The caller's role in the course does not allow this."""


class ConflictError(CoursewareError):
    """The request contradicts what is there: a name is taken, somebody else changed the score meanwhile."""


class FormatError(InvalidError):
    """A notebook or its grading metadata breaks the format."""


class ClosedError(CoursewareError):
    """The assignment takes no submission now."""
