"""Requests that may be sent twice: what a key's first request was answered, kept for a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.data.account_models import IdempotencyKeyRow
from hub.errors import ConflictError, InvalidError

KEPT = timedelta(hours=24)
UNDER_WAY = timedelta(minutes=2)  # an older request without an answer has failed


@dataclass(frozen=True)
class Claim:
    """One caller's use of one key.

    Parameters
    ----------
    owner
        Who sent it: a user name.
    key
        What they sent.
    fingerprint
        Hash of method, path and body: a key is for one request only.
    """

    owner: str
    key: str
    fingerprint: str


def claim(session: Session, wanted: Claim, now: datetime) -> IdempotencyKeyRow | None:
    """Take a key for a request that begins; return the row when the request was done already.

    Raises
    ------
    ConflictError
        The same request is under way.
    InvalidError
        The key was used for a different request.
    """
    session.execute(delete(IdempotencyKeyRow).where(IdempotencyKeyRow.created_at < now - KEPT))
    row = session.get(IdempotencyKeyRow, (wanted.owner, wanted.key), with_for_update=True)
    if row is not None and row.fingerprint != wanted.fingerprint:
        raise InvalidError("This Idempotency-Key was used for a different request; take a new one.")
    if row is not None and row.is_done:
        return row
    if row is not None and row.created_at > now - UNDER_WAY:
        raise ConflictError("The same request is still being worked on; ask again in a moment.")
    fresh = IdempotencyKeyRow(
        owner=wanted.owner, key=wanted.key, fingerprint=wanted.fingerprint, is_done=False, body=None, created_at=now
    )
    session.merge(fresh)
    try:
        session.flush()
    except IntegrityError as error:  # somebody else's transaction took it between our look and our write
        raise ConflictError("The same request is still being worked on; ask again in a moment.") from error
    return None


def finish(session: Session, wanted: Claim, body: str | None) -> None:
    """Remember that the request was done, in the transaction of what it did; `body` is its answer if it may be kept."""
    row = session.get(IdempotencyKeyRow, (wanted.owner, wanted.key))
    if row is not None:
        row.is_done = True
        row.body = body or row.body


def release(session: Session, wanted: Claim) -> None:
    """Give a key back whose request was refused, so that it can be sent again."""
    row = session.get(IdempotencyKeyRow, (wanted.owner, wanted.key))
    if row is not None and not row.is_done:
        session.delete(row)
