"""Operations on courses: people, assignments, releases."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from courseware import Capability, CourseRole, InvalidError, assignments, courses
from courseware.courses import Person
from courseware.deadlines import Accommodation, Deadline, Schedule
from courseware.gradebook import Category
from courseware.models import AssignmentRow, CourseRow, EnrolmentRow, VersionRow
from courseware.store import get_files
from hub.api import course_schemas as s
from hub.api.context import Context
from hub.api.course_files import encode, read_files
from hub.api.course_support import assignment_of, blobs, caller, course_of, transaction
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
        return s.CourseList(items=[_course(row, role) for row, role in courses.of_user(session, caller(ctx))])

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
        for name in new.instructors:
            users.get(session, name)
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
        return _course(row, courses.role_in(session, row.id, ctx.actor.name))

    return await transaction(ctx, work)


@operation("GET", "/courses/{course_id}", "A course", response=s.CourseSummary)
async def read_course(ctx: Context) -> s.CourseSummary:
    """Return a course."""

    def work(session: Session) -> s.CourseSummary:
        row = course_of(session, ctx, Capability.READ)
        return _course(row, courses.role_in(session, row.id, ctx.actor.name))

    return await transaction(ctx, work, read=True)


@operation("GET", "/courses/{course_id}/people", "Who is in a course", response=s.EnrolmentList)
async def list_people(ctx: Context) -> s.EnrolmentList:
    """Return the people of a course, to its staff."""

    def work(session: Session) -> s.EnrolmentList:
        row = course_of(session, ctx, Capability.GRADE)
        return s.EnrolmentList(items=[_enrolment(p) for p in courses.people(session, row.id)])

    return await transaction(ctx, work, read=True)


@operation(
    "PUT",
    "/courses/{course_id}/people/{user_name}",
    "Enrol somebody or change their part",
    body=s.EnrolmentUpdate,
    response=s.Enrolment,
)
async def enrol(ctx: Context) -> s.Enrolment:
    """Put an account into a course."""
    change, now = ctx.body_as(s.EnrolmentUpdate), ctx.platform.now()

    def work(session: Session) -> s.Enrolment:
        row = course_of(session, ctx, Capability.MANAGE)
        user = users.get(session, ctx.path["user_name"])
        person = Person(user.name, **change.model_dump())
        return _enrolment(courses.enrol(session, row, person, by=ctx.actor.name, now=now))

    return await transaction(ctx, work)


@operation("DELETE", "/courses/{course_id}/people/{user_name}", "End somebody's enrolment", status=204)
async def end_enrolment(ctx: Context) -> None:
    """Take somebody out of a course; submissions and scores stay."""
    now = ctx.platform.now()

    def work(session: Session) -> None:
        row = course_of(session, ctx, Capability.MANAGE)
        courses.end_enrolment(session, row, ctx.path["user_name"], by=ctx.actor.name, now=now)

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
        return s.EnrolmentList(items=found)

    return await transaction(ctx, work)


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


@operation("GET", "/courses/{course_id}/assignments", "The assignments of a course", response=s.AssignmentList)
async def list_assignments(ctx: Context) -> s.AssignmentList:
    """Return the assignments, to students those that are released."""

    def work(session: Session) -> s.AssignmentList:
        row = course_of(session, ctx, Capability.READ)
        is_staff = courses.role_in(session, row.id, ctx.actor.name) in (CourseRole.INSTRUCTOR, CourseRole.GRADER)
        found = assignments.of_course(session, row.id)
        shown = [a for a in found if a.released is not None or is_staff or ctx.actor.is_admin]
        return s.AssignmentList(items=[_assignment(session, a, ctx.actor.name) for a in shown])

    return await transaction(ctx, work, read=True)


@operation(
    "POST",
    "/courses/{course_id}/assignments",
    "Create an assignment",
    body=s.AssignmentCreate,
    response=s.Assignment,
    status=201,
)
async def create_assignment(ctx: Context) -> s.Assignment:
    """Add an assignment without content."""
    new, now = ctx.body_as(s.AssignmentCreate), ctx.platform.now()

    def work(session: Session) -> s.Assignment:
        row = course_of(session, ctx, Capability.AUTHOR)
        made = assignments.create(session, row, new.name, category=new.category, by=ctx.actor.name, now=now)
        return _assignment(session, made, ctx.actor.name)

    return await transaction(ctx, work)


@operation(
    "POST",
    "/courses/{course_id}/assignments/{assignment}/versions",
    "Add a version of an assignment",
    body=s.FileSet,
    response=s.Version,
    status=201,
)
async def add_version(ctx: Context) -> s.Version:
    """Generate a version from the instructor's files; it is checked, and not released yet."""
    now, given = ctx.platform.now(), ctx.body_as(s.FileSet)

    def allowed(session: Session) -> None:
        course_of(session, ctx, Capability.AUTHOR)

    await transaction(ctx, allowed, read=True)
    files = await read_files(ctx, given)
    stored = await transaction(ctx, lambda _session: assignments.store_version(blobs(ctx), files), read=True)

    def work(session: Session) -> s.Version:
        course_of(session, ctx, Capability.AUTHOR)
        assignment = assignment_of(session, ctx)
        row = assignments.add_version(session, assignment, stored, by=ctx.actor.name, now=now)
        return _version(row, assignment)

    return await transaction(ctx, work)


@operation(
    "POST",
    "/courses/{course_id}/assignments/{assignment}/release",
    "Release a version to the students",
    body=s.ReleaseRequest,
    response=s.Version,
)
async def release_assignment(ctx: Context) -> s.Version:
    """Make a version the one that students get."""
    now, given = ctx.platform.now(), ctx.body_as(s.ReleaseRequest)

    def work(session: Session) -> s.Version:
        course_of(session, ctx, Capability.AUTHOR)
        assignment = assignment_of(session, ctx)
        version = assignments.version_of(session, assignment, given.version)
        assignments.release(session, assignment, version, by=ctx.actor.name, now=now)
        return _version(version, assignment)

    return await transaction(ctx, work)


@operation(
    "PUT",
    "/courses/{course_id}/assignments/{assignment}/schedule",
    "Set the times of an assignment",
    body=s.ScheduleSettings,
    response=s.Assignment,
)
async def set_schedule(ctx: Context) -> s.Assignment:
    """Set when an assignment is due, and what lateness costs."""
    now, given = ctx.platform.now(), ctx.body_as(s.ScheduleSettings)

    def work(session: Session) -> s.Assignment:
        course_of(session, ctx, Capability.AUTHOR)
        assignment = assignment_of(session, ctx)
        assignments.set_schedule(session, assignment, _schedule(given), by=ctx.actor.name, now=now)
        return _assignment(session, assignment, ctx.actor.name)

    return await transaction(ctx, work)


@operation(
    "PUT",
    "/courses/{course_id}/assignments/{assignment}/accommodations",
    "Grant a student or a section more time",
    body=s.AccommodationSettings,
    status=204,
)
async def set_accommodation(ctx: Context) -> None:
    """Grant an extension, more time in an exam, or excuse."""
    now, given = ctx.platform.now(), ctx.body_as(s.AccommodationSettings)

    def work(session: Session) -> None:
        course_of(session, ctx, Capability.MANAGE)
        granted = Accommodation(
            given.due_at, timedelta(seconds=given.extension_seconds), given.time_multiplier, given.is_excused
        )
        assignments.accommodate(
            session,
            assignment_of(session, ctx),
            granted,
            user_name=given.user_name,
            section=given.section,
            by=ctx.actor.name,
            now=now,
        )

    await transaction(ctx, work)


@operation(
    "GET",
    "/courses/{course_id}/assignments/{assignment}/files",
    "The files that students work on",
    response=s.ReleasedFiles,
)
async def read_released_files(ctx: Context) -> s.ReleasedFiles:
    """Return the released files; a student's first request begins the time of an exam."""
    now = ctx.platform.now()

    def work(session: Session) -> tuple[VersionRow, Deadline]:
        course = course_of(session, ctx, Capability.READ)
        assignment = assignment_of(session, ctx)
        if courses.role_in(session, course.id, ctx.actor.name) is CourseRole.STUDENT:
            deadline = assignments.deadline_for(session, assignment, ctx.actor.name)
            assignments.check_open(assignment, deadline, now)
            assignments.note_opening(session, assignment, ctx.actor.name, now)
        return assignments.released_version(assignment), assignments.deadline_for(session, assignment, ctx.actor.name)

    version, deadline = await transaction(ctx, work)
    files = await transaction(ctx, lambda _session: get_files(blobs(ctx), version.released_manifest), read=True)
    return s.ReleasedFiles(
        version=version.number,
        sha256=version.released_manifest,
        due_at=deadline.due_at,
        closes_at=deadline.closes_at,
        files=encode(files),
    )


@operation("GET", "/courses/{course_id}/audit", "The audit log", query=AuditQuery, response=s.AuditLog)
async def read_audit_log(ctx: Context) -> s.AuditLog:
    """Return who changed what."""
    query = ctx.query_as(AuditQuery)

    def work(session: Session) -> s.AuditLog:
        row = course_of(session, ctx, Capability.MANAGE)
        lines = courses.audit_log(session, row.id, query.before, query.limit)
        return s.AuditLog(items=[s.AuditLine.model_validate(line, from_attributes=True) for line in lines])

    return await transaction(ctx, work, read=True)


def _course(row: CourseRow, role: CourseRole | None) -> s.CourseSummary:
    return s.CourseSummary(
        id=row.id, title=row.title, term=row.term, time_zone=row.time_zone, role=role, created_at=row.created_at
    )


def _enrolment(row: EnrolmentRow) -> s.Enrolment:
    return s.Enrolment.model_validate(row, from_attributes=True)


def _version(row: VersionRow, assignment: AssignmentRow) -> s.Version:
    return s.Version(
        number=row.number,
        points=row.points,
        notebooks=list(assignments.structure_of(row).notebooks),
        created_at=row.created_at,
        created_by=row.created_by,
        is_released=assignment.released_version_id == row.id,
    )


def _assignment(session: Session, row: AssignmentRow, user_name: str) -> s.Assignment:
    deadline = assignments.deadline_for(session, row, user_name)
    schedule = assignments.schedule_to_json(assignments.schedule_from_json(row.schedule))
    return s.Assignment(
        name=row.name,
        category=row.category,
        points=row.released.points if row.released is not None else 0.0,
        version=row.released.number if row.released is not None else None,
        schedule=s.ScheduleSettings.model_validate(schedule),
        due_at=deadline.due_at,
        closes_at=deadline.closes_at,
        feedback_released_at=row.feedback_released_at,
    )


def _schedule(given: s.ScheduleSettings) -> Schedule:
    content = given.model_dump(mode="json")
    try:
        return assignments.schedule_from_json(content)
    except ValueError as error:
        raise InvalidError(str(error)) from error
