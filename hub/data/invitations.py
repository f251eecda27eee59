"""Invitation links in the database: every function takes the session of the caller's transaction."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.data import projects, users
from hub.data.audit import record
from hub.data.models import ProjectRow
from hub.data.project_models import InvitationRow
from hub.errors import NotFoundError
from hub.policy import Actor, Capability, Role, capabilities, decide

_DEAD = "Ask the person who sent it for a new one."


def create(
    session: Session,
    project: ProjectRow,
    role: Role,
    lifetime: timedelta,
    max_uses: int | None,
    *,
    by: str,
    now: datetime,
) -> tuple[InvitationRow, str]:
    """Make a link into a project; return it with its token, which is not kept."""
    token = secrets.token_urlsafe(24)
    invitation = InvitationRow(
        project_id=project.id,
        token_hash=_hash(token),
        role=role,
        created_by=by,
        created_at=now,
        expires_at=now + lifetime,
        max_uses=max_uses,
        uses=0,
    )
    session.add(invitation)
    record(session, now, by, "project.invite", project.id, f"link: {role.value}")
    session.flush()
    return invitation, token


def of_project(session: Session, project_id: str, now: datetime) -> Sequence[InvitationRow]:
    """Return the links into a project that still work, the newest first."""
    rows = session.scalars(
        select(InvitationRow)
        .where(
            InvitationRow.project_id == project_id,
            InvitationRow.revoked_at.is_(None),
            InvitationRow.expires_at > now,
        )
        .order_by(InvitationRow.id.desc())
    )
    return [row for row in rows if row.max_uses is None or row.uses < row.max_uses]


def revoke(session: Session, project_id: str, invitation_id: int, *, by: str, now: datetime) -> None:
    """Make a link invalid; who came by it stays.

    Raises
    ------
    NotFoundError
        The project has no such link.
    """
    invitation = session.get(InvitationRow, invitation_id)
    if invitation is None or invitation.project_id != project_id:
        raise NotFoundError("There is no such invitation link in this project.")
    if invitation.revoked_at is None:
        invitation.revoked_at = now
        record(session, now, by, "project.uninvite", project_id, f"link: {invitation.role.value}")


def find(session: Session, token: str, now: datetime, *, for_update: bool = False) -> InvitationRow:
    """Return the invitation of a token that works now.

    Raises
    ------
    NotFoundError
        It is unknown, revoked, expired or used up, its project is in the trash, or its maker may no longer invite.
    """
    query = select(InvitationRow).where(InvitationRow.token_hash == _hash(token))
    invitation = session.scalar(query.with_for_update() if for_update else query)
    if invitation is None or invitation.project.deleted_at is not None:
        raise NotFoundError(f"This invitation link is not valid. {_DEAD}")
    if invitation.revoked_at is not None or not _maker_may_invite(session, invitation):
        raise NotFoundError(f"This invitation link was revoked. {_DEAD}")
    if invitation.expires_at <= now:
        raise NotFoundError(f"This invitation link has expired. {_DEAD}")
    if invitation.max_uses is not None and invitation.uses >= invitation.max_uses:
        raise NotFoundError(f"This invitation link was used as often as it may be. {_DEAD}")
    return invitation


def accept(session: Session, token: str, actor: Actor, now: datetime) -> tuple[ProjectRow, Role]:
    """Make the actor a member by a link; it never takes rights away, and a link that gives none is not used up."""
    invitation = find(session, token, now, for_update=True)
    project, user = invitation.project, users.get(session, actor.name)
    held = projects.role_of(project, actor.name)
    if held is not None and capabilities(Actor(actor.name), invitation.role) <= capabilities(Actor(actor.name), held):
        return project, held
    projects.set_member(session, project, user, invitation.role, by=invitation.created_by, now=now)
    invitation.uses += 1
    record(session, now, actor.name, "project.join", project.id, f"by a link of {invitation.created_by}")
    return project, invitation.role


def _maker_may_invite(session: Session, invitation: InvitationRow) -> bool:
    try:
        maker = users.get(session, invitation.created_by)
    except NotFoundError:
        return False
    role = projects.role_of(invitation.project, maker.name)
    return maker.is_active and decide(Actor(maker.name, maker.is_admin), role, Capability.MANAGE_MEMBERS)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
