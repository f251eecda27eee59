"""Operations on the groups of the hub whose members are in a course."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from courseware import Capability, CourseRole, hub_groups
from courseware.models import EnrolmentRow
from hub.api.context import Context
from hub.api.course_support import course_of, transaction
from hub.api.operation import operation
from hub.api.schemas import Body
from hub.course_groups import synchronise
from hub.errors import ForbiddenError

GROUPS = "/courses/{course_id}/hub-groups"


class HubGroupLink(Body):
    """A group of the hub, and what its members are in the course."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=255, strip_whitespace=True)]
    role: CourseRole = CourseRole.STUDENT
    section: Annotated[str, StringConstraints(max_length=64)] = ""


class HubGroupName(Body):
    """A group of the hub."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]


class HubGroup(BaseModel):
    """A group of the hub that is linked with a course, as of the last synchronisation."""

    name: str
    role: CourseRole
    section: str
    by: str
    since: datetime
    synchronised_at: datetime | None
    members: int = Field(description="Of the group.")
    enrolled: int = Field(description="Who is in the course through it.")
    problem: str


class HubGroupList(BaseModel):
    """The groups of a course."""

    items: list[HubGroup]


class HubGroupsSynchronised(BaseModel):
    """What a synchronisation changed: who came, who left, who stays out, who has no account, which group is gone."""

    enrolled: list[str]
    deactivated: list[str]
    kept_out: list[str]
    without_account: list[str]
    missing: list[str]
    items: list[HubGroup]


@operation("GET", GROUPS, "Groups of the hub that are in a course", response=HubGroupList)
async def list_hub_groups(ctx: Context) -> HubGroupList:
    """Return the groups whose members are in the course."""
    return await transaction(ctx, lambda session: HubGroupList(items=_groups(session, ctx)), read=True)


@operation("PUT", GROUPS, "Link a group of the hub with a course", body=HubGroupLink, response=HubGroupsSynchronised)
async def link_hub_group(ctx: Context) -> HubGroupsSynchronised:
    """Let the members of a group into the course, now and from now on, and out when they leave the group.

    Administrators link any group, instructors one that they are in.
    """
    given, now = ctx.body_as(HubGroupLink), ctx.platform.now()

    def is_linked(session: Session) -> bool:
        course = course_of(session, ctx, Capability.MANAGE)
        return given.name in [row.name for row in hub_groups.of_course(session, course.id)]

    if not await transaction(ctx, is_linked, read=True) and not ctx.actor.is_admin:
        members = await ctx.platform.jupyterhub.group_members(given.name)
        if ctx.actor.name not in (members or ()):
            raise ForbiddenError("You can link groups that you are in yourself. Ask an administrator for others.")

    def work(session: Session) -> None:
        course = course_of(session, ctx, Capability.MANAGE)
        hub_groups.link(session, course, given.name, given.role, given.section, by=ctx.actor.name, now=now)

    await transaction(ctx, work)
    return await _synchronised(ctx)


@operation("POST", GROUPS + "/unlink", "End the link with a group of the hub", body=HubGroupName, response=HubGroupList)
async def unlink_hub_group(ctx: Context) -> HubGroupList:
    """Take over no changes of a group any more; who is in the course stays in it."""
    given, now = ctx.body_as(HubGroupName), ctx.platform.now()

    def work(session: Session) -> HubGroupList:
        course = course_of(session, ctx, Capability.MANAGE)
        hub_groups.unlink(session, course, given.name, by=ctx.actor.name, now=now)
        return HubGroupList(items=_groups(session, ctx))

    return await transaction(ctx, work)


@operation("POST", GROUPS + "/synchronise", "Take over who is in the groups now", response=HubGroupsSynchronised)
async def synchronise_hub_groups(ctx: Context) -> HubGroupsSynchronised:
    """Bring the course in step with its groups at once; it happens every few minutes by itself."""
    await transaction(ctx, lambda session: course_of(session, ctx, Capability.MANAGE).id, read=True)
    return await _synchronised(ctx)


async def _synchronised(ctx: Context) -> HubGroupsSynchronised:
    done = await synchronise(ctx.platform, ctx.path["course_id"])
    items = await transaction(ctx, lambda session: _groups(session, ctx), read=True)
    return HubGroupsSynchronised(
        enrolled=list(done.enrolled),
        deactivated=list(done.deactivated),
        kept_out=list(done.kept_out),
        without_account=list(done.without_account),
        missing=list(done.missing),
        items=items,
    )


def _groups(session: Session, ctx: Context) -> list[HubGroup]:
    course = course_of(session, ctx, Capability.MANAGE)
    counted = select(EnrolmentRow.hub_group, func.count()).where(
        EnrolmentRow.course_id == course.id, EnrolmentRow.ended_at.is_(None)
    )
    enrolled = dict(session.execute(counted.group_by(EnrolmentRow.hub_group)).all())
    fields = ("name", "role", "section", "by", "since", "synchronised_at", "members", "problem")
    return [
        HubGroup.model_validate(
            {field: getattr(row, field) for field in fields} | {"enrolled": enrolled.get(row.name, 0)}
        )
        for row in hub_groups.of_course(session, course.id)
    ]
