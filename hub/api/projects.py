"""Operations on projects, their members and their servers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from hub import policy
from hub.api import cursors
from hub.api.context import Context
from hub.api.new_projects import make_project
from hub.api.operation import Audience, Query, operation
from hub.api.people import avatar_url
from hub.api.people import person as as_person
from hub.api.schemas import (
    Access,
    Member,
    MemberUpdate,
    Project,
    ProjectCreate,
    ProjectList,
    ProjectSummary,
    ProjectUpdate,
)
from hub.data import project_life, projects, sessions, users
from hub.data.audit import record
from hub.data.models import ProjectRow
from hub.data.projects import View
from hub.errors import ForbiddenError, InvalidError, NotFoundError
from hub.jupyterhub_api import ServerStatus
from hub.policy import Actor, Capability, Role

PAGE_LIMIT = 200
Row = tuple[ProjectRow, Role | None]


@dataclass(frozen=True)
class Around:
    """What is shown beside the rows of the database."""

    states: dict[str, ServerStatus] = field(default_factory=dict)
    starred: frozenset[str] = frozenset()
    trash_lifetime: timedelta = timedelta()


class ProjectsQuery(Query):
    """Which projects, which page."""

    search: str = ""
    view: Annotated[View, Field(description="Which of one's projects; the trash holds what one owns.")] = View.ACTIVE
    everybody: Annotated[bool, Field(description="All projects, not one's own; for administrators.")] = False
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 50


@operation("GET", "/projects", "List one's projects", query=ProjectsQuery, response=ProjectList)
async def list_projects(ctx: Context) -> ProjectList:
    """Return one page of the caller's projects, the last changed first."""
    query, actor = ctx.query_as(ProjectsQuery), ctx.actor
    if query.everybody and not actor.is_admin:
        raise ForbiddenError("Only administrators may list everybody's projects.")
    whose = None if query.everybody else actor.name
    before = cursors.decode(query.cursor)

    def work(session: Session) -> tuple[Sequence[ProjectRow], frozenset[str]]:
        rows = projects.page(session, whose, query.search.strip(), before, query.limit + 1, query.view)
        return rows, projects.starred(session, actor.name, [row.id for row in rows])

    rows, starred = await ctx.platform.read(work)
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    around = await _around(ctx, starred)
    items = [ProjectSummary.model_validate(_summary((row, projects.role_of(row, actor.name)), around)) for row in rows]
    return ProjectList(items=items, next_cursor=cursors.encode(rows[-1].updated_at, rows[-1].id) if more else None)


@operation(
    "POST", "/projects", "Create a project, empty or from a copy", body=ProjectCreate, response=Project, status=201
)
async def create_project(ctx: Context) -> Project:
    """Create a project that the caller owns."""
    project = await make_project(ctx, ctx.body_as(ProjectCreate))
    return await answer(ctx, (project, Role.OWNER))


@operation("GET", "/projects/{project_id}", "A project with its people", response=Project, from_project=True)
async def read_project(ctx: Context) -> Project:
    """Return one project."""
    actor, project_id = ctx.actor, ctx.path["project_id"]

    def work(session: Session) -> tuple[Row, frozenset[str]]:
        return _visible(session, project_id, actor), projects.starred(session, actor.name, [project_id])

    row, starred = await ctx.platform.read(work)
    return _project(row, actor, await _around(ctx, starred))


@operation("PATCH", "/projects/{project_id}", "Rename, describe or archive", body=ProjectUpdate, response=Project)
async def update_project(ctx: Context) -> Project:
    """Change a project's name or description, put it away, or choose its server's profile."""
    change, actor, now = ctx.body_as(ProjectUpdate), ctx.actor, ctx.platform.now()
    if change.profile is not None and change.profile not in ctx.platform.settings.profiles:
        raise InvalidError(f"There is no profile “{change.profile}”.", {"profile": "is unknown"})

    def work(session: Session) -> Row:
        project, role = projects.get(session, ctx.path["project_id"], actor, Capability.MANAGE_PROJECT)
        ctx.check_match(_project((project, role), actor, Around()))
        for name, value in change.model_dump(exclude_none=True, exclude={"archived"}).items():
            setattr(project, name, value)
            record(session, now, actor.name, f"project.{name}", project.id, value)
        if change.archived is not None:
            project_life.archive(session, project, change.archived, by=actor.name, now=now)
        project.updated_at = now
        return project, role

    row = await ctx.platform.transaction(work)
    if change.archived:
        await ctx.platform.jupyterhub.stop_server(ctx.path["project_id"])
    return await answer(ctx, row)


@operation("DELETE", "/projects/{project_id}", "Move a project to the trash", status=204)
async def delete_project(ctx: Context) -> None:
    """Take a project out of every list and stop its server; its owners can restore it from the trash."""
    await ctx.platform.transaction(project_life.move_to_trash, ctx.path["project_id"], ctx.actor, ctx.platform.now())
    await ctx.platform.jupyterhub.stop_server(ctx.path["project_id"])


@operation(
    "PUT",
    "/projects/{project_id}/members/{user_name}",
    "Add a member or change their role",
    body=MemberUpdate,
    response=Project,
)
async def set_member(ctx: Context) -> Project:
    """Give a user a role in the project."""
    return await _change_member(ctx, ctx.body_as(MemberUpdate).role)


@operation("DELETE", "/projects/{project_id}/members/{user_name}", "Remove a member, or leave", response=Project)
async def remove_member(ctx: Context) -> Project:
    """Take a user out of the project; everybody may leave by themselves."""
    return await _change_member(ctx, None)


@operation(
    "GET",
    "/internal/projects/{project_id}/access/{user_name}",
    "What a user may do in a project, for its server",
    audience=Audience.PROJECT_SERVER,
    response=Access,
)
async def read_access(ctx: Context) -> Access:
    """Return a user's capabilities in the project of the server that asks."""
    project_id, user_name = ctx.own_project_id, ctx.path["user_name"]

    def work(session: Session) -> Access:
        user = users.get(session, user_name)
        person = as_person(user)
        try:
            _, role = projects.get(session, project_id, Actor(user_name), Capability.READ)
        except (NotFoundError, ForbiddenError):
            return Access(user=person, role=None, capabilities=[])
        held = policy.capabilities(Actor(user_name), role)
        signed_in = [row.id for row in sessions.of_user(session, user, ctx.platform.now())]
        return Access(user=person, role=role, capabilities=sorted(held), sessions=signed_in)

    return await ctx.platform.read(work)


async def _change_member(ctx: Context, role: Role | None) -> Project:
    actor, now, user_name = ctx.actor, ctx.platform.now(), ctx.path["user_name"]
    leaving = role is None and user_name == actor.name

    def work(session: Session) -> Row:
        needed = Capability.READ if leaving else Capability.MANAGE_MEMBERS
        project, own_role = projects.get(session, ctx.path["project_id"], actor, needed)
        user = users.get(session, user_name)
        if not user.is_active and role is not None:
            raise InvalidError(f"“{user_name}” is deactivated and cannot be added.")
        projects.set_member(session, project, user, role, by=actor.name, now=now)
        return project, projects.role_of(project, actor.name) if user_name == actor.name else own_role

    return await answer(ctx, await ctx.platform.transaction(work))


def _visible(session: Session, project_id: str, actor: Actor) -> Row:
    needed = Capability.MANAGE_PROJECT if actor.is_admin else Capability.READ
    return projects.get(session, project_id, actor, needed)


async def answer(ctx: Context, row: Row) -> Project:
    """Return a project as operations answer with it."""
    starred = await ctx.platform.read(projects.starred, ctx.actor.name, [row[0].id])
    return _project(row, ctx.actor, await _around(ctx, starred))


async def _around(ctx: Context, starred: frozenset[str]) -> Around:
    lifetime = timedelta(days=ctx.platform.settings.trash_days)
    return Around(await ctx.platform.jupyterhub.recent_server_states(), starred, lifetime)


def _summary(row: Row, around: Around) -> dict[str, object]:
    project, role = row
    owners = [m.user for m in project.memberships if m.role is Role.OWNER]
    status = around.states.get(project.id)
    stopped = "failed" if project.server_failure else "stopped"
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "role": role,
        "owners": [as_person(u) for u in owners],
        "member_count": len(project.memberships),
        "created_at": project.created_at,
        "updated_at": project.updated_at,
        "server_state": status.state if status else stopped,
        "starred": project.id in around.starred,
        "archived_at": project.archived_at,
        "deleted_at": project.deleted_at,
        "purge_at": project.deleted_at + around.trash_lifetime if project.deleted_at else None,
    }


def _project(row: Row, actor: Actor, around: Around) -> Project:
    project, role = row
    members = [
        Member(
            name=m.user.name,
            display_name=m.user.display_name,
            avatar_url=avatar_url(m.user),
            role=m.role,
            since=m.since,
        )
        for m in project.memberships
    ]
    held = sorted(policy.capabilities(actor, role))
    more = {"members": members, "capabilities": held, "profile": project.profile}
    return Project.model_validate(_summary(row, around) | more)
