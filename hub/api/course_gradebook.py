"""Operations on the gradebook: the class, one's own grades, exports."""

from __future__ import annotations

from sqlalchemy.orm import Session

from courseware import Capability, courses, graders, reports, results
from hub.api import course_grade_schemas as g
from hub.api import course_schemas as s
from hub.api.context import Context
from hub.api.course_support import check_students, course_of, scope_of, submission_of, transaction
from hub.api.operation import Content, operation
from hub.errors import NotFoundError

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@operation("GET", "/courses/{course_id}/gradebook", "The gradebook", response=g.Gradebook)
async def read_gradebook(ctx: Context) -> g.Gradebook:
    """Return the gradebook of the class; to a grader of a part of the course, that part."""

    def work(session: Session) -> g.Gradebook:
        course, scope = course_of(session, ctx, Capability.GRADE), scope_of(session, ctx)
        rows = reports.gradebook(session, course, graders.owners_within(session, course.id, scope))
        return g.Gradebook(rows=[gradebook_row(reports.within(row, scope)) for row in rows])

    return await transaction(ctx, work, read=True)


@operation(
    "GET",
    "/courses/{course_id}/gradebook/students/{user_name}",
    "A student's line of the gradebook, explained",
    response=g.ExplainedRow,
)
async def explain_grade(ctx: Context) -> g.ExplainedRow:
    """Return a student's scores, and how the course grade follows from them, to staff."""

    def work(session: Session) -> g.ExplainedRow:
        course = course_of(session, ctx, Capability.GRADE)
        check_students(session, ctx, [ctx.path["user_name"]])
        rows = reports.gradebook(session, course, [ctx.path["user_name"]])
        if not rows:
            raise NotFoundError(f"“{ctx.path['user_name']}” is no student of “{course.id}”.")
        return _explained(reports.within(rows[0], scope_of(session, ctx)))

    return await transaction(ctx, work, read=True)


@operation(
    "GET",
    "/courses/{course_id}/submissions/{submission_id}/history",
    "Who changed a submission's scores",
    response=s.AuditLog,
)
async def read_submission_history(ctx: Context) -> s.AuditLog:
    """Return every line of the audit log about a submission and its cells, the newest first, to its graders."""

    def work(session: Session) -> s.AuditLog:
        course = course_of(session, ctx, Capability.GRADE)
        lines = courses.audit_of(session, course.id, results.subject_of(submission_of(session, ctx)))
        return s.AuditLog(items=[s.AuditLine.model_validate(line, from_attributes=True) for line in lines])

    return await transaction(ctx, work, read=True)


@operation("GET", "/courses/{course_id}/grades", "One's own grades", response=g.OwnGrades)
async def read_own_grades(ctx: Context) -> g.OwnGrades:
    """Return the caller's line of the gradebook, with what was returned and how the grade follows from it."""

    def work(session: Session) -> g.OwnGrades:
        course = course_of(session, ctx, Capability.SUBMIT)
        rows = reports.gradebook(session, course, [ctx.actor.name], returned_only=True)
        return g.OwnGrades(rows=[_explained(row) for row in rows])

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


def gradebook_row(row: reports.GradebookRow) -> g.GradebookRow:
    """Return a student's line as the API has it."""
    return g.GradebookRow(
        user_name=row.user_name,
        student_id=row.student_id,
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.email,
        section=row.section,
        cells=[g.GradebookCell.model_validate(cell, from_attributes=True) for cell in row.cells],
        columns=[g.ColumnCell.model_validate(cell, from_attributes=True) for cell in row.columns],
        total=row.total.fraction,
        letter=row.total.letter,
    )


def _explained(row: reports.GradebookRow) -> g.ExplainedRow:
    categories = [
        g.CategoryTotal(
            name=total.category.name,
            weight=total.category.weight,
            aggregation=total.category.aggregation,
            cap=total.category.cap,
            fraction=total.fraction,
            counted=list(total.counted),
            dropped=list(total.dropped),
            left_out=list(total.left_out),
        )
        for total in row.total.categories
    ]
    return g.ExplainedRow(**gradebook_row(row).model_dump(), categories=categories)
