"""Accounts in the database: every function takes the session of the caller's transaction."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from hub.data.audit import record
from hub.data.models import SignInLinkRow, UserRow
from hub.errors import ConflictError, NotFoundError, UnauthenticatedError

LINK_LIFETIME = timedelta(hours=24)
RESERVED_NAMES = frozenset({"projects", "collegium", "admin-service"})  # names of the hub's own users and services


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _decoy_hash() -> str:
    return _hasher().hash(secrets.token_hex())


def get(session: Session, name: str) -> UserRow:
    """Return the account called `name`.

    Raises
    ------
    NotFoundError
        There is none.
    """
    user = session.scalar(select(UserRow).where(UserRow.name == name))
    if user is None:
        raise NotFoundError(f"There is no user called “{name}”.")
    return user


def create(session: Session, name: str, display_name: str | None, *, is_admin: bool, by: str, now: datetime) -> UserRow:
    """Add an account without a password (its holder sets one after a one-time sign-in link).

    Raises
    ------
    ConflictError
        The name is taken or reserved.
    """
    if name in RESERVED_NAMES:
        raise ConflictError(f"The name “{name}” is reserved; choose another.")
    if session.scalar(select(UserRow.id).where(UserRow.name == name)) is not None:
        raise ConflictError(f"The user name “{name}” is taken; choose another.")
    user = UserRow(name=name, display_name=display_name or name, is_admin=is_admin, is_active=True, created_at=now)
    session.add(user)
    record(session, now, by, "user.create", name, "administrator" if is_admin else "")
    session.flush()
    return user


def find(session: Session, query: str, limit: int) -> Sequence[UserRow]:
    """Return active accounts whose name or display name contains `query`, ignoring case."""
    pattern = f"%{query.replace('%', '').replace('_', '')}%" if query else "%"
    return session.scalars(
        select(UserRow)
        .where(UserRow.is_active, or_(UserRow.name.ilike(pattern), UserRow.display_name.ilike(pattern)))
        .order_by(func.length(UserRow.name), UserRow.name)
        .limit(limit)
    ).all()


def page(session: Session, after: str | None, limit: int) -> Sequence[UserRow]:
    """Return up to `limit` accounts in the order of their names, those behind `after` only."""
    query = select(UserRow).order_by(UserRow.name).limit(limit)
    return session.scalars(query.where(UserRow.name > after) if after else query).all()


def set_password(session: Session, user: UserRow, password: str, *, by: str, now: datetime) -> None:
    """Give `user` a password; only its argon2id hash is kept."""
    user.password_hash = _hasher().hash(password)
    record(session, now, by, "user.password", user.name)


def verify_password(session: Session, name: str, password: str) -> UserRow:
    """Return the active account that the credentials belong to.

    A wrong name costs as much time as a wrong password, so that names cannot be found out by measuring.

    Raises
    ------
    UnauthenticatedError
        Unknown name, wrong password, no password set, or account deactivated: one message for all.
    """
    user = session.scalar(select(UserRow).where(UserRow.name == name))
    stored = user.password_hash if user is not None and user.password_hash is not None else _decoy_hash()
    try:
        _hasher().verify(stored, password)
    except (VerificationError, InvalidHashError):
        user = None
    if user is None or user.password_hash is None or not user.is_active:
        raise UnauthenticatedError("The user name or the password is wrong.")
    if _hasher().check_needs_rehash(user.password_hash):
        user.password_hash = _hasher().hash(password)
    return user


def create_link(session: Session, user: UserRow, *, by: str, now: datetime) -> tuple[str, datetime]:
    """Make a one-time sign-in link for `user`; return its token, which is not kept, and when it expires."""
    token = secrets.token_urlsafe(32)
    expires_at = now + LINK_LIFETIME
    session.add(SignInLinkRow(token_hash=_token_hash(token), user_id=user.id, expires_at=expires_at))
    record(session, now, by, "user.sign_in_link", user.name)
    return token, expires_at


def redeem_link(session: Session, token: str, now: datetime) -> UserRow:
    """Use up a sign-in link and return its account.

    Raises
    ------
    UnauthenticatedError
        The link is unknown, used or expired, or its account is deactivated.
    """
    link = session.get(SignInLinkRow, _token_hash(token), with_for_update=True)
    if link is None:
        raise UnauthenticatedError("This sign-in link is not valid. Ask an administrator for a new one.")
    if link.used_at is not None:
        raise UnauthenticatedError("This sign-in link was already used. Ask an administrator for a new one.")
    if link.expires_at <= now:
        raise UnauthenticatedError("This sign-in link has expired. Ask an administrator for a new one.")
    if not link.user.is_active:
        raise UnauthenticatedError("This account is deactivated. Ask an administrator.")
    link.used_at = now
    record(session, now, link.user.name, "user.sign_in_by_link", link.user.name)
    return link.user


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
