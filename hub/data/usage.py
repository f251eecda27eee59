"""What projects' servers use, by day, project and user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.data.models import ProjectRow
from hub.data.project_models import UsageRow


@dataclass(frozen=True)
class Spent:
    """What a server used since it last told.

    Parameters
    ----------
    cpu_seconds, gpu_seconds
        Of all its processes together.
    memory_byte_seconds
        Memory that is its own, times how long it was held.
    """

    cpu_seconds: float
    memory_byte_seconds: float
    gpu_seconds: float


def add(session: Session, project_id: str, spent: Spent, storage_bytes: int | None, now: datetime) -> None:
    """Count what a server used for the user who had it started."""
    project = session.get(ProjectRow, project_id)
    if project is None:
        return
    key = (now.date(), project_id, project.started_by)
    row = session.get(UsageRow, key, with_for_update=True)
    if row is None:
        row = UsageRow(
            day=key[0],
            project_id=key[1],
            user_name=key[2],
            cpu_seconds=0.0,
            memory_byte_seconds=0.0,
            gpu_seconds=0.0,
            storage_bytes=0,
        )
        session.add(row)
    row.cpu_seconds += spent.cpu_seconds
    row.memory_byte_seconds += spent.memory_byte_seconds
    row.gpu_seconds += spent.gpu_seconds
    if storage_bytes is not None:
        row.storage_bytes = storage_bytes
    session.flush()


def of(
    session: Session, since: date, *, project_id: str | None = None, user_name: str | None = None
) -> Sequence[UsageRow]:
    """Return what was used since a day, of one project, of one user, or of all."""
    query = select(UsageRow).where(UsageRow.day >= since).order_by(UsageRow.day, UsageRow.project_id)
    if project_id is not None:
        query = query.where(UsageRow.project_id == project_id)
    if user_name is not None:
        query = query.where(UsageRow.user_name == user_name)
    return session.scalars(query).all()
