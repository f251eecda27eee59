"""Announcements to everybody in the database."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select, tuple_
from sqlalchemy.orm import Session

from hub.data.account_models import AnnouncementRow
from hub.data.audit import record
from hub.errors import NotFoundError


def create(
    session: Session, text: str, level: str, starts_at: datetime, ends_at: datetime | None, *, by: str, now: datetime
) -> AnnouncementRow:
    """Add an announcement."""
    row = AnnouncementRow(
        id=secrets.token_hex(6),
        text=text,
        level=level,
        starts_at=starts_at,
        ends_at=ends_at,
        created_by=by,
        created_at=now,
    )
    session.add(row)
    record(session, now, by, "announcement.create", row.id, text[:200])
    session.flush()
    return row


def get(session: Session, announcement_id: str) -> AnnouncementRow:
    """Return one announcement.

    Raises
    ------
    NotFoundError
        There is none with this id.
    """
    row = session.get(AnnouncementRow, announcement_id, with_for_update=True)
    if row is None:
        raise NotFoundError("There is no such announcement.")
    return row


def current(session: Session, now: datetime) -> Sequence[AnnouncementRow]:
    """Return what is announced now, the newest first."""
    return session.scalars(
        select(AnnouncementRow)
        .where(AnnouncementRow.starts_at <= now, or_(AnnouncementRow.ends_at.is_(None), AnnouncementRow.ends_at > now))
        .order_by(AnnouncementRow.starts_at.desc(), AnnouncementRow.id)
        .limit(5)
    ).all()


def page(session: Session, before: tuple[datetime, str] | None, limit: int) -> Sequence[AnnouncementRow]:
    """Return up to `limit` announcements, past and coming ones too, the last to start first."""
    query = select(AnnouncementRow).order_by(AnnouncementRow.starts_at.desc(), AnnouncementRow.id.desc()).limit(limit)
    if before is not None:
        query = query.where(tuple_(AnnouncementRow.starts_at, AnnouncementRow.id) < before)
    return session.scalars(query).all()


def delete(session: Session, announcement_id: str, *, by: str, now: datetime) -> None:
    """Take an announcement away."""
    row = get(session, announcement_id)
    session.delete(row)
    record(session, now, by, "announcement.delete", row.id, row.text[:200])
