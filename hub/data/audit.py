"""The append-only record of who did what."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from hub.data.models import AuditRow


def record(session: Session, now: datetime, actor: str, action: str, subject: str, detail: str = "") -> None:
    """Add one line to the audit log, in the transaction of what it records."""
    session.add(AuditRow(at=now, actor=actor, action=action, subject=subject, detail=detail))
