"""Links that work once: sign in, set a new password, confirm an address. Only the hash of a link's token is kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.data.audit import record
from hub.data.models import SignInLinkRow, UserRow
from hub.errors import UnauthenticatedError


class Purpose(StrEnum):
    """What a link is good for."""

    SIGN_IN = "sign_in"
    RESET = "reset"  # set a new password
    CONFIRM = "confirm"  # prove that one reads mail to an address


_DAY = timedelta(days=1)
LIFETIME = {Purpose.SIGN_IN: _DAY, Purpose.RESET: _DAY, Purpose.CONFIRM: 3 * _DAY}
MAILED_RESET_LIFETIME = timedelta(hours=1)
WORDS = {Purpose.SIGN_IN: "sign-in link", Purpose.RESET: "password link", Purpose.CONFIRM: "confirmation link"}


def token_hash(token: str) -> str:
    """Return what is kept of a secret token (it has 256 random bits, so a plain hash is enough)."""
    return hashlib.sha256(token.encode()).hexdigest()


def create(
    session: Session,
    user: UserRow,
    purpose: Purpose,
    *,
    by: str,
    now: datetime,
    email: str | None = None,
    lifetime: timedelta | None = None,
) -> tuple[str, datetime]:
    """Make a link for `user`; return its token, which is not kept, and when it expires.

    Parameters
    ----------
    session
        The transaction.
    user
        Whose link.
    purpose
        What it is good for.
    by
        Who makes it, for the audit log.
    now
        The time.
    email
        The address that a confirmation proves.
    lifetime
        How long it works; by default what is usual for its purpose.
    """
    token = secrets.token_urlsafe(32)
    expires_at = now + (lifetime or LIFETIME[purpose])
    session.add(
        SignInLinkRow(
            token_hash=token_hash(token), user_id=user.id, purpose=purpose.value, email=email, expires_at=expires_at
        )
    )
    record(session, now, by, f"user.{purpose.value}_link", user.name)
    return token, expires_at


def redeem(session: Session, token: str, purpose: Purpose, now: datetime) -> SignInLinkRow:
    """Use up a link and return it, its account active (a confirmation may be what activates it).

    Raises
    ------
    UnauthenticatedError
        The link is unknown, for something else, used or expired, or its account is deactivated.
    """
    words = WORDS[purpose]
    link = session.get(SignInLinkRow, token_hash(token), with_for_update=True)
    if link is None or link.purpose != purpose.value:
        raise UnauthenticatedError(f"This {words} is not valid. Ask for a new one.")
    if link.used_at is not None:
        raise UnauthenticatedError(f"This {words} was already used. Ask for a new one.")
    if link.expires_at <= now:
        raise UnauthenticatedError(f"This {words} has expired. Ask for a new one.")
    if not link.user.is_active and purpose is not Purpose.CONFIRM:
        raise UnauthenticatedError("This account is deactivated. Ask an administrator.")
    link.used_at = now
    record(session, now, link.user.name, f"user.{purpose.value}_by_link", link.user.name)
    return link


def drop_unused(session: Session, user: UserRow, *purposes: Purpose) -> None:
    """Make the unused links of `user` worthless: those for `purposes`, or all."""
    query = delete(SignInLinkRow).where(SignInLinkRow.user_id == user.id, SignInLinkRow.used_at.is_(None))
    if purposes:
        query = query.where(SignInLinkRow.purpose.in_([purpose.value for purpose in purposes]))
    session.execute(query)


def has_unused(session: Session, user: UserRow, purpose: Purpose, now: datetime) -> bool:
    """Return whether a link of this purpose still works for `user`."""
    query = select(SignInLinkRow.token_hash).where(
        SignInLinkRow.user_id == user.id,
        SignInLinkRow.purpose == purpose.value,
        SignInLinkRow.used_at.is_(None),
        SignInLinkRow.expires_at > now,
    )
    return session.scalar(query.limit(1)) is not None
