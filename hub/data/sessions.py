"""Where people are signed in: every browser session, listed and ended. The hub's session id is kept as a hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from hub.data.account_models import SessionRow
from hub.data.audit import record
from hub.data.links import token_hash
from hub.data.models import UserRow
from hub.errors import NotFoundError, UnauthenticatedError

LIFETIME = timedelta(days=14)  # as long as the hub's cookie
KEPT = timedelta(days=30)  # how long an ended session is remembered
SEEN_STEP = timedelta(minutes=1)  # how exactly the last use is recorded


def start(
    session: Session, user: UserRow, hub_session: str, method: str, *, address: str, user_agent: str, now: datetime
) -> None:
    """Record that `user` signed in.

    Parameters
    ----------
    session
        The transaction.
    user
        Who.
    hub_session
        The hub's id of the session, which the browser holds as a cookie.
    method
        `password`, `link`, `reset`, `sign_up`, or the name of a provider.
    address, user_agent
        Where from, as far as it is known.
    now
        The time.
    """
    session.execute(delete(SessionRow).where(SessionRow.user_id == user.id, SessionRow.created_at < now - KEPT))
    session.merge(
        SessionRow(
            id=token_hash(hub_session),
            user_id=user.id,
            method=method,
            address=address[:64],
            user_agent=user_agent[:256],
            created_at=now,
            last_seen_at=now,
            ended_at=None,
        )
    )
    record(session, now, user.name, "session.start", user.name, f"{method} from {address or 'unknown'}")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sends a request from a browser."""

    name: str
    is_admin: bool
    session_id: str
    last_seen_at: datetime


_VISITOR = (
    select(SessionRow.id, SessionRow.created_at, SessionRow.ended_at, SessionRow.last_seen_at)
    .add_columns(UserRow.name, UserRow.is_admin, UserRow.is_active)
    .join(SessionRow.user)
    .where(SessionRow.id == bindparam("session_id"))
)


def visitor(session: Session, hub_session: str, user_name: str, now: datetime) -> Visitor:
    """Return who is behind a browser's request; asked for each one, it loads columns, not objects.

    Raises
    ------
    UnauthenticatedError
        There is no such session of that user, it was ended or is too old, or the account is deactivated.
    """
    row = session.execute(_VISITOR, {"session_id": token_hash(hub_session)}).one_or_none()
    if row is None or row.name != user_name or not _lives(row.created_at, row.ended_at, now):
        raise UnauthenticatedError("This session has ended. Sign in again.")
    if not row.is_active:
        raise UnauthenticatedError("This account is deactivated. Ask an administrator.")
    return Visitor(row.name, row.is_admin, row.id, row.last_seen_at)


def user_of(session: Session, hub_session: str, user_name: str, now: datetime) -> UserRow:
    """Return the account behind a browser's session; raises as `visitor` does."""
    found = visitor(session, hub_session, user_name, now)
    return session.scalars(select(UserRow).where(UserRow.name == found.name)).one()


def touch(session: Session, session_id: str, now: datetime) -> None:
    """Remember that a session was used just now."""
    session.execute(update(SessionRow).where(SessionRow.id == session_id).values(last_seen_at=now))


def of_user(session: Session, user: UserRow, now: datetime) -> Sequence[SessionRow]:
    """Return the living sessions of `user`, the last used first."""
    return session.scalars(
        select(SessionRow)
        .where(SessionRow.user_id == user.id, SessionRow.ended_at.is_(None), SessionRow.created_at > now - LIFETIME)
        .order_by(SessionRow.last_seen_at.desc(), SessionRow.id)
    ).all()


def end(session: Session, user: UserRow, session_id: str, *, by: str, now: datetime) -> None:
    """End one session of `user`.

    Raises
    ------
    NotFoundError
        The user has no such living session.
    """
    row = session.get(SessionRow, session_id)
    if row is None or row.user_id != user.id or not _lives(row.created_at, row.ended_at, now):
        raise NotFoundError("There is no such session; it may have ended already.")
    row.ended_at = now
    record(session, now, by, "session.end", user.name, row.user_agent[:80])


def end_all(session: Session, user: UserRow, *, by: str, now: datetime, but: str | None = None) -> int:
    """End all sessions of `user`, but the one with the id `but`; return how many ended."""
    ended = [row for row in of_user(session, user, now) if row.id != but]
    for row in ended:
        row.ended_at = now
    if ended:
        record(session, now, by, "session.end", user.name, f"{len(ended)} sessions")
    return len(ended)


def end_by_hub_session(session: Session, hub_session: str, now: datetime) -> None:
    """End the session of a browser that signs out; it is fine if there is none."""
    row = session.get(SessionRow, token_hash(hub_session))
    if row is not None and row.ended_at is None:
        row.ended_at = now
        record(session, now, row.user.name, "session.sign_out", row.user.name)


def _lives(created_at: datetime, ended_at: datetime | None, now: datetime) -> bool:
    return ended_at is None and created_at > now - LIFETIME
