"""Operations on the manual columns of the gradebook: what they are, their scores, scores from a table."""

from __future__ import annotations

import base64
import binascii

from sqlalchemy.orm import Session

from courseware import Capability, gradebook_import, manual_columns, reports
from courseware.manual_column_models import ManualColumnRow
from courseware.manual_columns import ColumnEntry, ColumnSettings
from courseware.policy import require_columns
from hub.api import course_column_schemas as c
from hub.api.context import Context
from hub.api.course_gradebook import gradebook_row
from hub.api.course_support import check_students, course_of, scope_of, transaction
from hub.api.operation import operation
from hub.errors import InvalidError, NotFoundError

COLUMNS = "/courses/{course_id}/columns"
ONE = COLUMNS + "/{column_id}"


@operation("GET", COLUMNS, "The manual columns of the gradebook", response=c.ManualColumnList)
async def list_columns(ctx: Context) -> c.ManualColumnList:
    """Return the columns that people fill in, to staff."""

    def work(session: Session) -> c.ManualColumnList:
        course = course_of(session, ctx, Capability.GRADE)
        known = [] if scope_of(session, ctx).assignments else manual_columns.of_course(session, course.id)
        return c.ManualColumnList(items=[_column(row) for row in known])

    return await transaction(ctx, work, read=True)


@operation("POST", COLUMNS, "Add a manual column", body=c.ColumnCreate, response=c.ManualColumn, status=201)
async def add_column(ctx: Context) -> c.ManualColumn:
    """Add a column to the gradebook whose scores people type in; it counts in its category."""
    given, now = ctx.body_as(c.ColumnCreate), ctx.platform.now()

    def work(session: Session) -> c.ManualColumn:
        course = course_of(session, ctx, Capability.MANAGE)
        return _column(manual_columns.create(session, course, _settings(given), by=ctx.actor.name, now=now))

    return await transaction(ctx, work)


@operation("PUT", ONE, "Change a manual column", body=c.ColumnUpdate, response=c.ManualColumn)
async def change_column(ctx: Context) -> c.ManualColumn:
    """Change what a column is; refused when somebody else changed it meanwhile."""
    given, now = ctx.body_as(c.ColumnUpdate), ctx.platform.now()

    def work(session: Session) -> c.ManualColumn:
        course_of(session, ctx, Capability.MANAGE)
        row = _column_of(session, ctx)
        manual_columns.change(session, row, _settings(given), revision=given.revision, by=ctx.actor.name, now=now)
        return _column(row)

    return await transaction(ctx, work)


@operation("DELETE", ONE, "Remove a manual column", status=204)
async def remove_column(ctx: Context) -> None:
    """Take a column out of the gradebook; its scores are kept."""
    now = ctx.platform.now()

    def work(session: Session) -> None:
        course_of(session, ctx, Capability.MANAGE)
        manual_columns.remove(session, _column_of(session, ctx), by=ctx.actor.name, now=now)

    await transaction(ctx, work)


@operation("POST", ONE + "/restore", "Bring a manual column back", response=c.ManualColumn)
async def restore_column(ctx: Context) -> c.ManualColumn:
    """Bring a removed column back, with its scores."""
    now = ctx.platform.now()

    def work(session: Session) -> c.ManualColumn:
        course_of(session, ctx, Capability.MANAGE)
        row = _column_of(session, ctx)
        manual_columns.restore(session, row, by=ctx.actor.name, now=now)
        return _column(row)

    return await transaction(ctx, work)


@operation("PUT", ONE + "/scores", "Set scores of a manual column", body=c.ColumnScores, response=c.ScoresSet)
async def set_column_scores(ctx: Context) -> c.ScoresSet:
    """Set scores of students, all or none; refused when somebody else changed one of them meanwhile."""
    given, now = ctx.body_as(c.ColumnScores), ctx.platform.now()
    entries = [ColumnEntry(e.user_name, e.score, e.revision, e.is_excused, e.note) for e in given.scores]

    def work(session: Session) -> c.ScoresSet:
        course = course_of(session, ctx, Capability.GRADE)
        require_columns(scope_of(session, ctx))
        check_students(session, ctx, [entry.user_name for entry in entries])
        manual_columns.set_scores(session, _column_of(session, ctx), entries, by=ctx.actor.name, now=now)
        rows = reports.gradebook(session, course, {entry.user_name for entry in entries})
        return c.ScoresSet(rows=[gradebook_row(row) for row in rows])

    return await transaction(ctx, work)


@operation(
    "GET", ONE + "/scores/{user_name}", "All that a student was given in a manual column", response=c.ColumnHistory
)
async def read_column_history(ctx: Context) -> c.ColumnHistory:
    """Return who gave a student which score when, the newest first, to staff."""

    def work(session: Session) -> c.ColumnHistory:
        course_of(session, ctx, Capability.GRADE)
        require_columns(scope_of(session, ctx))
        check_students(session, ctx, [ctx.path["user_name"]])
        rows = manual_columns.history(session, _column_of(session, ctx), ctx.path["user_name"])
        return c.ColumnHistory(items=[c.ColumnScore.model_validate(row, from_attributes=True) for row in rows])

    return await transaction(ctx, work, read=True)


@operation(
    "POST",
    "/courses/{course_id}/gradebook/imports",
    "Scores of manual columns from a table",
    body=c.GradebookImport,
    response=c.GradebookImported,
)
async def import_gradebook(ctx: Context) -> c.GradebookImported:
    """Say what a CSV or XLSX file would change; with the digest of that answer, do it: all of it, or nothing."""
    given, now = ctx.body_as(c.GradebookImport), ctx.platform.now()
    await transaction(ctx, lambda session: course_of(session, ctx, Capability.MANAGE).id, read=True)
    try:
        content = base64.b64decode(given.content_base64, validate=True)
    except binascii.Error as error:
        raise InvalidError("content_base64 is no base64.") from error
    table = await transaction(ctx, lambda _session: gradebook_import.read_table(content), read=True)

    def work(session: Session) -> c.GradebookImported:
        course = course_of(session, ctx, Capability.MANAGE)
        plan = gradebook_import.plan(session, course, table)
        if given.digest is not None:
            gradebook_import.apply(session, course, plan, given.digest, by=ctx.actor.name, now=now)
        return c.GradebookImported(
            changes=[
                c.ImportedScore(
                    column=change.column, user_name=change.entry.user_name, before=change.before, after=change.after
                )
                for change in plan.changes
            ],
            problems=list(plan.problems),
            ignored=list(plan.ignored),
            digest=plan.digest,
            is_done=given.digest is not None,
        )

    return await transaction(ctx, work, read=given.digest is None)


def _settings(given: c.ColumnCreate) -> ColumnSettings:
    return ColumnSettings(given.name, given.category, given.points, given.is_extra_credit, given.is_returned)


def _column(row: ManualColumnRow) -> c.ManualColumn:
    return c.ManualColumn.model_validate(row, from_attributes=True)


def _column_of(session: Session, ctx: Context) -> ManualColumnRow:
    given = ctx.path["column_id"]
    if not given.isdecimal() or len(given) > 15:
        raise NotFoundError(f"There is no column “{given}”.")
    return manual_columns.get(session, ctx.path["course_id"], int(given))
