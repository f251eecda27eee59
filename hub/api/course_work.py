"""Operations on a student's work in their project: receive an assignment, look what is missing, hand in, collect."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from courseware import Capability, CourseRole, assignments, courses, groups, submissions
from courseware.delivery import Delivery, Step, beside, plan_delivery
from courseware.grading import check_work
from courseware.models import AssignmentRow, SubmissionRow
from courseware.store import get_files, get_manifest, put_files
from hub import course_projects
from hub.api import course_schemas as s
from hub.api import course_work_schemas as w
from hub.api.context import Context
from hub.api.course_support import assignment_of, blobs, course_of, receipt_key, transaction
from hub.api.new_projects import files_of
from hub.api.operation import operation
from hub.course_files import digest_of, read_folder, write_file
from hub.errors import ConflictError, InvalidError

_ONE = "/courses/{course_id}/assignments/{assignment}"


@dataclass(frozen=True)
class _Released:
    version: int
    manifest: str
    earlier: tuple[str, ...]
    folder: str


@operation("POST", _ONE + "/fetch", "Put an assignment into one's project", response=w.Delivered)
async def fetch_assignment(ctx: Context) -> w.Delivered:
    """Put the released files into the caller's project of the course, which is made when there is none.

    Work is never overwritten: where the student has changed a file, the released one is put beside it.
    """
    now = ctx.platform.now()

    def work(session: Session) -> tuple[str, _Released]:
        course = course_of(session, ctx, Capability.SUBMIT)
        assignment = assignment_of(session, ctx)
        assignments.check_open(assignment, assignments.deadline_for(session, assignment, ctx.actor.name), now)
        assignments.note_opening(session, assignment, ctx.actor.name, now)
        return course_projects.of_student(session, course, assignment, ctx.actor.name, now), _released(assignment)

    project_id, released = await transaction(ctx, work)
    done = await asyncio.to_thread(deliver, ctx, project_id, released)
    return w.Delivered(
        project_id=project_id,
        folder=released.folder,
        version=released.version,
        files=[w.DeliveredFile(path=d.path, target=d.target, step=d.step) for d in done],
    )


@operation("GET", _ONE + "/work", "What of an assignment is in one's project", response=w.WorkState)
async def read_work(ctx: Context) -> w.WorkState:
    """Return what would be handed in, and what is wrong with it; nothing is run."""

    def work(session: Session) -> tuple[str | None, str]:
        course_of(session, ctx, Capability.SUBMIT)
        assignment = assignment_of(session, ctx)
        project_id = course_projects.known_of_student(session, assignment, ctx.actor.name)
        return project_id, assignments.released_version(assignment).released_manifest

    project_id, manifest = await transaction(ctx, work, read=True)
    folder = ctx.path["assignment"]
    if project_id is None:
        return w.WorkState(project_id=None, folder=folder, files=[], problems=[])
    return await state_of_work(ctx, project_id, folder, manifest)


async def state_of_work(ctx: Context, project_id: str, folder: str, released_manifest: str) -> w.WorkState:
    """Return what of an assignment lies in a project, and how it differs from what was released."""

    def look() -> w.WorkState:
        files = read_folder(files_of(ctx.platform.settings, project_id), folder)
        problems = check_work(get_files(blobs(ctx), released_manifest), files)
        return w.WorkState(
            project_id=project_id,
            folder=folder,
            files=[
                s.ReceiptFile(path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
                for path, content in files.items()
            ],
            problems=[w.Finding.model_validate(problem, from_attributes=True) for problem in problems],
        )

    return await asyncio.to_thread(look)


@operation("POST", _ONE + "/hand-in", "Hand in from one's project", response=s.Receipt, status=201)
async def hand_in_work(ctx: Context) -> s.Receipt:
    """Hand in what lies in the assignment's folder of the caller's project; nothing has to be uploaded."""
    now = ctx.platform.now()

    def allowed(session: Session) -> str:
        course_of(session, ctx, Capability.SUBMIT)
        project = course_projects.known_of_student(session, assignment_of(session, ctx), ctx.actor.name)
        if project is None:
            raise ConflictError("There is no work of yours yet: fetch the assignment first.")
        return project

    project_id = await transaction(ctx, allowed, read=True)
    folder = files_of(ctx.platform.settings, project_id)
    files = await asyncio.to_thread(read_folder, folder, ctx.path["assignment"])
    if not files:
        raise InvalidError(f"The folder “{ctx.path['assignment']}” of your project is empty or not there.")
    manifest = await transaction(ctx, lambda _session: put_files(blobs(ctx), files), read=True)
    key = await asyncio.to_thread(receipt_key, ctx.platform.settings)

    def work(session: Session) -> s.Receipt:
        course_of(session, ctx, Capability.SUBMIT)
        given = submissions.HandIn(ctx.actor.name, manifest)
        row = submissions.hand_in(session, assignment_of(session, ctx), given, key=key, now=now)
        return s.Receipt.model_validate(row.receipt)

    return await transaction(ctx, work)


@operation("POST", _ONE + "/deliver", "Put an assignment into all projects of the course", response=w.DeliveryReport)
async def deliver_assignment(ctx: Context) -> w.DeliveryReport:
    """Give every student the released version at once, in projects that run as well."""
    now = ctx.platform.now()

    def work(session: Session) -> tuple[list[str], _Released]:
        course = course_of(session, ctx, Capability.AUTHOR)
        assignment = assignment_of(session, ctx)
        released = _released(assignment)
        students = courses.people(session, course.id, CourseRole.STUDENT)
        found = [course_projects.of_student(session, course, assignment, p.user_name, now) for p in students]
        return list(dict.fromkeys(found)), released

    ids, released = await transaction(ctx, work)

    def all_of_them() -> int:
        return sum(any(d.step is Step.BESIDE for d in deliver(ctx, project_id, released)) for project_id in ids)

    return w.DeliveryReport(projects=len(ids), kept_work=await asyncio.to_thread(all_of_them))


@operation("POST", _ONE + "/collect", "Collect what was not handed in", response=w.SubmissionIds)
async def collect_work(ctx: Context) -> w.SubmissionIds:
    """Take the last saved state of students who handed nothing in, marked as collected."""
    now = ctx.platform.now()

    def missing(session: Session) -> list[tuple[str, str]]:
        course = course_of(session, ctx, Capability.MANAGE)
        assignment = assignment_of(session, ctx)
        assignments.released_version(assignment)
        query = select(SubmissionRow.user_name).where(SubmissionRow.assignment_id == assignment.id)
        have = set(session.scalars(query))
        found: dict[str, tuple[str, str]] = {}
        for person in courses.people(session, course.id, CourseRole.STUDENT):
            owner = groups.owner_for(assignment, person.user_name, person.group_name)
            project = course_projects.known_of_student(session, assignment, person.user_name)
            if project is not None and owner not in have:
                found.setdefault(owner, (person.user_name, project))
        return list(found.values())

    key = await asyncio.to_thread(receipt_key, ctx.platform.settings)
    taken: list[int] = []
    for user_name, project_id in await transaction(ctx, missing, read=True):
        files = await asyncio.to_thread(
            read_folder, files_of(ctx.platform.settings, project_id), ctx.path["assignment"]
        )
        if not files:
            continue
        manifest = await asyncio.to_thread(put_files, blobs(ctx), files)
        given = submissions.HandIn(user_name, manifest, origin="collected")

        def take(session: Session, given: submissions.HandIn = given) -> int:
            return submissions.hand_in(session, assignment_of(session, ctx), given, key=key, now=now).id

        taken.append(await transaction(ctx, take))
    return w.SubmissionIds(items=taken)


def deliver(ctx: Context, project_id: str, released: _Released) -> list[Delivery]:
    """Write the files of a version into a project; blocks."""
    store, folder = blobs(ctx), files_of(ctx.platform.settings, project_id)
    manifest = {file.path: file.sha256 for file in get_manifest(store, released.manifest).files}
    untouched: dict[str, set[str]] = {}
    for digest in released.earlier:
        for file in get_manifest(store, digest).files:
            untouched.setdefault(file.path, set()).add(file.sha256)
    wanted = [*manifest, *(beside(path, released.version) for path in manifest)]
    present = {path: digest for path in wanted if (digest := digest_of(folder, f"{released.folder}/{path}"))}
    plan = plan_delivery(manifest, present, untouched, released.version)
    for delivery in plan:
        if delivery.step is not Step.KEEP:
            write_file(folder, f"{released.folder}/{delivery.target}", store.get(manifest[delivery.path]))
    return plan


def _released(assignment: AssignmentRow) -> _Released:
    version = assignments.released_version(assignment)
    earlier = tuple(v.released_manifest for v in assignment.versions if v.number < version.number)
    return _Released(version.number, version.released_manifest, earlier, assignment.name)
