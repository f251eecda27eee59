"""What somebody may use: rules for everybody, for groups and for single users, and how they combine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.data import users
from hub.data.models import ProjectRow, UserRow
from hub.data.project_models import QuotaGroupMemberRow, QuotaRow
from hub.policy import Role

DEFAULT, GROUP, USER = "default", "group", "user"


@dataclass(frozen=True)
class Limits:
    """What may be used; `None` is without a limit.

    Parameters
    ----------
    running_servers
        How many servers may run at once that one user has started.
    storage_bytes
        What the files of one project may take.
    gpus
        How many GPUs the running servers of one user may hold together.
    profiles
        Names of the server profiles that may be chosen.
    """

    running_servers: int | None = None
    storage_bytes: int | None = None
    gpus: int | None = None
    profiles: frozenset[str] | None = None


def combine(everybody: Limits, groups: Iterable[Limits], own: Limits) -> Limits:
    """Return what holds for one user: their own rule, else the most generous of their groups', else everybody's.

    Each limit is looked for by itself. A rule that says nothing about a limit does not lift it.
    """
    given = list(groups)
    return Limits(**{f.name: _first(f.name, own, given, everybody) for f in fields(Limits)})  # type: ignore[arg-type]


def limits_of(session: Session, user_name: str) -> Limits:
    """Return what a user may use."""
    rows = session.scalars(select(QuotaRow)).all()
    groups = set(
        session.scalars(
            select(QuotaGroupMemberRow.group)
            .join(UserRow, UserRow.id == QuotaGroupMemberRow.user_id)
            .where(UserRow.name == user_name)
        )
    )
    everybody = next((_limits(row) for row in rows if row.kind == DEFAULT), Limits())
    own = next((_limits(row) for row in rows if row.kind == USER and row.name == user_name), Limits())
    return combine(everybody, (_limits(row) for row in rows if row.kind == GROUP and row.name in groups), own)


def storage_bytes_of(session: Session, project: ProjectRow) -> int | None:
    """Return what a project may hold: the most that one of its owners may have; `None` without a limit."""
    names = [membership.user.name for membership in project.memberships if membership.role is Role.OWNER]
    found = [limits_of(session, name).storage_bytes for name in names]
    return None if None in found or not found else max(size for size in found if size is not None)


def rules(session: Session) -> Sequence[QuotaRow]:
    """Return all rules."""
    return session.scalars(select(QuotaRow).order_by(QuotaRow.kind, QuotaRow.name)).all()


def set_rule(session: Session, kind: str, name: str, limits: Limits) -> QuotaRow:
    """Write a rule; one that says nothing is deleted by `remove_rule`."""
    if kind == USER:
        users.get(session, name)
    row = session.get(QuotaRow, (kind, name)) or QuotaRow(kind=kind, name=name)
    row.running_servers, row.storage_bytes, row.gpus = limits.running_servers, limits.storage_bytes, limits.gpus
    row.profiles = None if limits.profiles is None else ",".join(sorted(limits.profiles))
    session.add(row)
    return row


def remove_rule(session: Session, kind: str, name: str) -> None:
    """Delete a rule; nothing happens when there is none."""
    session.execute(delete(QuotaRow).where(QuotaRow.kind == kind, QuotaRow.name == name))


def group_members(session: Session) -> dict[str, list[str]]:
    """Return the names of each group's members."""
    query = select(QuotaGroupMemberRow.group, UserRow.name).join(UserRow, UserRow.id == QuotaGroupMemberRow.user_id)
    found: dict[str, list[str]] = {}
    for group, name in session.execute(query.order_by(UserRow.name)):
        found.setdefault(group, []).append(name)
    return found


def set_group(session: Session, group: str, members: Iterable[str]) -> None:
    """Say who is in a group; nobody: the group is gone."""
    session.execute(delete(QuotaGroupMemberRow).where(QuotaGroupMemberRow.group == group))
    for name in sorted(set(members)):
        session.add(QuotaGroupMemberRow(group=group, user_id=users.get(session, name).id))


def limits_of_row(row: QuotaRow) -> Limits:
    """Return a rule's limits."""
    return _limits(row)


def _limits(row: QuotaRow) -> Limits:
    profiles = None if row.profiles is None else frozenset(filter(None, row.profiles.split(",")))
    return Limits(row.running_servers, row.storage_bytes, row.gpus, profiles)


def _first(name: str, own: Limits, groups: list[Limits], everybody: Limits) -> object:
    if getattr(own, name) is not None:
        return getattr(own, name)
    given = [getattr(limits, name) for limits in groups if getattr(limits, name) is not None]
    if given:
        return frozenset().union(*given) if name == "profiles" else max(given)
    return getattr(everybody, name)
