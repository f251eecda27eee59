"""Accounts in the database: every function takes the session of the caller's transaction."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from hub.data import links, sessions
from hub.data.audit import record
from hub.data.models import UserRow
from hub.errors import ConflictError, NotFoundError, UnauthenticatedError

# names of the hub's own users and services, and of the command line in the audit log
RESERVED_NAMES = frozenset({"projects", "collegium", "admin-service", "operator", "metrics"})


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
    user = get_or_none(session, name)
    if user is None:
        raise NotFoundError(f"There is no user called “{name}”.")
    return user


def get_or_none(session: Session, name: str) -> UserRow | None:
    """Return the account called `name`, None when there is none."""
    return session.scalar(select(UserRow).where(UserRow.name == name))


def check_name(session: Session, name: str) -> None:
    """Check that a new account may have this name.

    Raises
    ------
    ConflictError
        It is taken or reserved.
    """
    if name in RESERVED_NAMES:
        raise ConflictError(f"The name “{name}” is reserved; choose another.")
    if get_or_none(session, name) is not None:
        raise ConflictError(f"The user name “{name}” is taken; choose another.")


def create(
    session: Session,
    name: str,
    display_name: str | None,
    *,
    is_admin: bool,
    by: str,
    now: datetime,
    email: str | None = None,
    email_verified: bool = False,
    is_active: bool = True,
) -> UserRow:
    """Add an account without a password.

    Raises
    ------
    ConflictError
        The name is taken or reserved, or somebody else has the verified address.
    """
    check_name(session, name)
    user = UserRow(name=name, display_name=display_name or name, is_admin=is_admin, is_active=is_active, created_at=now)
    session.add(user)
    record(session, now, by, "user.create", name, "administrator" if is_admin else "")
    session.flush()
    if email is not None:
        set_email(session, user, email, verified=email_verified, by=by, now=now)
    return user


def set_email(session: Session, user: UserRow, email: str, *, verified: bool, by: str, now: datetime) -> None:
    """Give `user` a mail address (empty: take it away); `verified` when it is known that they read it.

    Raises
    ------
    ConflictError
        Somebody else has the verified address.
    """
    email = email.lower()
    if verified and email:
        other = by_email(session, email)
        if other is not None and other.id != user.id:
            raise ConflictError(f"The address “{email}” belongs to another account.")
    user.email = email or None
    user.email_verified_at = now if verified and email else None
    record(session, now, by, "user.email", user.name, f"{email or 'none'}{' (confirmed)' * verified}")
    session.flush()


def by_email(session: Session, email: str) -> UserRow | None:
    """Return the account with this verified address."""
    return session.scalar(
        select(UserRow).where(UserRow.email == email.lower(), UserRow.email_verified_at.is_not(None)).limit(1)
    )


def set_active(session: Session, user: UserRow, is_active: bool, *, by: str, now: datetime) -> None:
    """Let somebody in, or keep them out: their sessions end and their unused links are worth nothing."""
    user.is_active = is_active
    record(session, now, by, "user.activate" if is_active else "user.deactivate", user.name)
    if not is_active:
        sessions.end_all(session, user, by=by, now=now)
        links.drop_unused(session, user)


def find(session: Session, query: str, limit: int) -> Sequence[UserRow]:
    """Return active accounts whose name or display name contains `query`, ignoring case."""
    columns = (UserRow.name, UserRow.display_name)
    return session.scalars(
        select(UserRow)
        .where(UserRow.is_active, or_(*(column.icontains(query, autoescape=True) for column in columns)))
        .order_by(func.length(UserRow.name), UserRow.name)
        .limit(limit)
    ).all()


def page(session: Session, after: str | None, limit: int, search: str = "", state: str = "") -> Sequence[UserRow]:
    """Return up to `limit` accounts in the order of their names.

    Parameters
    ----------
    session
        The transaction.
    after
        Name of the last account of the page before.
    limit
        How many at most.
    search
        Part of a user name, display name or mail address, ignoring case.
    state
        `active`, `deactivated` or `admin` for these only; empty for all.
    """
    query = select(UserRow).order_by(UserRow.name).limit(limit)
    if after:
        query = query.where(UserRow.name > after)
    if search:
        columns = (UserRow.name, UserRow.display_name, UserRow.email)
        query = query.where(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    if state:
        meanings = {"active": UserRow.is_active, "deactivated": ~UserRow.is_active, "admin": UserRow.is_admin}
        query = query.where(meanings[state])
    return session.scalars(query).all()


def set_password(session: Session, user: UserRow, password: str, *, by: str, now: datetime) -> None:
    """Give `user` a password; only its argon2id hash is kept."""
    user.password_hash = _hasher().hash(password)
    links.drop_unused(session, user, links.Purpose.RESET)
    record(session, now, by, "user.password", user.name)


def spend_time_of_a_hash(password: str) -> None:
    """Take as long as `set_password`, where whether a password is set shall not be measured."""
    _hasher().hash(password)


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
    return user


def refresh_hash(user: UserRow, password: str) -> None:
    """Hash a password that was just verified again, when its hash was made with weaker parameters."""
    if user.password_hash is not None and _hasher().check_needs_rehash(user.password_hash):
        user.password_hash = _hasher().hash(password)
