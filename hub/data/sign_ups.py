"""Invitations: links that let people make accounts for themselves."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from hub.data.account_models import SignUpInvitationRow
from hub.data.audit import record
from hub.data.links import token_hash
from hub.errors import ForbiddenError, NotFoundError


def create(
    session: Session, note: str, uses: int, expires_at: datetime, *, by: str, now: datetime
) -> tuple[SignUpInvitationRow, str]:
    """Make an invitation for up to `uses` people; return its row and its token, which is not kept."""
    token = secrets.token_urlsafe(24)
    row = SignUpInvitationRow(
        id=secrets.token_hex(6),
        token_hash=token_hash(token),
        note=note,
        uses_left=uses,
        created_by=by,
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    record(session, now, by, "invitation.create", row.id, f"{note} for {uses}")
    session.flush()
    return row, token


def check(session: Session, token: str, now: datetime) -> SignUpInvitationRow:
    """Return the invitation that `token` belongs to.

    Raises
    ------
    ForbiddenError
        It is unknown, revoked, expired or used up.
    """
    row = session.scalar(
        select(SignUpInvitationRow).where(SignUpInvitationRow.token_hash == token_hash(token)).with_for_update()
    )
    if row is None or row.revoked_at is not None:
        raise ForbiddenError("This invitation is not valid. Ask whoever invited you for a new one.")
    if row.expires_at <= now:
        raise ForbiddenError("This invitation has expired. Ask whoever invited you for a new one.")
    if row.uses_left < 1:
        raise ForbiddenError("This invitation is used up. Ask whoever invited you for a new one.")
    return row


def use(session: Session, token: str, now: datetime) -> None:
    """Use an invitation once.

    Raises
    ------
    ForbiddenError
        It is unknown, revoked, expired or used up.
    """
    check(session, token, now).uses_left -= 1


def page(session: Session, before: tuple[datetime, str] | None, limit: int) -> Sequence[SignUpInvitationRow]:
    """Return up to `limit` invitations that are not revoked, the newest first."""
    row = SignUpInvitationRow
    query = select(row).where(row.revoked_at.is_(None)).order_by(row.created_at.desc(), row.id.desc()).limit(limit)
    if before is not None:
        query = query.where(tuple_(row.created_at, row.id) < before)
    return session.scalars(query).all()


def revoke(session: Session, invitation_id: str, *, by: str, now: datetime) -> None:
    """Make an invitation worthless.

    Raises
    ------
    NotFoundError
        There is none with this id.
    """
    row = session.get(SignUpInvitationRow, invitation_id)
    if row is None or row.revoked_at is not None:
        raise NotFoundError("There is no such invitation; it may be revoked already.")
    row.revoked_at = now
    record(session, now, by, "invitation.revoke", row.id, row.note)
