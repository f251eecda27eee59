"""What launches lead to, in the database: platforms, the courses that theirs are, people, links, scores to send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from courseware import courses, groups, submissions
from courseware.courses import Person, record
from courseware.errors import ConflictError, ForbiddenError, NotFoundError
from courseware.lti import LAUNCH_LIFETIME, Launch, LearningPlatform
from courseware.lti_models import LtiContextRow, LtiLinkRow, LtiNonceRow, LtiPersonRow, LtiPlatformRow
from courseware.models import AssignmentRow, CourseRow, EnrolmentRow


@dataclass(frozen=True, slots=True)
class ScoreToSend:
    """A person's score, and the line item over there that it belongs to."""

    platform: LearningPlatform
    line_item: str
    subject: str
    user_name: str
    score: float | None
    points: float
    is_final: bool


def platform_of(row: LtiPlatformRow) -> LearningPlatform:
    """Return a registered platform."""
    return LearningPlatform(
        row.id, row.issuer, row.client_id, frozenset(row.deployments), row.login_url, row.token_url, row.keys_url
    )


def find_platform(session: Session, issuer: str, client_id: str) -> LearningPlatform:
    """Return the platform that begins a login; without a client id, the only one of the issuer.

    Raises
    ------
    ForbiddenError
        It is not registered, or several are and it does not say which.
    """
    query = select(LtiPlatformRow).where(LtiPlatformRow.issuer == issuer)
    if client_id:
        query = query.where(LtiPlatformRow.client_id == client_id)
    rows = session.scalars(query).all()
    if len(rows) != 1:
        raise ForbiddenError(f"The learning platform {issuer!r} is not registered here. Ask an administrator.")
    return platform_of(rows[0])


def platform_by_id(session: Session, platform_id: int) -> LearningPlatform:
    """Return a registered platform.

    Raises
    ------
    NotFoundError
        There is none.
    """
    row = session.get(LtiPlatformRow, platform_id)
    if row is None:
        raise NotFoundError(f"There is no learning platform {platform_id}.")
    return platform_of(row)


def use_nonce(session: Session, nonce: str, now: datetime) -> None:
    """Note that a launch was used.

    Raises
    ------
    ForbiddenError
        It was used before.
    """
    session.execute(delete(LtiNonceRow).where(LtiNonceRow.used_at < now - 3 * LAUNCH_LIFETIME))
    if session.get(LtiNonceRow, nonce) is not None:
        raise ForbiddenError("This launch was used already. Open the activity again.")
    session.add(LtiNonceRow(nonce=nonce, used_at=now))
    session.flush()


def arrive(
    session: Session, platform: LearningPlatform, launch: Launch, user_name: str, now: datetime
) -> tuple[CourseRow, AssignmentRow | None] | None:
    """Let somebody into the course that theirs is here; return it, and the assignment that the link leads to.

    `None`: no course here is linked with theirs. Who is in the course already keeps their role. A link that was made
    for an assignment of the course leads to it from the first time that it is followed.
    """
    person = session.get(LtiPersonRow, (platform.id, launch.subject))
    if person is None:
        person = LtiPersonRow(platform_id=platform.id, subject=launch.subject)
        session.add(person)
    person.user_name = user_name
    context = session.get(LtiContextRow, (platform.id, launch.context_id))
    course = session.get(CourseRow, context.course_id) if context is not None else None
    if context is None or course is None or course.archived_at is not None:
        return None
    context.memberships_url = launch.memberships_url or context.memberships_url
    if courses.role_in(session, course.id, user_name) is None:
        who = Person(
            user_name, launch.role, first_name=launch.given_name, last_name=launch.family_name, email=launch.email
        )
        courses.enrol(session, course, who, by=platform.actor, now=now)
    link = _note_link(session, platform, launch, course, now) if launch.linking is None else None
    return course, session.get(AssignmentRow, link.assignment_id) if link and link.assignment_id else None


def connect(
    session: Session,
    course: CourseRow,
    platform_id: int,
    context_id: str,
    *,
    memberships_url: str = "",
    by: str,
    now: datetime,
) -> None:
    """Make a course over there this one; `memberships_url` is where its people can be asked for.

    Raises
    ------
    ConflictError
        It is another one already.
    """
    row = session.get(LtiContextRow, (platform_id, context_id))
    if row is not None and row.course_id != course.id:
        raise ConflictError("That course is linked with another one here; its instructors can undo it.")
    if row is None:
        session.add(
            LtiContextRow(
                platform_id=platform_id, context_id=context_id, course_id=course.id, memberships_url=memberships_url
            )
        )
        record(session, course.id, now, by, "lti.connect", course.id, after=f"{platform_id}: {context_id}"[:300])


def require_connection(session: Session, course: CourseRow, platform: LearningPlatform, context_id: str) -> None:
    """Let only what concerns a course over there pass that is linked with this one.

    Raises
    ------
    ConflictError
        It is not.
    """
    row = session.get(LtiContextRow, (platform.id, context_id))
    if row is None or row.course_id != course.id:
        raise ConflictError("This course is not linked with the one over there. Open one of its activities first.")


def links_of(session: Session, course_id: str) -> list[LtiLinkRow]:
    """Return the links over there that lead into a course."""
    query = (
        select(LtiLinkRow)
        .join(
            LtiContextRow,
            (LtiContextRow.platform_id == LtiLinkRow.platform_id) & (LtiContextRow.context_id == LtiLinkRow.context_id),
        )
        .where(LtiContextRow.course_id == course_id)
        .order_by(LtiLinkRow.platform_id, LtiLinkRow.resource_id)
    )
    return list(session.scalars(query))


def assign(
    session: Session, course: CourseRow, link: LtiLinkRow, assignment: AssignmentRow | None, *, by: str, now: datetime
) -> None:
    """Let a link lead to an assignment: its scores go to the link's line item."""
    link.assignment_id = assignment.id if assignment is not None else None
    name = assignment.name if assignment is not None else "the course"
    record(session, course.id, now, by, "lti.assign", link.resource_id[:300], after=name)


def scores_to_send(session: Session, assignment: AssignmentRow) -> list[ScoreToSend]:
    """Return the scores of everybody who came through a link to the assignment; only what was returned is told.

    Raises
    ------
    ConflictError
        The scores are not returned yet, or no link leads here.
    """
    if assignment.feedback_released_at is None:
        raise ConflictError("The scores are not returned yet: return them first, then send them.")
    links = [
        link
        for link in links_of(session, assignment.course_id)
        if link.assignment_id == assignment.id and link.line_item
    ]
    if not links:
        raise ConflictError(f"No link of a learning platform leads to “{assignment.name}” and takes scores.")
    counted = {row.user_name: row for row in submissions.counted(session, assignment.id)}
    found: list[ScoreToSend] = []
    for link in links:
        platform = platform_by_id(session, link.platform_id)
        people = session.execute(
            select(LtiPersonRow, EnrolmentRow)
            .join(
                EnrolmentRow,
                (EnrolmentRow.user_name == LtiPersonRow.user_name) & (EnrolmentRow.course_id == assignment.course_id),
            )
            .where(
                LtiPersonRow.platform_id == link.platform_id,
                EnrolmentRow.role == "student",
                EnrolmentRow.ended_at.is_(None),
            )
            .order_by(LtiPersonRow.user_name)
        )
        for person, enrolment in people:
            row = counted.get(groups.owner_for(assignment, person.user_name, enrolment.group_name))
            if row is not None:
                score = ScoreToSend(
                    platform, link.line_item, person.subject, person.user_name, row.score, row.points,
                    not row.needs_manual,
                )  # fmt: skip
                found.append(score)
    return found


def _note_link(
    session: Session, platform: LearningPlatform, launch: Launch, course: CourseRow, now: datetime
) -> LtiLinkRow:
    link = session.get(LtiLinkRow, (platform.id, launch.resource_id))
    is_new = link is None
    if link is None:
        link = LtiLinkRow(platform_id=platform.id, resource_id=launch.resource_id)
        session.add(link)
    link.context_id = launch.context_id
    link.line_item = launch.line_item or link.line_item or ""
    link.title = launch.resource_title or link.title or ""
    session.flush()
    meant = session.get(AssignmentRow, launch.assignment_id) if is_new and launch.assignment_id is not None else None
    if meant is not None and meant.course_id == course.id:
        assign(session, course, link, meant, by=platform.actor, now=now)
    return link
