"""Who people are at OpenID Connect providers, and which account that leads to."""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.data import users
from hub.data.account_models import IdentityRow
from hub.data.audit import record
from hub.data.models import UserRow
from hub.errors import ConflictError, NotFoundError, UnauthenticatedError


@dataclass(frozen=True)
class External:
    """What a provider says about somebody who signed in there.

    Parameters
    ----------
    provider
        Name of the provider in the settings.
    subject
        The provider's lasting id of the person (`sub`).
    user_name, display_name, email
        What the provider calls them; may be empty.
    email_verified
        Whether the provider has made sure that they read mail to the address.
    """

    provider: str
    subject: str
    user_name: str = ""
    display_name: str = ""
    email: str = ""
    email_verified: bool = False


def account_of(session: Session, who: External, *, may_link: bool, may_create: bool, now: datetime) -> UserRow:
    """Return the account of somebody who signed in at a provider.

    Parameters
    ----------
    session
        The transaction.
    who
        What the provider says.
    may_link
        Whether the first sign-in leads to the existing account with the same verified address.
    may_create
        Whether the first sign-in makes an account.
    now
        The time.

    Raises
    ------
    UnauthenticatedError
        There is no account and none may be made, or it is deactivated.
    """
    known = session.get(IdentityRow, (who.provider, who.subject))
    if known is not None:
        user = known.user
    else:
        user = _first_time(session, who, may_link, may_create, now)
        session.add(IdentityRow(provider=who.provider, subject=who.subject, user_id=user.id, created_at=now))
        record(session, now, user.name, "user.identity", user.name, who.provider)
    if not user.is_active:
        raise UnauthenticatedError("This account is deactivated. Ask an administrator.")
    return user


def link(session: Session, user: UserRow, who: External, now: datetime) -> None:
    """Let `user` sign in as the provider's person from now on; nothing happens when they do already.

    Raises
    ------
    ConflictError
        The person signs in to another account with it.
    """
    known = session.get(IdentityRow, (who.provider, who.subject))
    if known is not None and known.user_id != user.id:
        raise ConflictError("Another account here is linked with it already. Sign in there and unlink it first.")
    if known is None:
        session.add(IdentityRow(provider=who.provider, subject=who.subject, user_id=user.id, created_at=now))
        record(session, now, user.name, "user.identity", user.name, who.provider)


def unlink(session: Session, user: UserRow, provider: str, now: datetime) -> None:
    """Let `user` no longer sign in with a provider.

    Raises
    ------
    NotFoundError
        They are not linked with it.
    ConflictError
        There would be no way left to sign in.
    """
    linked = of_user(session, user)
    if provider not in linked:
        raise NotFoundError("Your account is not linked with it.")
    if user.password_hash is None and linked == [provider]:
        raise ConflictError("It is your only way to sign in. Set a password first.")
    session.execute(delete(IdentityRow).where(IdentityRow.user_id == user.id, IdentityRow.provider == provider))
    record(session, now, user.name, "user.unlink", user.name, provider)


def of_user(session: Session, user: UserRow) -> list[str]:
    """Return the names of the providers that `user` signs in with."""
    query = select(IdentityRow.provider).where(IdentityRow.user_id == user.id).order_by(IdentityRow.provider)
    return list(session.scalars(query.distinct()))


def _first_time(session: Session, who: External, may_link: bool, may_create: bool, now: datetime) -> UserRow:
    email = who.email.lower() if who.email_verified else ""
    existing = users.by_email(session, email) if email else None
    if existing is not None and may_link:
        return existing
    if not may_create:
        raise UnauthenticatedError("There is no account for you here yet. Ask an administrator to make one.")
    name = _free_name(session, who.user_name or who.email.partition("@")[0] or "user")
    return users.create(
        session,
        name,
        who.display_name[:120] or None,
        is_admin=False,
        by=f"provider {who.provider}",
        now=now,
        email=email if existing is None and email else None,
        email_verified=bool(email),
    )


def _free_name(session: Session, wanted: str) -> str:
    plain = unicodedata.normalize("NFKD", wanted.partition("@")[0]).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9._-]+", "-", plain).strip("._-")[:56] or "user"
    for number in range(1, 100):
        name = stem if number == 1 else f"{stem}-{number}"
        taken = session.scalar(select(UserRow.id).where(UserRow.name == name)) is not None
        if not taken and name not in users.RESERVED_NAMES:
            return name
    return f"{stem}-{secrets.token_hex(4)}"
