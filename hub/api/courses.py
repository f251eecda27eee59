"""Operations on courses: people, assignments, releases."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from courseware import Capability, courses, graders
from courseware.courses import Person
from courseware.gradebook import Category
from courseware.models import EnrolmentRow
from hub import course_projects
from hub.api import course_schemas as s
from hub.api.context import Context
from hub.api.course_support import caller, course_of, course_summary, names_of, scope_of, transaction
from hub.api.operation import Audience, Query, operation
from hub.data import users


class AuditQuery(Query):
    """Which lines of the audit log."""

    before: int | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100


@operation("GET", "/courses", "List one's courses", response=s.CourseList)
async def list_courses(ctx: Context) -> s.CourseList:
    """Return the courses of the caller, all of them for an administrator."""

    def work(session: Session) -> s.CourseList:
        return s.CourseList(items=[course_summary(row, role) for row, role in courses.of_user(session, caller(ctx))])

    return await transaction(ctx, work, read=True)


@operation(
    "POST",
    "/courses",
    "Create a course",
    audience=Audience.ADMIN,
    body=s.CourseCreate,
    response=s.CourseSummary,
    status=201,
)
async def create_course(ctx: Context) -> s.CourseSummary:
    """Create a course and enrol its instructors."""
    new, now = ctx.body_as(s.CourseCreate), ctx.platform.now()

    def work(session: Session) -> s.CourseSummary:
        instructors = [users.get(session, name) for name in new.instructors]
        row = courses.create(
            session,
            new.id,
            new.title,
            term=new.term,
            time_zone=new.time_zone,
            instructors=new.instructors,
            by=caller(ctx),
            now=now,
        )
        for user in instructors:
            person = session.get_one(EnrolmentRow, (row.id, user.name))
            person.first_name, person.last_name = names_of(user.display_name, user.name)
        return course_summary(row, courses.role_in(session, row.id, ctx.actor.name))

    return await transaction(ctx, work)


@operation("GET", "/courses/{course_id}", "A course", response=s.CourseSummary)
async def read_course(ctx: Context) -> s.CourseSummary:
    """Return a course."""

    def work(session: Session) -> s.CourseSummary:
        row = course_of(session, ctx, Capability.READ)
        return course_summary(row, courses.role_in(session, row.id, ctx.actor.name))

    return await transaction(ctx, work, read=True)


@operation("PUT", "/courses/{course_id}", "Rename or archive a course", body=s.CourseUpdate, response=s.CourseSummary)
async def change_course(ctx: Context) -> s.CourseSummary:
    """Set title, term and time zone, and whether the course is over."""
    given, now = ctx.body_as(s.CourseUpdate), ctx.platform.now()

    def work(session: Session) -> s.CourseSummary:
        row = course_of(session, ctx, Capability.MANAGE)
        courses.change(session, row, **given.model_dump(), by=ctx.actor.name, now=now)
        return course_summary(row, courses.role_in(session, row.id, ctx.actor.name))

    return await transaction(ctx, work)


@operation("GET", "/courses/{course_id}/people", "Who is in a course", response=s.EnrolmentList)
async def list_people(ctx: Context) -> s.EnrolmentList:
    """Return the people of a course, to its staff; of students, to a grader of sections those of them."""

    def work(session: Session) -> s.EnrolmentList:
        row = course_of(session, ctx, Capability.GRADE)
        known = graders.people_within(courses.people(session, row.id), scope_of(session, ctx))
        return s.EnrolmentList(items=[_enrolment(p) for p in known])

    return await transaction(ctx, work, read=True)


@operation(
    "PUT",
    "/courses/{course_id}/people/{user_name}",
    "Enrol somebody or change their part",
    body=s.EnrolmentUpdate,
    response=s.Enrolment,
)
async def enrol(ctx: Context) -> s.Enrolment:
    """Put an account into a course; limits of a grader hold from the next request on."""
    change, now = ctx.body_as(s.EnrolmentUpdate), ctx.platform.now()

    def work(session: Session) -> s.Enrolment:
        row = course_of(session, ctx, Capability.MANAGE)
        user = users.get(session, ctx.path["user_name"])
        person = Person(user.name, **change.model_dump(exclude={"graded_sections", "graded_assignments"}))
        if not courses.has_name(session, row, person):
            first, last = names_of(user.display_name, user.name)
            person = replace(person, first_name=first, last_name=last)
        made = courses.enrol(session, row, person, by=ctx.actor.name, now=now)
        graders.set_limits(
            session,
            row,
            user.name,
            sections=change.graded_sections,
            assignments=change.graded_assignments,
            by=ctx.actor.name,
            now=now,
        )
        if person.role not in course_projects.STAFF:
            course_projects.leave(session, row, user.name, now)
        course_projects.keep_to_limits(session, row)
        return _enrolment(made)

    return await transaction(ctx, work)


@operation("DELETE", "/courses/{course_id}/people/{user_name}", "End somebody's enrolment", status=204)
async def end_enrolment(ctx: Context) -> None:
    """Take somebody out of a course; submissions and scores stay."""
    now = ctx.platform.now()

    def work(session: Session) -> None:
        row = course_of(session, ctx, Capability.MANAGE)
        courses.end_enrolment(session, row, ctx.path["user_name"], by=ctx.actor.name, now=now)
        course_projects.leave(session, row, ctx.path["user_name"], now)

    await transaction(ctx, work)


@operation("POST", "/courses/{course_id}/roster", "Enrol a roster from CSV", body=s.Roster, response=s.EnrolmentList)
async def enrol_roster(ctx: Context) -> s.EnrolmentList:
    """Enrol everybody on a roster, or nobody when a line is wrong."""
    given, now = ctx.body_as(s.Roster), ctx.platform.now()

    def work(session: Session) -> s.EnrolmentList:
        row = course_of(session, ctx, Capability.MANAGE)
        found = []
        for person in courses.read_roster(given.csv):
            users.get(session, person.user_name)
            found.append(_enrolment(courses.enrol(session, row, person, by=ctx.actor.name, now=now)))
        course_projects.keep_to_limits(session, row)
        return s.EnrolmentList(items=found)

    return await transaction(ctx, work)


@operation("GET", "/courses/{course_id}/grading", "How the course grade is made", response=s.GradingSettings)
async def read_grading(ctx: Context) -> s.GradingSettings:
    """Return categories and letters; without settings, a category for each name in use."""

    def work(session: Session) -> s.GradingSettings:
        row = course_of(session, ctx, Capability.GRADE)
        categories, scale = courses.grading_of(session, row)
        found = [s.CategorySettings.model_validate(category, from_attributes=True) for category in categories]
        return s.GradingSettings(categories=found, scale=scale)

    return await transaction(ctx, work, read=True)


@operation(
    "PUT", "/courses/{course_id}/grading", "Set how the course grade is made", body=s.GradingSettings, status=204
)
async def set_grading(ctx: Context) -> None:
    """Set categories and letters."""
    given, now = ctx.body_as(s.GradingSettings), ctx.platform.now()
    categories = [Category(**c.model_dump()) for c in given.categories]

    def work(session: Session) -> None:
        row = course_of(session, ctx, Capability.MANAGE)
        courses.set_grading(session, row, categories, given.scale, by=ctx.actor.name, now=now)

    await transaction(ctx, work)


@operation("GET", "/courses/{course_id}/audit", "The audit log", query=AuditQuery, response=s.AuditLog)
async def read_audit_log(ctx: Context) -> s.AuditLog:
    """Return who changed what."""
    query = ctx.query_as(AuditQuery)

    def work(session: Session) -> s.AuditLog:
        row = course_of(session, ctx, Capability.MANAGE)
        lines = courses.audit_log(session, row.id, query.before, query.limit)
        return s.AuditLog(items=[s.AuditLine.model_validate(line, from_attributes=True) for line in lines])

    return await transaction(ctx, work, read=True)


def _enrolment(row: EnrolmentRow) -> s.Enrolment:
    return s.Enrolment.model_validate(row, from_attributes=True)
