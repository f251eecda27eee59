"""What the operations on courses share: the caller, the blob store, transactions with the errors of `courseware`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

import courseware
from courseware import Caller
from hub import errors
from hub.api.context import Context
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
