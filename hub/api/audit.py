"""Operations on the audit log, which can be read and not changed."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Annotated

from pydantic import AwareDatetime, Field

from hub.api.account_schemas import AuditEntry, AuditPage
from hub.api.context import Context
from hub.api.operation import Audience, Content, Query, operation
from hub.data import audit
from hub.data.models import AuditRow

EXPORT_LIMIT = 100_000
FIELDS = ("id", "at", "actor", "action", "subject", "detail")


class AuditFilter(Query):
    """Which lines."""

    actor: str = ""
    action: Annotated[str, Field(description="An action, or the first word of several: `user`, `project`.")] = ""
    subject: str = ""
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class AuditQuery(AuditFilter):
    """Which lines, which page."""

    cursor: Annotated[int, Field(ge=1, le=2**62)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@operation("GET", "/audit", "Read the audit log", audience=Audience.ADMIN, query=AuditQuery, response=AuditPage)
async def list_audit_lines(ctx: Context) -> AuditPage:
    """Return one page of the audit log, the newest line first."""
    query = ctx.query_as(AuditQuery)
    rows = await ctx.platform.read(audit.lines, _wanted(query), query.cursor, query.limit + 1)
    shown = rows[: query.limit]
    items = [AuditEntry.model_validate({name: getattr(row, name) for name in FIELDS}) for row in shown]
    return AuditPage(items=items, next_cursor=str(shown[-1].id) if len(rows) > query.limit else None)


@operation(
    "GET",
    "/audit/export",
    "The audit log as CSV",
    audience=Audience.ADMIN,
    query=AuditFilter,
    media_type="text/csv",
)
async def export_audit_lines(ctx: Context) -> Content:
    """Return the newest 100,000 lines that match, the newest first."""
    wanted = _wanted(ctx.query_as(AuditFilter))
    text = await ctx.platform.read(lambda session: _csv(audit.lines(session, wanted, None, EXPORT_LIMIT)))
    return Content(text.encode(), "text/csv; charset=utf-8", file_name="audit.csv")


def _wanted(query: AuditFilter) -> audit.Filter:
    return audit.Filter(
        actor=query.actor, action=query.action, subject=query.subject, since=query.since, until=query.until
    )


def _csv(rows: Sequence[AuditRow]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(FIELDS)
    for row in rows:
        values = (row.id, row.at.isoformat(), row.actor, row.action, row.subject, row.detail)
        writer.writerow([_as_text(value) for value in values])
    return out.getvalue()


def _as_text(value: object) -> str:
    # A spreadsheet would run what begins like a formula, and people choose their own names.
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
