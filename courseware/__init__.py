"""A class, from the first assignment to the final grade."""

from courseware.errors import (
    ClosedError,
    ConflictError,
    CoursewareError,
    ForbiddenError,
    FormatError,
    InvalidError,
    NotFoundError,
)
from courseware.migration import migrate
from courseware.policy import Caller, Capability, CourseRole
from courseware.store import Blobs, Transactions

__all__ = [
    "Blobs",
    "Caller",
    "Capability",
    "ClosedError",
    "ConflictError",
    "CourseRole",
    "CoursewareError",
    "ForbiddenError",
    "FormatError",
    "InvalidError",
    "NotFoundError",
    "Transactions",
    "migrate",
]
