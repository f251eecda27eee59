"""Operations on announcements to everybody."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from hub.api import cursors
from hub.api.account_schemas import (
    Announcement,
    AnnouncementCreate,
    AnnouncementList,
    AnnouncementUpdate,
    CurrentAnnouncement,
    CurrentAnnouncements,
)
from hub.api.context import Context
from hub.api.operation import Audience, Query, operation
from hub.data import announcements
from hub.data.account_models import AnnouncementRow
from hub.data.audit import record
from hub.errors import InvalidError

ADMIN = Audience.ADMIN


class AnnouncementsQuery(Query):
    """Which page."""

    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@operation(
    "GET",
    "/announcements/current",
    "What everybody is told now",
    audience=Audience.ANYONE,
    response=CurrentAnnouncements,
)
async def current_announcements(ctx: Context) -> CurrentAnnouncements:
    """Return what is announced now; the sign-in page shows it too, so that anyone may ask."""
    rows = await ctx.platform.read(announcements.current, ctx.platform.now())
    items = [CurrentAnnouncement.model_validate({"id": r.id, "text": r.text, "level": r.level}) for r in rows]
    return CurrentAnnouncements(items=items)


@operation(
    "GET",
    "/announcements",
    "List announcements",
    audience=ADMIN,
    query=AnnouncementsQuery,
    response=AnnouncementList,
)
async def list_announcements(ctx: Context) -> AnnouncementList:
    """Return one page of announcements, past and coming ones too."""
    query = ctx.query_as(AnnouncementsQuery)
    rows = await ctx.platform.read(announcements.page, cursors.decode(query.cursor), query.limit + 1)
    shown = rows[: query.limit]
    more = cursors.encode(shown[-1].starts_at, shown[-1].id) if len(rows) > query.limit else None
    return AnnouncementList(items=[_announcement(row) for row in shown], next_cursor=more)


@operation(
    "POST",
    "/announcements",
    "Announce something",
    audience=ADMIN,
    body=AnnouncementCreate,
    response=Announcement,
    status=201,
)
async def create_announcement(ctx: Context) -> Announcement:
    """Tell everybody something, from a moment on and until another."""
    new, by, now = ctx.body_as(AnnouncementCreate), ctx.actor.name, ctx.platform.now()
    starts_at = new.starts_at or now
    _check_times(starts_at, new.ends_at)
    return await ctx.platform.transaction(
        lambda s: _announcement(announcements.create(s, new.text, new.level, starts_at, new.ends_at, by=by, now=now))
    )


@operation(
    "PATCH",
    "/announcements/{announcement_id}",
    "Change an announcement",
    audience=ADMIN,
    body=AnnouncementUpdate,
    response=Announcement,
)
async def update_announcement(ctx: Context) -> Announcement:
    """Change an announcement's words or times; `ends_at: null` takes its end away."""
    change, by, now = ctx.body_as(AnnouncementUpdate), ctx.actor.name, ctx.platform.now()

    def work(session: Session) -> Announcement:
        row = announcements.get(session, ctx.path["announcement_id"])
        ctx.check_match(_announcement(row))
        row.text, row.level = change.text or row.text, change.level or row.level
        row.starts_at = change.starts_at or row.starts_at
        if "ends_at" in change.model_fields_set:
            row.ends_at = change.ends_at
        _check_times(row.starts_at, row.ends_at)
        record(session, now, by, "announcement.update", row.id, row.text[:200])
        return _announcement(row)

    return await ctx.platform.transaction(work)


@operation("DELETE", "/announcements/{announcement_id}", "Take an announcement away", audience=ADMIN, status=204)
async def delete_announcement(ctx: Context) -> None:
    """Take an announcement away."""
    by, now = ctx.actor.name, ctx.platform.now()
    await ctx.platform.transaction(announcements.delete, ctx.path["announcement_id"], by=by, now=now)


def _check_times(starts_at: datetime, ends_at: datetime | None) -> None:
    if ends_at is not None and ends_at <= starts_at:
        raise InvalidError("An announcement ends after it starts.", {"ends_at": "is not after the start"})


def _announcement(row: AnnouncementRow) -> Announcement:
    names = ("id", "text", "level", "starts_at", "ends_at", "created_by", "created_at")
    return Announcement.model_validate({name: getattr(row, name) for name in names})
