"""Operations on assignments: what they consist of, when they are due, how they are released."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy.orm import Session

from courseware import Capability, CourseRole, InvalidError, assignments, autotests, checks, courses
from courseware.deadlines import Accommodation, Deadline, Schedule
from courseware.execution import ExecutorError
from courseware.models import AssignmentRow, VersionRow
from courseware.store import get_files
from hub.api import course_schemas as s
from hub.api.context import Context
from hub.api.course_files import encode, read_files
from hub.api.course_support import assignment_of, blobs, course_of, is_staff_of, scope_of, transaction
from hub.api.operation import operation
from hub.errors import UnavailableError
from hub.graders import executor_of


@operation("GET", "/courses/{course_id}/assignments", "The assignments of a course", response=s.AssignmentList)
async def list_assignments(ctx: Context) -> s.AssignmentList:
    """Return the assignments, to students those that are released, to graders those that they grade as well."""

    def work(session: Session) -> s.AssignmentList:
        row = course_of(session, ctx, Capability.READ)
        is_staff, scope = is_staff_of(session, ctx, row), scope_of(session, ctx)
        found = assignments.of_course(session, row.id)
        mine = {a.name for a in found if is_staff and scope.has_assignment(a.name)}
        shown = [a for a in found if a.released is not None or a.name in mine]
        return s.AssignmentList(
            items=[_assignment(session, a, ctx.actor.name, is_graded=a.name in mine) for a in shown]
        )

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
        return _assignment(session, made, ctx.actor.name, is_graded=True)

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
    prepared = await _prepared(ctx, files)
    stored = await transaction(ctx, lambda _session: assignments.store_version(blobs(ctx), files, prepared), read=True)

    def work(session: Session) -> s.Version:
        course_of(session, ctx, Capability.AUTHOR)
        assignment = assignment_of(session, ctx)
        row = assignments.add_version(session, assignment, stored, by=ctx.actor.name, now=now)
        checks.enqueue(session, row)
        return _version(row, assignment)

    return await transaction(ctx, work)


async def _prepared(ctx: Context, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Write out autotests, which runs the solution where submissions run, too."""
    if not autotests.has_autotests(files):
        return files
    async with executor_of(ctx.platform.settings) as executor:
        try:
            return await autotests.instantiate(files, executor)
        except ExecutorError as error:
            raise UnavailableError(f"The solution could not be run, which AUTOTEST lines need: {error}") from error


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
        return _assignment(session, assignment, ctx.actor.name, is_graded=True)

    return await transaction(ctx, work)


@operation(
    "PATCH",
    "/courses/{course_id}/assignments/{assignment}/schedule",
    "Change some times of an assignment",
    body=s.ScheduleSettings,
    response=s.Assignment,
)
async def change_times(ctx: Context) -> s.Assignment:
    """Change what is given of the times; what is not given stays as it is. A penalty is replaced whole."""
    now, given = ctx.platform.now(), ctx.body_as(s.ScheduleSettings)
    changes = given.model_dump(mode="json", include=given.model_fields_set)

    def work(session: Session) -> s.Assignment:
        course_of(session, ctx, Capability.AUTHOR)
        assignment = assignment_of(session, ctx)
        known = assignments.schedule_to_json(assignments.schedule_from_json(assignment.schedule))
        schedule = _schedule(s.ScheduleSettings.model_validate({**known, **changes}))
        assignments.set_schedule(session, assignment, schedule, by=ctx.actor.name, now=now)
        return _assignment(session, assignment, ctx.actor.name, is_graded=True)

    return await transaction(ctx, work)


@operation(
    "PUT",
    "/courses/{course_id}/assignments/{assignment}/settings",
    "Set what else holds for an assignment",
    body=s.AssignmentSettings,
    response=s.Assignment,
)
async def set_assignment_settings(ctx: Context) -> s.Assignment:
    """Set category, extra credit, groups, collection at the deadline, and how strictly it is graded."""
    now, given = ctx.platform.now(), ctx.body_as(s.AssignmentSettings)

    def work(session: Session) -> s.Assignment:
        course_of(session, ctx, Capability.AUTHOR)
        assignment = assignment_of(session, ctx)
        settings = given.model_dump(exclude={"category"})
        assignments.set_settings(session, assignment, settings, category=given.category, by=ctx.actor.name, now=now)
        return _assignment(session, assignment, ctx.actor.name, is_graded=True)

    return await transaction(ctx, work)


@operation(
    "GET",
    "/courses/{course_id}/assignments/{assignment}/accommodations",
    "What students and sections are granted",
    response=s.AccommodationList,
)
async def read_accommodations(ctx: Context) -> s.AccommodationList:
    """Return extensions, more time in exams, and who is excused."""

    def work(session: Session) -> s.AccommodationList:
        course_of(session, ctx, Capability.MANAGE)
        rows = assignments.accommodations_of(session, assignment_of(session, ctx))
        return s.AccommodationList(
            items=[s.AccommodationSettings.model_validate(row, from_attributes=True) for row in rows]
        )

    return await transaction(ctx, work, read=True)


@operation(
    "PUT",
    "/courses/{course_id}/assignments/{assignment}/accommodations",
    "Grant a student or a section more time",
    body=s.AccommodationSettings,
    status=204,
)
async def set_accommodation(ctx: Context) -> None:
    """Grant an extension, more time in an exam, or excuse; what grants nothing takes back what was granted."""
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


def _version(row: VersionRow, assignment: AssignmentRow) -> s.Version:
    return s.Version(
        number=row.number,
        points=row.points,
        notebooks=list(assignments.structure_of(row).notebooks),
        created_at=row.created_at,
        created_by=row.created_by,
        is_released=assignment.released_version_id == row.id,
    )


def _assignment(session: Session, row: AssignmentRow, user_name: str, *, is_graded: bool = False) -> s.Assignment:
    found = checks.of_newest(session, row.id) if is_graded else None
    deadline = assignments.deadline_for(session, row, user_name)
    schedule = assignments.schedule_to_json(assignments.schedule_from_json(row.schedule))
    return s.Assignment(
        name=row.name,
        category=row.category,
        points=row.released.points if row.released is not None else 0.0,
        version=row.released.number if row.released is not None else None,
        schedule=s.ScheduleSettings.model_validate(schedule),
        settings=s.AssignmentSettings.model_validate(
            {**row.settings, "category": row.category, "is_extra_credit": row.is_extra_credit}
        ),
        due_at=deadline.due_at,
        closes_at=deadline.closes_at,
        feedback_released_at=row.feedback_released_at,
        check=s.VersionCheck.model_validate(found, from_attributes=True) if found is not None else None,
        is_graded_by_caller=is_graded,
    )


def _schedule(given: s.ScheduleSettings) -> Schedule:
    content = given.model_dump(mode="json")
    try:
        return assignments.schedule_from_json(content)
    except ValueError as error:
        raise InvalidError(str(error)) from error
