"""Projects and their members in the database: every function takes the session of the caller's transaction."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Select, or_, select, tuple_
from sqlalchemy.orm import Session, joinedload, selectinload

from hub.data.audit import record
from hub.data.models import MembershipRow, ProjectRow, UserRow
from hub.data.project_models import StarRow
from hub.errors import ConflictError, ForbiddenError, NotFoundError
from hub.policy import Actor, Capability, Role, decide, last_owner_would_go, may_know_project

ID_LETTERS = "abcdefghijkmnpqrstuvwxyz"  # no l, o, 0, 1: an id may be read aloud
ID_LENGTH = 12
Cursor = tuple[datetime, str]


class View(StrEnum):
    """Which part of somebody's projects a list shows."""

    ACTIVE = "active"
    STARRED = "starred"
    ARCHIVED = "archived"
    TRASH = "trash"


def new_id() -> str:
    """Return an id that no project has."""
    # The id is the name of the project's server, of its folder and, on a cluster, of objects: a letter comes first.
    rest = (secrets.choice(ID_LETTERS + "23456789") for _ in range(ID_LENGTH - 1))
    return secrets.choice(ID_LETTERS) + "".join(rest)


def create(
    session: Session, name: str, description: str, owner: UserRow, now: datetime, project_id: str = ""
) -> ProjectRow:
    """Add a project owned by `owner`, under an id from `new_id` or a new one."""
    project_id = project_id or new_id()
    project = ProjectRow(id=project_id, name=name, description=description, created_at=now, updated_at=now)
    project.memberships.append(MembershipRow(user=owner, role=Role.OWNER, since=now))
    session.add(project)
    record(session, now, owner.name, "project.create", project_id, name)
    session.flush()
    return project


def get(
    session: Session, project_id: str, actor: Actor, needed: Capability, *, in_trash: bool = False
) -> tuple[ProjectRow, Role | None]:
    """Return a project and the role that `actor` holds in it, when they may do what `needed` names.

    Projects in the trash are found with `in_trash` only, and then no others.

    Raises
    ------
    NotFoundError
        No such project, or none that the actor may know of.
    ForbiddenError
        The actor's role does not carry the capability.
    """
    found = session.scalars(
        select(ProjectRow)
        .where(ProjectRow.id == project_id, ProjectRow.deleted_at.is_not(None) == in_trash)
        .options(joinedload(ProjectRow.memberships).joinedload(MembershipRow.user))
    )
    project = found.unique().one_or_none()
    role = role_of(project, actor.name) if project is not None else None
    if project is None or not may_know_project(actor, role):
        raise NotFoundError(f"There is no project “{project_id}”, or you are not a member of it.")
    if not decide(actor, role, needed):
        held = f"you are {role.value} of this project" if role else "you are not a member of this project"
        raise ForbiddenError(f"This needs the right to {needed.value.replace('_', ' ')}, and {held}.")
    return project, role


def role_of(project: ProjectRow, user_name: str) -> Role | None:
    """Return the role of a user in a loaded project, `None` for those who are not members or are deactivated."""
    for membership in project.memberships:
        if membership.user.name == user_name:
            return membership.role if membership.user.is_active else None
    return None


def page(
    session: Session,
    user_name: str | None,
    search: str,
    before: Cursor | None,
    limit: int,
    view: View = View.ACTIVE,
) -> Sequence[ProjectRow]:
    """Return up to `limit` projects, the last changed first.

    Parameters
    ----------
    session
        The transaction.
    user_name
        Whose projects; None for everybody's.
    search
        Part of the name or of the description, ignoring case; empty for all.
    before
        `(updated_at, id)` of the last project of the page before.
    limit
        How many at most.
    view
        Which of them; the trash shows what the user may restore: what they own.
    """
    query = (
        select(ProjectRow)
        .where(ProjectRow.deleted_at.is_not(None) == (view is View.TRASH))
        .options(selectinload(ProjectRow.memberships).joinedload(MembershipRow.user))
        .order_by(ProjectRow.updated_at.desc(), ProjectRow.id.desc())
        .limit(limit)
    )
    if user_name is not None:
        query = query.join(MembershipRow, MembershipRow.project_id == ProjectRow.id)
        query = query.join(UserRow, UserRow.id == MembershipRow.user_id).where(UserRow.name == user_name)
        query = _of_view(query, view)
    if search:
        query = query.where(
            or_(
                ProjectRow.name.icontains(search, autoescape=True),
                ProjectRow.description.icontains(search, autoescape=True),
            )
        )
    if before is not None:
        query = query.where(tuple_(ProjectRow.updated_at, ProjectRow.id) < before)
    return session.scalars(query).all()


def _of_view(query: Select[ProjectRow], view: View) -> Select[ProjectRow]:
    if view is View.TRASH:
        return query.where(MembershipRow.role == Role.OWNER)
    if view is View.STARRED:
        return query.join(StarRow, (StarRow.project_id == ProjectRow.id) & (StarRow.user_id == UserRow.id))
    return query.where(ProjectRow.archived_at.is_not(None) == (view is View.ARCHIVED))


def starred(session: Session, user_name: str, project_ids: Iterable[str]) -> frozenset[str]:
    """Return which of the projects a user has starred."""
    query = select(StarRow.project_id).join(UserRow, UserRow.id == StarRow.user_id)
    return frozenset(session.scalars(query.where(UserRow.name == user_name, StarRow.project_id.in_(list(project_ids)))))


def set_member(
    session: Session, project: ProjectRow, user: UserRow, role: Role | None, *, by: str, now: datetime
) -> None:
    """Give `user` a role in a project, or with `None` take them out.

    Raises
    ------
    ConflictError
        The project would be left without an owner.
    NotFoundError
        The user to take out is not a member.
    """
    owners = frozenset(m.user.name for m in project.memberships if m.role is Role.OWNER)
    if last_owner_would_go(owners, user.name, role):
        raise ConflictError(f"“{user.name}” is the only owner; make somebody else owner first.")
    membership = next((m for m in project.memberships if m.user_id == user.id), None)
    if role is None:
        if membership is None:
            raise NotFoundError(f"“{user.name}” is not a member of this project.")
        project.memberships.remove(membership)
    elif membership is None:
        project.memberships.append(MembershipRow(user=user, role=role, since=now))
    else:
        membership.role = role
    project.updated_at = now
    record(session, now, by, "project.member", project.id, f"{user.name}: {role.value if role else 'removed'}")
    session.flush()
