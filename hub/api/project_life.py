"""Operations on a project as a whole: star, trash, transfer, templates, activity."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from hub.api.context import Context
from hub.api.operation import Query, operation
from hub.api.project_schemas import Activity, ActivityList, Template, TemplateList, Transfer
from hub.api.projects import answer
from hub.api.schemas import Person, Project
from hub.data import people, project_life, projects
from hub.errors import InvalidError
from hub.policy import Capability
from hub.project_files import remove_folder
from hub.project_pipelines import of_platform
from hub.project_sources import templates


class ActivityQuery(Query):
    """Which page."""

    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@operation("PUT", "/projects/{project_id}/star", "Mark a project as a favourite", status=204)
async def star_project(ctx: Context) -> None:
    """Mark the project as one of the caller's favourites."""
    await ctx.platform.transaction(project_life.set_star, ctx.path["project_id"], ctx.actor, True)


@operation("DELETE", "/projects/{project_id}/star", "Take the mark away", status=204)
async def unstar_project(ctx: Context) -> None:
    """Take the caller's mark off the project."""
    await ctx.platform.transaction(project_life.set_star, ctx.path["project_id"], ctx.actor, False)


@operation(
    "POST", "/projects/{project_id}/transfer", "Hand a project to another owner", body=Transfer, response=Project
)
async def transfer_project(ctx: Context) -> Project:
    """Make somebody else the owner in the caller's place, who stays as an editor."""
    to, project_id = ctx.body_as(Transfer).to, ctx.path["project_id"]
    row = await ctx.platform.transaction(project_life.transfer, project_id, ctx.actor, to, ctx.platform.now())
    return await answer(ctx, row)


@operation("POST", "/trash/{project_id}/restore", "Bring a project back from the trash", response=Project)
async def restore_project(ctx: Context) -> Project:
    """Bring a project back with all its files and people."""
    row = await ctx.platform.transaction(project_life.restore, ctx.path["project_id"], ctx.actor, ctx.platform.now())
    return await answer(ctx, row)


@operation("DELETE", "/trash/{project_id}", "Delete a project for good", status=204)
async def purge_project(ctx: Context) -> None:
    """Delete a project that is in the trash, with all its files; nothing brings it back."""
    project_id = ctx.path["project_id"]
    await ctx.platform.transaction(project_life.purge, project_id, ctx.actor, ctx.platform.now())
    await asyncio.to_thread(remove_folder, ctx.platform.settings.projects_dir / project_id)
    await asyncio.to_thread(of_platform(ctx.platform).forget, project_id)


@operation("GET", "/templates", "What new projects can start with", response=TemplateList)
async def list_templates(ctx: Context) -> TemplateList:
    """Return the templates of this installation."""
    found = await asyncio.to_thread(templates, ctx.platform.settings.templates_dir)
    return TemplateList(items=[Template(name=t.name, title=t.title, description=t.description) for t in found])


@operation(
    "GET", "/projects/{project_id}/activity", "What happened to a project", query=ActivityQuery, response=ActivityList
)
async def read_activity(ctx: Context) -> ActivityList:
    """Return one page of what happened, the latest first."""
    query, project_id, actor = ctx.query_as(ActivityQuery), ctx.path["project_id"], ctx.actor
    before = _cursor(query.cursor)

    def work(session: Session) -> ActivityList:
        needed = Capability.MANAGE_PROJECT if actor.is_admin else Capability.READ
        projects.get(session, project_id, actor, needed)
        rows = project_life.activity(session, project_id, before, query.limit + 1)
        shown = rows[: query.limit]
        names = people.display_names(session, {row.actor for row in shown})
        items = [
            Activity(
                id=row.id,
                at=row.at,
                actor=Person(name=row.actor, display_name=names.get(row.actor, row.actor)),
                action=row.action,
                detail=row.detail,
            )
            for row in shown
        ]
        more = len(rows) > query.limit
        return ActivityList(items=items, next_cursor=str(shown[-1].id) if more else None)

    return await ctx.platform.read(work)


def _cursor(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or len(text) > 18:
        raise InvalidError("The cursor is not one that a list gave out.", {"cursor": "is not valid"})
    return int(text)
