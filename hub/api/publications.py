"""Operations on what projects show to people outside."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from datetime import datetime
from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from hub.api.context import Context
from hub.api.course_support import blobs
from hub.api.new_projects import files_of
from hub.api.operation import Query, operation
from hub.api.project_schemas import (
    Publication,
    PublicationCreate,
    PublicationList,
    PublicationUpdate,
    PublishedContents,
    PublishedFile,
)
from hub.api.schemas import Person
from hub.data import people, projects, publications
from hub.data.project_models import PublicationRow
from hub.errors import InvalidError, NotFoundError
from hub.policy import Capability
from hub.publishing import snapshot
from hub.runtime import SERVICE_PREFIX


class ListedQuery(Query):
    """Which page."""

    search: Annotated[str, Field(max_length=200)] = ""
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@operation(
    "POST",
    "/projects/{project_id}/publications",
    "Publish a file or a folder",
    body=PublicationCreate,
    response=Publication,
    status=201,
)
async def publish(ctx: Context) -> Publication:
    """Show files, as they are now, to everybody who has the link."""
    new, actor, project_id = ctx.body_as(PublicationCreate), ctx.actor, ctx.path["project_id"]
    project, _ = await ctx.platform.read(projects.get, project_id, actor, Capability.PUBLISH)
    path = new.path.strip("/")
    contents = await asyncio.to_thread(snapshot, files_of(ctx.platform.settings, project_id), path, blobs(ctx))
    title = new.title or path.rpartition("/")[2] or project.name

    def work(session: Session) -> Publication:
        found, _ = projects.get(session, project_id, actor, Capability.PUBLISH)
        now = ctx.platform.now()
        row = publications.create(session, found, path, title, new.is_listed, contents, by=actor.name, now=now)
        return _model(ctx, session, row)

    return await ctx.platform.transaction(work)


@operation("GET", "/projects/{project_id}/publications", "What a project publishes", response=PublicationList)
async def list_publications(ctx: Context) -> PublicationList:
    """Return what the project shows to people outside."""

    def work(session: Session) -> PublicationList:
        project, _ = projects.get(session, ctx.path["project_id"], ctx.actor, Capability.READ)
        return PublicationList(
            items=[_model(ctx, session, row) for row in publications.of_project(session, project.id)]
        )

    return await ctx.platform.read(work)


@operation(
    "PATCH",
    "/projects/{project_id}/publications/{publication_id}",
    "Change or refresh a publication",
    body=PublicationUpdate,
    response=Publication,
)
async def update_publication(ctx: Context) -> Publication:
    """Change the title or the listing, or show the files as they are now."""
    change, actor, project_id = ctx.body_as(PublicationUpdate), ctx.actor, ctx.path["project_id"]
    path = (await ctx.platform.read(_own, ctx)).path
    contents = None
    if change.refresh:
        contents = await asyncio.to_thread(snapshot, files_of(ctx.platform.settings, project_id), path, blobs(ctx))

    def work(session: Session) -> Publication:
        row = _own(session, ctx)
        publications.update(
            session,
            row,
            title=change.title,
            is_listed=change.is_listed,
            contents=contents,
            by=actor.name,
            now=ctx.platform.now(),
        )
        return _model(ctx, session, row)

    return await ctx.platform.transaction(work)


@operation("DELETE", "/projects/{project_id}/publications/{publication_id}", "Stop publishing", status=204)
async def revoke_publication(ctx: Context) -> None:
    """Stop showing the files; the address answers as if it had never been."""

    def work(session: Session) -> None:
        publications.revoke(session, _own(session, ctx), by=ctx.actor.name, now=ctx.platform.now())

    await ctx.platform.transaction(work)


@operation("GET", "/published", "Listed publications", query=ListedQuery, response=PublicationList)
async def list_published(ctx: Context) -> PublicationList:
    """Return one page of what everybody may find, the latest first."""
    query = ctx.query_as(ListedQuery)
    before = _decoded(query.cursor) if query.cursor else None

    def work(session: Session) -> PublicationList:
        rows = publications.listed(session, query.search.strip(), before, query.limit + 1)
        shown = rows[: query.limit]
        items = [_model(ctx, session, row) for row in shown]
        return PublicationList(items=items, next_cursor=_encoded(shown[-1]) if len(rows) > query.limit else None)

    return await ctx.platform.read(work)


@operation("GET", "/published/{publication_id}", "A publication with its files", response=PublishedContents)
async def read_published(ctx: Context) -> PublishedContents:
    """Return a publication's title and the names of its files; whoever has the address may."""
    publication_id = ctx.path["publication_id"]

    def work(session: Session) -> PublishedContents:
        model = _model(ctx, session, publications.get(session, publication_id))
        contents = publications.files_of(session, publication_id)
        files = [PublishedFile(path=path, size_bytes=size) for path, (_, size) in contents.items()]
        return PublishedContents(**model.model_dump(), files=files)

    return await ctx.platform.read(work)


def _own(session: Session, ctx: Context) -> PublicationRow:
    project, _ = projects.get(session, ctx.path["project_id"], ctx.actor, Capability.PUBLISH)
    row = publications.get(session, ctx.path["publication_id"])
    if row.project_id != project.id:
        raise NotFoundError("The project publishes nothing at this address.")
    return row


def _model(ctx: Context, session: Session, row: PublicationRow) -> Publication:
    name = people.display_names(session, {row.created_by}).get(row.created_by, row.created_by)
    return Publication(
        id=row.id,
        title=row.title,
        path=row.path,
        url=f"{ctx.platform.settings.public_url.rstrip('/')}{SERVICE_PREFIX}published/{row.id}/",
        is_listed=row.is_listed,
        published_by=Person(name=row.created_by, display_name=name),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _encoded(row: PublicationRow) -> str:
    return base64.urlsafe_b64encode(json.dumps([row.updated_at.isoformat(), row.id]).encode()).decode()


def _decoded(cursor: str) -> tuple[datetime, str]:
    try:
        at, publication_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        found = datetime.fromisoformat(at)
    except (ValueError, TypeError, binascii.Error) as error:
        raise InvalidError("The cursor is not one that a list gave out.", {"cursor": "is not valid"}) from error
    if found.tzinfo is None:
        raise InvalidError("The cursor is not one that a list gave out.", {"cursor": "is not valid"})
    return found, str(publication_id)
