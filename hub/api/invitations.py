"""Operations on invitation links."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from hub.api.context import Context
from hub.api.operation import operation
from hub.api.project_schemas import Invitation, InvitationCreate, InvitationList, InvitationPreview, NewInvitation
from hub.api.projects import answer
from hub.api.schemas import Person, Project
from hub.data import invitations, people, projects
from hub.data.project_models import InvitationRow
from hub.errors import NotFoundError
from hub.policy import Capability
from hub.runtime import SERVICE_PREFIX


@operation(
    "POST",
    "/projects/{project_id}/invitations",
    "Make an invitation link",
    body=InvitationCreate,
    response=NewInvitation,
    status=201,
    has_secret=True,
)
async def create_invitation(ctx: Context) -> NewInvitation:
    """Make a link that makes its bearers members; its address is shown this once."""
    new, actor, now = ctx.body_as(InvitationCreate), ctx.actor, ctx.platform.now()

    def work(session: Session) -> NewInvitation:
        project, _ = projects.get(session, ctx.path["project_id"], actor, Capability.MANAGE_MEMBERS)
        lifetime = timedelta(days=new.lifetime_days)
        row, token = invitations.create(session, project, new.role, lifetime, new.max_uses, by=actor.name, now=now)
        url = f"{ctx.platform.settings.public_url.rstrip('/')}{SERVICE_PREFIX}join/{token}"
        return NewInvitation(**_model(session, row).model_dump(), url=url)

    return await ctx.platform.transaction(work)


@operation("GET", "/projects/{project_id}/invitations", "The invitation links that work", response=InvitationList)
async def list_invitations(ctx: Context) -> InvitationList:
    """Return the project's links, without their secrets."""

    def work(session: Session) -> InvitationList:
        project, _ = projects.get(session, ctx.path["project_id"], ctx.actor, Capability.MANAGE_MEMBERS)
        rows = invitations.of_project(session, project.id, ctx.platform.now())
        return InvitationList(items=[_model(session, row) for row in rows])

    return await ctx.platform.read(work)


@operation("DELETE", "/projects/{project_id}/invitations/{invitation_id}", "Revoke an invitation link", status=204)
async def revoke_invitation(ctx: Context) -> None:
    """Make a link invalid; people who came by it stay members."""
    given = ctx.path["invitation_id"]

    def work(session: Session) -> None:
        project, _ = projects.get(session, ctx.path["project_id"], ctx.actor, Capability.MANAGE_MEMBERS)
        if not given.isdigit() or len(given) > 18:
            raise NotFoundError("There is no such invitation link in this project.")
        invitations.revoke(session, project.id, int(given), by=ctx.actor.name, now=ctx.platform.now())

    await ctx.platform.transaction(work)


@operation("GET", "/invitations/{token}", "What an invitation link leads to", response=InvitationPreview)
async def read_invitation(ctx: Context) -> InvitationPreview:
    """Return the project's name and the role, for somebody who is about to accept."""

    def work(session: Session) -> InvitationPreview:
        row = invitations.find(session, ctx.path["token"], ctx.platform.now())
        is_member = projects.role_of(row.project, ctx.actor.name) is not None
        return InvitationPreview(
            project_name=row.project.name,
            role=row.role,
            invited_by=_person(session, row.created_by),
            member_count=len(row.project.memberships),
            expires_at=row.expires_at,
            project_id=row.project_id if is_member else None,
        )

    return await ctx.platform.read(work)


@operation("POST", "/invitations/{token}", "Become a member by an invitation link", response=Project)
async def accept_invitation(ctx: Context) -> Project:
    """Make the caller a member, with the link's role or the better one that they have."""
    row = await ctx.platform.transaction(invitations.accept, ctx.path["token"], ctx.actor, ctx.platform.now())
    return await answer(ctx, row)


def _model(session: Session, row: InvitationRow) -> Invitation:
    return Invitation(
        id=row.id,
        role=row.role,
        created_by=_person(session, row.created_by),
        created_at=row.created_at,
        expires_at=row.expires_at,
        uses=row.uses,
        max_uses=row.max_uses,
    )


def _person(session: Session, name: str) -> Person:
    return Person(name=name, display_name=people.display_names(session, {name}).get(name, name))
