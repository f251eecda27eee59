"""Operations on how people come into a course by themselves, and how a course goes on in the next term."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from courseware import Capability, CourseRole, courses, terms
from courseware.courses import Person
from courseware.models import CourseRow
from hub import course_projects
from hub.api import course_schemas as s
from hub.api import course_work_schemas as w
from hub.api.context import Context
from hub.api.course_support import caller, course_of, course_summary, receipt_key, transaction
from hub.api.operation import operation
from hub.errors import ForbiddenError


@operation(
    "POST",
    "/courses/{course_id}/enrolment-links",
    "Make a link that enrols",
    body=w.EnrolmentLinkRequest,
    response=w.EnrolmentLink,
    status=201,
    has_secret=True,
)
async def make_enrolment_link(ctx: Context) -> w.EnrolmentLink:
    """Return a link that makes everybody who follows it a student or an auditor, until it expires."""
    given = ctx.body_as(w.EnrolmentLinkRequest)
    now = ctx.platform.now()
    expires = (now + timedelta(days=given.days)).replace(microsecond=0)
    key = await asyncio.to_thread(receipt_key, ctx.platform.settings)

    def work(session: Session) -> str:
        course = course_of(session, ctx, Capability.MANAGE)
        after = f"{given.role.value} {given.section} until {expires.isoformat()}"
        courses.record(session, course.id, now, ctx.actor.name, "enrolment.link", course.id, after=after)
        content = {
            "course": course.id,
            "role": given.role.value,
            "section": given.section,
            "expires": expires.isoformat(),
        }
        return _sealed(content, key)

    token = await transaction(ctx, work)
    url = f"{ctx.platform.settings.public_url}services/collegium/courses/join?token={token}"
    return w.EnrolmentLink(url=url, token=token, expires_at=expires)


@operation("POST", "/course-enrolments", "Join a course by a link", body=w.JoinRequest, response=s.CourseSummary)
async def join_course(ctx: Context) -> s.CourseSummary:
    """Enrol the caller; who has a part in the course already keeps it."""
    token, now = ctx.body_as(w.JoinRequest).token, ctx.platform.now()
    key = await asyncio.to_thread(receipt_key, ctx.platform.settings)
    content = _opened(token, key, now)

    def work(session: Session) -> s.CourseSummary:
        course = session.get(CourseRow, content["course"])
        if course is None or course.archived_at is not None:
            raise ForbiddenError("The course of this link is over.")
        if courses.role_in(session, course.id, ctx.actor.name) is None:
            person = Person(ctx.actor.name, CourseRole(content["role"]), content["section"])
            courses.enrol(session, course, person, by=ctx.actor.name, now=now)
            course_projects.keep_to_limits(session, course)  # who comes back may be in another section
        return course_summary(course, courses.role_in(session, course.id, ctx.actor.name))

    return await transaction(ctx, work)


@operation(
    "POST", "/courses/{course_id}/staff-project", "Open the project that the staff share", response=s.StaffProject
)
async def open_staff_project(ctx: Context) -> s.StaffProject:
    """Return the staff's project, made when there is none; every instructor and grader of the course is in it."""
    now = ctx.platform.now()

    def work(session: Session) -> s.StaffProject:
        course = course_of(session, ctx, Capability.GRADE)
        return s.StaffProject(project_id=course_projects.of_staff(session, course, now))

    return await transaction(ctx, work)


@operation(
    "POST",
    "/courses/{course_id}/copies",
    "Copy a course to the next term",
    body=w.CopyRequest,
    response=s.CourseSummary,
    status=201,
)
async def copy_course(ctx: Context) -> s.CourseSummary:
    """Make a course with the same assignments, unreleased, and the same settings; the caller is its instructor."""
    given, now = ctx.body_as(w.CopyRequest), ctx.platform.now()

    def work(session: Session) -> s.CourseSummary:
        course = course_of(session, ctx, Capability.MANAGE)
        made = terms.copy_course(
            session,
            course,
            given.id,
            given.title,
            term=given.term,
            shift=timedelta(days=given.shift_days),
            by=caller(ctx),
            now=now,
        )
        return course_summary(made, courses.role_in(session, made.id, ctx.actor.name))

    return await transaction(ctx, work)


def _sealed(content: dict[str, str], key: bytes) -> str:
    body = base64.urlsafe_b64encode(json.dumps(content, sort_keys=True).encode()).decode()
    return f"{body}.{_seal(body, key)}"


def _opened(token: str, key: bytes, now: datetime) -> dict[str, str]:
    body, _, seal = token.partition(".")
    if not hmac.compare_digest(seal.encode(), _seal(body, key).encode()):
        raise ForbiddenError("This enrolment link is not valid. Ask your instructor for another one.")
    content: dict[str, str] = json.loads(base64.urlsafe_b64decode(body))
    if datetime.fromisoformat(content["expires"]) < now:
        raise ForbiddenError("This enrolment link has expired. Ask your instructor for another one.")
    return content


def _seal(body: str, key: bytes) -> str:
    return hmac.new(key, f"enrolment\0{body}".encode(), hashlib.sha256).hexdigest()
