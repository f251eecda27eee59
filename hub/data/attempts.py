"""How often something was tried lately, so that nobody can try passwords without end."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from hub.data.account_models import AttemptRow
from hub.errors import TooManyError


@dataclass(frozen=True)
class Limit:
    """At most `count` attempts within `window`."""

    count: int
    window: timedelta


SIGN_IN_FROM_ADDRESS = Limit(10, timedelta(minutes=10))  # one name from one address
SIGN_IN_OF_NAME = Limit(100, timedelta(hours=1))  # one name from anywhere: slows many machines, locks nobody out soon
SIGN_IN_AT_ADDRESS = Limit(300, timedelta(minutes=10))  # any names from one address: a class behind one router
SIGN_UP_AT_ADDRESS = Limit(60, timedelta(hours=1))
RESET_OF_NAME = Limit(3, timedelta(hours=1))
RESET_AT_ADDRESS = Limit(30, timedelta(hours=1))


def check(session: Session, kind: str, subject: str, limit: Limit, now: datetime) -> None:
    """Refuse when `subject` has used up its attempts.

    Raises
    ------
    TooManyError
        It has; the error says when to try again.
    """
    row = session.get(AttemptRow, _key(kind, subject))
    if row is not None and row.window_ends_at > now and row.count >= limit.count:
        seconds = int((row.window_ends_at - now).total_seconds()) + 1
        minutes = (seconds + 59) // 60
        raise TooManyError(f"Too many attempts. Try again in {minutes} minute{'s' * (minutes > 1)}.", seconds)


def count(session: Session, kind: str, subject: str, limit: Limit, now: datetime) -> None:
    """Count one attempt."""
    row = session.get(AttemptRow, _key(kind, subject), with_for_update=True)
    if row is None or row.window_ends_at <= now:
        session.execute(delete(AttemptRow).where(AttemptRow.window_ends_at < now - timedelta(days=1)))
        session.merge(AttemptRow(key=_key(kind, subject), count=1, window_ends_at=now + limit.window))
    else:
        row.count += 1
    session.flush()


def forget(session: Session, kind: str, subject: str) -> None:
    """Count from nothing again, after a success."""
    session.execute(delete(AttemptRow).where(AttemptRow.key == _key(kind, subject)))


def _key(kind: str, subject: str) -> str:
    # What was typed as a user name may be a password: it is not kept as it was typed.
    return f"{kind}:{hashlib.sha256(subject.encode()).hexdigest()}"
