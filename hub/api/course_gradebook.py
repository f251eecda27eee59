"""Operations on the gradebook: the class, one's own grades, exports."""

from __future__ import annotations

from sqlalchemy.orm import Session

from courseware import Capability, reports
from hub.api import course_grade_schemas as g
from hub.api.context import Context
from hub.api.course_support import course_of, transaction
from hub.api.operation import Content, operation

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@operation("GET", "/courses/{course_id}/gradebook", "The gradebook", response=g.Gradebook)
async def read_gradebook(ctx: Context) -> g.Gradebook:
    """Return the gradebook of the class."""

    def work(session: Session) -> g.Gradebook:
        return _gradebook(reports.gradebook(session, course_of(session, ctx, Capability.GRADE)))

    return await transaction(ctx, work, read=True)


@operation("GET", "/courses/{course_id}/grades", "One's own grades", response=g.Gradebook)
async def read_own_grades(ctx: Context) -> g.Gradebook:
    """Return the caller's line of the gradebook, with what was returned."""

    def work(session: Session) -> g.Gradebook:
        course = course_of(session, ctx, Capability.SUBMIT)
        return _gradebook(reports.gradebook(session, course, ctx.actor.name, returned_only=True))

    return await transaction(ctx, work, read=True)


@operation("GET", "/courses/{course_id}/gradebook/csv", "The gradebook as CSV", response=g.Table)
async def export_gradebook(ctx: Context) -> g.Table:
    """Return the gradebook, one line per student."""

    def work(session: Session) -> g.Table:
        return g.Table(csv=reports.to_csv(reports.gradebook(session, course_of(session, ctx, Capability.MANAGE))))

    return await transaction(ctx, work, read=True)


@operation("GET", "/courses/{course_id}/gradebook/nbgrader", "The gradebook in nbgrader's columns", response=g.Table)
async def export_nbgrader_gradebook(ctx: Context) -> g.Table:
    """Return the gradebook as `nbgrader export` writes it."""

    def work(session: Session) -> g.Table:
        return g.Table(csv=reports.to_nbgrader_csv(session, course_of(session, ctx, Capability.MANAGE)))

    return await transaction(ctx, work, read=True)


@operation("GET", "/courses/{course_id}/gradebook/xlsx", "The gradebook as a workbook", media_type=XLSX)
async def export_gradebook_xlsx(ctx: Context) -> Content:
    """Return the gradebook as an XLSX file, one line per student; the ids are those of the CSV."""

    def work(session: Session) -> Content:
        rows = reports.gradebook(session, course_of(session, ctx, Capability.MANAGE))
        return Content(reports.to_xlsx(rows), XLSX, f"{ctx.path['course_id']}-grades.xlsx")

    return await transaction(ctx, work, read=True)


def _gradebook(rows: list[reports.GradebookRow]) -> g.Gradebook:
    return g.Gradebook(
        rows=[
            g.GradebookRow(
                user_name=row.user_name,
                student_id=row.student_id,
                first_name=row.first_name,
                last_name=row.last_name,
                email=row.email,
                section=row.section,
                cells=[g.GradebookCell.model_validate(cell, from_attributes=True) for cell in row.cells],
                total=row.total.fraction,
                letter=row.total.letter,
            )
            for row in rows
        ]
    )
