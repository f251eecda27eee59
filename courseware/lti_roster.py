"""Who is in a course over there: LTI's Names and Role Provisioning Services, read and taken over.

Source: 1EdTech "Learning Tools Interoperability Names and Role Provisioning Services 2.0".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urljoin, urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from courseware import courses
from courseware.courses import Person, record
from courseware.errors import ConflictError, ForbiddenError
from courseware.lti import LearningPlatform, course_role
from courseware.lti_courses import platform_of
from courseware.lti_models import LtiContextRow, LtiPersonRow, LtiPlatformRow
from courseware.models import CourseRow, EnrolmentRow
from courseware.policy import CourseRole

MEMBERSHIP_TYPE = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
_GONE = frozenset({"Inactive", "Deleted"})


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a course over there.

    Attributes
    ----------
    subject
        The platform's lasting id of the person, as launches have it.
    role
        What they are in the course over there.
    """

    subject: str
    role: CourseRole
    given_name: str = ""
    family_name: str = ""
    email: str = ""
    user_name: str = ""


@dataclass(frozen=True, slots=True)
class Roster:
    """A course over there whose people can be asked for."""

    platform: LearningPlatform
    title: str
    context_id: str
    memberships_url: str


def contexts_of(session: Session, course_id: str) -> list[Roster]:
    """Return the courses over there that a course is linked with."""
    rows = session.execute(
        select(LtiContextRow, LtiPlatformRow)
        .join(LtiPlatformRow, LtiPlatformRow.id == LtiContextRow.platform_id)
        .where(LtiContextRow.course_id == course_id)
        .order_by(LtiPlatformRow.title, LtiContextRow.context_id)
    )
    return [
        Roster(platform_of(platform), platform.title, context.context_id, context.memberships_url)
        for context, platform in rows
    ]


def rosters_of(session: Session, course_id: str) -> list[Roster]:
    """Return those of them that tell who is in them.

    Raises
    ------
    ConflictError
        None does.
    """
    found = [roster for roster in contexts_of(session, course_id) if roster.memberships_url]
    if not found:
        raise ConflictError(
            "No learning platform tells who is in this course. Switch “Names and Roles” on for this tool over there, "
            "then open the activity once as an instructor."
        )
    return found


def read_members(content: object) -> list[Member]:
    """Read one page of a membership container; who is inactive or deleted over there is left out.

    Raises
    ------
    ForbiddenError
        It is none.
    """
    members = content.get("members") if isinstance(content, Mapping) else None
    if not isinstance(members, list):
        raise ForbiddenError("The learning platform's answer is no list of members.")
    return [_member(one) for one in members if isinstance(one, Mapping) and one.get("status") not in _GONE]


def next_page(here: str, following: str | None) -> str | None:
    """Return where the next page is, when it is at the same place: the token is for nobody else.

    Raises
    ------
    ForbiddenError
        It is elsewhere.
    """
    if not following:
        return None
    url = urljoin(here, following)
    if urlsplit(url)[:2] != urlsplit(here)[:2]:
        raise ForbiddenError(f"The learning platform's list goes on at another place: {url[:200]}")
    return url


def take_over(
    session: Session, course: CourseRow, roster: Roster, people: list[tuple[Member, str]], now: datetime
) -> list[str]:
    """Enrol who is in a course over there and not here; return their user names. Nobody's role changes.

    Parameters
    ----------
    people
        Members, and the accounts that they have here.
    """
    by = roster.platform.actor
    enrolled = []
    for member, user_name in people:
        person = session.get(LtiPersonRow, (roster.platform.id, member.subject))
        if person is None:
            person = LtiPersonRow(platform_id=roster.platform.id, subject=member.subject)
            session.add(person)
        person.user_name = user_name
        if courses.role_in(session, course.id, user_name) is None:
            who = Person(
                user_name,
                member.role,
                first_name=member.given_name,
                last_name=member.family_name,
                email=member.email,
            )
            courses.enrol(session, course, who, by=by, now=now)
            enrolled.append(user_name)
    record(session, course.id, now, by, "lti.roster", roster.context_id[:300], after=f"{len(people)}")
    return enrolled


def missing(session: Session, course_id: str, rosters: list[Roster], present: set[str]) -> list[str]:
    """Return students who came from these platforms and are not in the course over there any more."""
    query = (
        select(EnrolmentRow.user_name)
        .join(LtiPersonRow, LtiPersonRow.user_name == EnrolmentRow.user_name)
        .where(
            EnrolmentRow.course_id == course_id,
            EnrolmentRow.role == "student",
            EnrolmentRow.ended_at.is_(None),
            LtiPersonRow.platform_id.in_([roster.platform.id for roster in rosters]),
            EnrolmentRow.user_name.not_in(present),
        )
        .order_by(EnrolmentRow.user_name)
    )
    return list(dict.fromkeys(session.scalars(query)))


def _member(content: Mapping[str, object]) -> Member:
    subject = str(content.get("user_id") or "")
    if not subject or len(subject) > 255:
        raise ForbiddenError("The learning platform's list has a member without an id.")
    given, family = str(content.get("given_name") or ""), str(content.get("family_name") or "")
    if not given and not family:
        given, _space, family = str(content.get("name") or "").strip().rpartition(" ")
    return Member(subject, course_role(content.get("roles")), given, family, str(content.get("email") or ""))
