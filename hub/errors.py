"""The errors of the platform service: each says what was wrong and what to do, and knows its HTTP status."""

from __future__ import annotations


class HubError(Exception):
    """Base of the errors that people are shown.

    Parameters
    ----------
    detail
        What was wrong, with which value, and what to do.
    """

    status = 500
    title = "Something went wrong"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidError(HubError):
    """The request does not say what it must. `fields` maps a field's path to what is wrong with it."""

    status = 422
    title = "Invalid input"

    def __init__(self, detail: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.fields = fields or {}


class UnauthenticatedError(HubError):
    """Nobody is signed in, or the credentials are wrong or used up."""

    status = 401
    title = "Not signed in"


class ForbiddenError(HubError):
    """The caller may know of the thing, but may not do this."""

    status = 403
    title = "Not allowed"


class NotFoundError(HubError):
    """The thing does not exist, or the caller may not know that it does."""

    status = 404
    title = "Not found"


class ConflictError(HubError):
    """The request contradicts what is there: a name is taken, the last owner would go."""

    status = 409
    title = "Conflict"


class UnavailableError(HubError):
    """A part that is needed does not answer now; trying again later may work."""

    status = 503
    title = "Temporarily unavailable"


class PreconditionFailedError(HubError):
    """The thing was changed since the caller last looked (`If-Match`)."""

    status = 412
    title = "Changed in between"


class TooManyError(HubError):
    """The caller asks too often. `retry_after_seconds` says how long to wait."""

    status = 429
    title = "Too many requests"

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds
