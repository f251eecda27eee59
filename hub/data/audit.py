"""The append-only record of who did what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.data.models import AuditRow


def record(session: Session, now: datetime, actor: str, action: str, subject: str, detail: str = "") -> None:
    """Add one line to the audit log, in the transaction of what it records."""
    session.add(AuditRow(at=now, actor=actor[:64], action=action, subject=subject[:128], detail=detail))


@dataclass(frozen=True)
class Filter:
    """Which lines of the audit log; an empty text or None means all.

    Parameters
    ----------
    actor, subject
        Exactly this person or thing.
    action
        This action or this group of actions: `user` means `user.create`, `user.password` and so on.
    since, until
        Not before `since`, before `until`.
    """

    actor: str = ""
    action: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None


def lines(session: Session, wanted: Filter, before: int | None, limit: int) -> Sequence[AuditRow]:
    """Return up to `limit` lines, the newest first; `before` is the number of the last line of the page before."""
    query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
    if wanted.actor:
        query = query.where(AuditRow.actor == wanted.actor)
    if wanted.subject:
        query = query.where(AuditRow.subject == wanted.subject)
    if wanted.action:
        whole = AuditRow.action == wanted.action
        query = query.where(whole | AuditRow.action.startswith(f"{wanted.action}.", autoescape=True))
    if wanted.since is not None:
        query = query.where(AuditRow.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AuditRow.at < wanted.until)
    if before is not None:
        query = query.where(AuditRow.id < before)
    return session.scalars(query).all()
