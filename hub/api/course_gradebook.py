"""Operations on the gradebook: the class, one's own grades, exports."""

from __future__ import annotations

from sqlalchemy.orm import Session

from courseware import Capability, courses, reports
from courseware.models import CourseRow
from hub.api import course_schemas as s
from hub.api.context import Context
from hub.api.course_support import caller, transaction
from hub.api.operation import Content, operation

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@operation("GET", "/courses/{course_id}/gradebook", "The gradebook", response=s.Gradebook)
async def read_gradebook(ctx: Context) -> s.Gradebook:
    """Return the gradebook of the class."""

    def work(session: Session) -> s.Gradebook:
        return _gradebook(reports.gradebook(session, _course(session, ctx, Capability.GRADE)))

    return await transaction(ctx, work, read=True)


@operation("GET", "/courses/{course_id}/grades", "One's own grades", response=s.Gradebook)
async def read_own_grades(ctx: Context) -> s.Gradebook:
    """Return the caller's line of the gradebook, with what was returned."""

    def work(session: Session) -> s.Gradebook:
        course = _course(session, ctx, Capability.SUBMIT)
        return _gradebook(reports.gradebook(session, course, ctx.actor.name, returned_only=True))

    return await transaction(ctx, work, read=True)


@operation("GET", "/courses/{course_id}/gradebook/csv", "The gradebook as CSV", response=s.Table)
async def export_gradebook(ctx: Context) -> s.Table:
    """Return the gradebook, one line per student."""

    def work(session: Session) -> s.Table:
        return s.Table(csv=reports.to_csv(reports.gradebook(session, _course(session, ctx, Capability.MANAGE))))

    return await transaction(ctx, work, read=True)


@operation("GET", "/courses/{course_id}/gradebook/nbgrader", "The gradebook in nbgrader's columns", response=s.Table)
async def export_nbgrader_gradebook(ctx: Context) -> s.Table:
    """Return the gradebook as `nbgrader export` writes it."""

    def work(session: Session) -> s.Table:
        return s.Table(csv=reports.to_nbgrader_csv(session, _course(session, ctx, Capability.MANAGE)))

    return await transaction(ctx, work, read=True)


@operation("GET", "/courses/{course_id}/gradebook/xlsx", "The gradebook as a workbook", media_type=XLSX)
async def export_gradebook_xlsx(ctx: Context) -> Content:
    """Return the gradebook as an XLSX file, one line per student; the ids are those of the CSV."""

    def work(session: Session) -> Content:
        rows = reports.gradebook(session, _course(session, ctx, Capability.MANAGE))
        return Content(reports.to_xlsx(rows), XLSX, f"{ctx.path['course_id']}-grades.xlsx")

    return await transaction(ctx, work, read=True)


def _course(session: Session, ctx: Context, needed: Capability) -> CourseRow:
    return courses.get(session, ctx.path["course_id"], caller(ctx), needed)


def _gradebook(rows: list[reports.GradebookRow]) -> s.Gradebook:
    return s.Gradebook(
        rows=[
            s.GradebookRow(
                user_name=row.user_name,
                student_id=row.student_id,
                first_name=row.first_name,
                last_name=row.last_name,
                email=row.email,
                section=row.section,
                cells=[s.GradebookCell.model_validate(cell, from_attributes=True) for cell in row.cells],
                total=row.total.fraction,
                letter=row.total.letter,
            )
            for row in rows
        ]
    )
