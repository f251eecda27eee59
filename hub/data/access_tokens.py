"""Personal access tokens: made, listed, used, revoked. Only the hash of a token is kept."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from hub.data.account_models import AccessTokenRow
from hub.data.audit import record
from hub.data.links import token_hash
from hub.data.models import UserRow
from hub.errors import ConflictError, NotFoundError, UnauthenticatedError
from hub.policy import Scope

PREFIX = "clg_"  # so that a token that leaked is recognised by those who look for such things
MOST_TOKENS = 100
SEEN_STEP = timedelta(minutes=1)


def create(
    session: Session, user: UserRow, name: str, scopes: Sequence[Scope], expires_at: datetime | None, now: datetime
) -> tuple[AccessTokenRow, str]:
    """Make a token for `user`; return its row and the token itself, which is not kept.

    Raises
    ------
    ConflictError
        The user has too many.
    """
    count = session.scalar(
        select(func.count()).where(AccessTokenRow.user_id == user.id, AccessTokenRow.revoked_at.is_(None))
    )
    if (count or 0) >= MOST_TOKENS:
        raise ConflictError(f"You have {MOST_TOKENS} tokens; revoke one first.")
    token = PREFIX + secrets.token_urlsafe(32)
    row = AccessTokenRow(
        id=secrets.token_hex(6),
        user_id=user.id,
        name=name,
        token_hash=token_hash(token),
        hint=token[: len(PREFIX) + 4],
        scopes=" ".join(sorted(set(scopes))),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    record(session, now, user.name, "token.create", user.name, f"{name}: {row.scopes}")
    session.flush()
    return row, token


def find(session: Session, token: str, now: datetime) -> tuple[UserRow, AccessTokenRow]:
    """Return the account and the row of a token that somebody sent.

    Raises
    ------
    UnauthenticatedError
        It is unknown, revoked or expired, or its account is deactivated.
    """
    return find_by_hash(session, token_hash(token), now)


def find_by_hash(session: Session, hashed: str, now: datetime) -> tuple[UserRow, AccessTokenRow]:
    """As `find`, for those who were sent the token and pass on its hash only."""
    row = session.scalar(select(AccessTokenRow).where(AccessTokenRow.token_hash == hashed))
    if row is None or row.revoked_at is not None:
        raise UnauthenticatedError("The token is not valid.")
    if row.expires_at is not None and row.expires_at <= now:
        raise UnauthenticatedError(f"The token “{row.name}” has expired. Make a new one on the account page.")
    if not row.user.is_active:
        raise UnauthenticatedError("This account is deactivated. Ask an administrator.")
    return row.user, row


def touch(session: Session, token_id: str, now: datetime) -> None:
    """Remember that a token was used just now."""
    session.execute(update(AccessTokenRow).where(AccessTokenRow.id == token_id).values(last_used_at=now))


def of_user(session: Session, user: UserRow) -> Sequence[AccessTokenRow]:
    """Return the tokens of `user` that are not revoked, the newest first; expired ones are among them."""
    return session.scalars(
        select(AccessTokenRow)
        .where(AccessTokenRow.user_id == user.id, AccessTokenRow.revoked_at.is_(None))
        .order_by(AccessTokenRow.created_at.desc(), AccessTokenRow.id)
    ).all()


def revoke(session: Session, user: UserRow, token_id: str, now: datetime) -> None:
    """Make a token of `user` worthless.

    Raises
    ------
    NotFoundError
        The user has no such token.
    """
    row = session.get(AccessTokenRow, token_id)
    if row is None or row.user_id != user.id or row.revoked_at is not None:
        raise NotFoundError("There is no such token; it may be revoked already.")
    row.revoked_at = now
    record(session, now, user.name, "token.revoke", user.name, row.name)


def scopes_of(row: AccessTokenRow) -> frozenset[Scope]:
    """Return what a token is good for."""
    return frozenset(Scope(scope) for scope in row.scopes.split())
