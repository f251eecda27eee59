"""What happens to a project as a whole: star, archive, trash, restore, purge, transfer, activity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.data import projects, users
from hub.data.audit import record
from hub.data.models import AuditRow, ProjectRow
from hub.data.project_models import StarRow
from hub.errors import ConflictError
from hub.policy import Actor, Capability, Role


def set_star(session: Session, project_id: str, actor: Actor, is_starred: bool) -> None:
    """Mark a project as one of the actor's favourites, or take the mark away; repeating it changes nothing."""
    project, _ = projects.get(session, project_id, actor, Capability.READ)
    user = users.get(session, actor.name)
    star = session.get(StarRow, (user.id, project.id))
    if is_starred and star is None:
        session.add(StarRow(user_id=user.id, project_id=project.id))
    elif not is_starred and star is not None:
        session.delete(star)


def archive(session: Session, project: ProjectRow, is_archived: bool, *, by: str, now: datetime) -> None:
    """Put a project away for all its members, or bring it back to their lists."""
    if (project.archived_at is not None) == is_archived:
        return
    project.archived_at = now if is_archived else None
    record(session, now, by, "project.archive" if is_archived else "project.unarchive", project.id)


def move_to_trash(session: Session, project_id: str, actor: Actor, now: datetime) -> None:
    """Take a project out of every list; an owner can restore it until it is purged."""
    project, _ = projects.get(session, project_id, actor, Capability.DELETE_PROJECT)
    project.deleted_at = now
    record(session, now, actor.name, "project.delete", project.id, project.name)


def restore(session: Session, project_id: str, actor: Actor, now: datetime) -> tuple[ProjectRow, Role | None]:
    """Bring a project back from the trash."""
    project, role = projects.get(session, project_id, actor, Capability.DELETE_PROJECT, in_trash=True)
    project.deleted_at = None
    project.updated_at = now
    record(session, now, actor.name, "project.restore", project.id, project.name)
    return project, role


def purge(session: Session, project_id: str, actor: Actor, now: datetime) -> None:
    """Delete a project in the trash for good; its files are the caller's to remove, once this is committed."""
    project, _ = projects.get(session, project_id, actor, Capability.DELETE_PROJECT, in_trash=True)
    _purge(session, project, by=actor.name, now=now)


def purge_expired(session: Session, lifetime: timedelta, now: datetime) -> list[str]:
    """Delete the projects for good that have been in the trash for longer than `lifetime`; return their ids."""
    expired = session.scalars(
        select(ProjectRow).where(ProjectRow.deleted_at.is_not(None), ProjectRow.deleted_at <= now - lifetime)
    ).all()
    for project in expired:
        _purge(session, project, by="platform", now=now)
    return [project.id for project in expired]


def transfer(session: Session, project_id: str, actor: Actor, to: str, now: datetime) -> tuple[ProjectRow, Role | None]:
    """Make `to` the owner of a project in the place of the actor (of all owners, when an administrator does it).

    Raises
    ------
    ConflictError
        They own it already, or their account is deactivated.
    """
    project, role = projects.get(session, project_id, actor, Capability.DELETE_PROJECT)
    user = users.get(session, to)
    if not user.is_active:
        raise ConflictError(f"“{to}” is deactivated and cannot own a project.")
    owners = [m.user for m in project.memberships if m.role is Role.OWNER]
    if to == actor.name or (role is None and owners == [user]):
        raise ConflictError(f"“{to}” owns this project already.")
    projects.set_member(session, project, user, Role.OWNER, by=actor.name, now=now)
    for owner in owners:
        if owner.name != to and (role is None or owner.name == actor.name):
            projects.set_member(session, project, owner, Role.EDITOR, by=actor.name, now=now)
    record(session, now, actor.name, "project.transfer", project.id, to)
    return project, projects.role_of(project, actor.name)


def activity(session: Session, project_id: str, before: int | None, limit: int) -> Sequence[AuditRow]:
    """Return what happened to a project, the latest first."""
    query = select(AuditRow).where(AuditRow.subject == project_id).order_by(AuditRow.id.desc()).limit(limit)
    return session.scalars(query.where(AuditRow.id < before) if before is not None else query).all()


def _purge(session: Session, project: ProjectRow, *, by: str, now: datetime) -> None:
    record(session, now, by, "project.purge", project.id, project.name)
    session.execute(delete(ProjectRow).where(ProjectRow.id == project.id))  # what belongs to it goes with it
