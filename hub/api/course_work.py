"""Operations on a student's work in their project: receive an assignment, look what is missing, hand in, collect."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courseware import Capability, CourseRole, assignments, courses, submissions
from courseware.delivery import Delivery, Step, beside, plan_delivery
from courseware.grading import check_work
from courseware.models import AssignmentRow, CourseRow, EnrolmentRow, SubmissionRow
from courseware.store import get_files, get_manifest, put_files
from hub.api import course_schemas as s
from hub.api import course_work_schemas as w
from hub.api.context import Context
from hub.api.course_support import assignment_of, blobs, course_of, receipt_key, transaction
from hub.api.new_projects import files_of
from hub.api.operation import operation
from hub.data import projects, users
from hub.data.models import ProjectRow
from hub.errors import ConflictError, InvalidError, NotFoundError
from hub.policy import Role
from hub.project_files import NOT_COPIED, ProjectFolder

FILE_LIMIT_BYTES = 64 * 1024 * 1024
STAFF = (CourseRole.INSTRUCTOR, CourseRole.GRADER)
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
        return _project_of_student(session, course, ctx.actor.name, now), _released(assignment)

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

    def work(session: Session) -> tuple[str | None, AssignmentRow, dict[str, str]]:
        course = course_of(session, ctx, Capability.SUBMIT)
        row = session.get(EnrolmentRow, (course.id, ctx.actor.name))
        assignment = assignment_of(session, ctx)
        version = assignments.released_version(assignment)
        manifests = {"graded": version.graded_manifest, "released": version.released_manifest}
        return row.project_id if row is not None else None, assignment, manifests

    project_id, assignment, manifests = await transaction(ctx, work, read=True)
    if project_id is None:
        return w.WorkState(project_id=None, folder=assignment.name, files=[], problems=[])

    def look() -> w.WorkState:
        files = _read(files_of(ctx.platform.settings, project_id), assignment.name)
        problems = check_work(get_files(blobs(ctx), manifests["released"]), files)
        return w.WorkState(
            project_id=project_id,
            folder=assignment.name,
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
        course = course_of(session, ctx, Capability.SUBMIT)
        row = session.get(EnrolmentRow, (course.id, ctx.actor.name))
        assignment_of(session, ctx)
        if row is None or row.project_id is None:
            raise ConflictError("There is no work of yours yet: fetch the assignment first.")
        return row.project_id

    project_id = await transaction(ctx, allowed, read=True)
    folder = files_of(ctx.platform.settings, project_id)
    files = await asyncio.to_thread(_read, folder, ctx.path["assignment"])
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
        released = _released(assignment_of(session, ctx))
        students = courses.people(session, course.id, CourseRole.STUDENT)
        found = [_project_of_student(session, course, person.user_name, now) for person in students]
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
        people = courses.people(session, course.id, CourseRole.STUDENT)
        return [(p.user_name, p.project_id) for p in people if p.project_id and p.user_name not in have]

    key = await asyncio.to_thread(receipt_key, ctx.platform.settings)
    taken: list[int] = []
    for user_name, project_id in await transaction(ctx, missing, read=True):
        files = await asyncio.to_thread(_read, files_of(ctx.platform.settings, project_id), ctx.path["assignment"])
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
    present = {path: digest for path in wanted if (digest := _digest(folder, f"{released.folder}/{path}"))}
    plan = plan_delivery(manifest, present, untouched, released.version)
    for delivery in plan:
        if delivery.step is not Step.KEEP:
            _write(folder, f"{released.folder}/{delivery.target}", store.get(manifest[delivery.path]))
    return plan


def _released(assignment: AssignmentRow) -> _Released:
    version = assignments.released_version(assignment)
    earlier = tuple(v.released_manifest for v in assignment.versions if v.number < version.number)
    return _Released(version.number, version.released_manifest, earlier, assignment.name)


def _project_of_student(session: Session, course: CourseRow, user_name: str, now: datetime) -> str:
    """Return a student's project of a course, made when there is none; the staff are members of it."""
    enrolment = session.get_one(EnrolmentRow, (course.id, user_name))
    project = session.get(ProjectRow, enrolment.project_id) if enrolment.project_id else None
    if project is None or project.deleted_at is not None:
        owner = users.get(session, user_name)
        project = projects.create(session, course.title, f"{course.title} {course.term}".strip(), owner, now)
        enrolment.project_id = project.id
    members = {membership.user.name for membership in project.memberships}
    for person in courses.people(session, course.id):
        if person.role in STAFF and person.user_name not in members:
            staff = users.get(session, person.user_name)
            projects.set_member(session, project, staff, Role.EDITOR, by=user_name, now=now)
    session.flush()
    return project.id


def _digest(folder: ProjectFolder, path: str) -> str:
    try:
        return hashlib.sha256(folder.read(path, FILE_LIMIT_BYTES)).hexdigest()
    except NotFoundError:
        return ""
    except InvalidError:
        return "too large to be ours"


def _read(folder: ProjectFolder, name: str) -> dict[str, bytes]:
    """Return the visible files of an assignment's folder by path below it."""
    found: dict[str, bytes] = {}
    try:
        entries = [entry for entry, _ in folder.walk(name)]
    except NotFoundError:
        return {}
    for entry in entries:
        if not NOT_COPIED & set(entry.path.split("/")):
            found[entry.path[len(name) + 1 :]] = folder.read(entry.path, FILE_LIMIT_BYTES)
    return found


def _write(folder: ProjectFolder, path: str, content: bytes) -> None:
    with folder.writing(path) as (descriptor, name):
        temporary = f".{secrets.token_hex(8)}.delivery"
        new = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=descriptor)
        with os.fdopen(new, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
