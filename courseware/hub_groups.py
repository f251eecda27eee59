"""Groups of the hub whose members are in a course: who comes in, who is deactivated, who stays as they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courseware.courses import Person, end_enrolment, enrol, has_name, record
from courseware.errors import InvalidError, NotFoundError
from courseware.models import CourseRow, EnrolmentRow, HubGroupRow
from courseware.policy import CourseRole

NAME_LIMIT_CHARACTERS = 255
ROLES = (CourseRole.STUDENT, CourseRole.AUDITOR, CourseRole.GRADER)


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands in a course.

    Attributes
    ----------
    is_active
        Whether their enrolment goes on.
    group
        The group through which they came; empty: otherwise. Whom people took out has none.
    """

    is_active: bool
    group: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What brings a course in step with its groups.

    Attributes
    ----------
    come
        Who comes in, or back, and through which group.
    leave
        Who is deactivated.
    kept_out
        Members whom people of the course took out; they stay out.
    """

    come: Mapping[str, str]
    leave: tuple[str, ...]
    kept_out: tuple[str, ...]


def plan(members: Mapping[str, Collection[str] | None], people: Mapping[str, Standing]) -> Changes:
    """Return what brings a course in step with its groups. Who came otherwise is never touched.

    Parameters
    ----------
    members
        Of each group of the course, in the order in which they count; `None` where they are not known: who came
        through that group stays.
    people
        Who is or was in the course.
    """
    group_of: dict[str, str] = {}
    for group, names in members.items():
        for name in names or ():
            group_of.setdefault(name, group)
    come: dict[str, str] = {}
    kept_out = []
    for name, group in group_of.items():
        standing = people.get(name)
        if standing is None or (not standing.is_active and standing.group):
            come[name] = group
        elif not standing.is_active:
            kept_out.append(name)
        elif standing.group and _has_left(standing.group, name, members):
            come[name] = group  # from one group of the course into another
    leave = [
        name
        for name, standing in people.items()
        if standing.is_active and name not in group_of and _has_left(standing.group, name, members)
    ]
    return Changes(come, tuple(sorted(leave)), tuple(sorted(kept_out)))


def of_course(session: Session, course_id: str) -> Sequence[HubGroupRow]:
    """Return the groups of a course, in the order in which they count."""
    query = select(HubGroupRow).where(HubGroupRow.course_id == course_id)
    return session.scalars(query.order_by(HubGroupRow.since, HubGroupRow.name)).all()


def get(session: Session, course_id: str, name: str) -> HubGroupRow:
    """Return a group of a course.

    Raises
    ------
    NotFoundError
        The course has no such group.
    """
    row = session.get(HubGroupRow, (course_id, name))
    if row is None:
        raise NotFoundError(f"The group “{name}” is not linked with this course.")
    return row


def courses_with_groups(session: Session) -> Sequence[str]:
    """Return the courses that go on and have groups."""
    query = select(HubGroupRow.course_id).join(CourseRow).where(CourseRow.archived_at.is_(None)).distinct()
    return session.scalars(query.order_by(HubGroupRow.course_id)).all()


def link(
    session: Session, course: CourseRow, name: str, role: CourseRole, section: str, *, by: str, now: datetime
) -> HubGroupRow:
    """Link a group with a course, or change what its members are; who had what the group gave gets what it gives now.

    Raises
    ------
    InvalidError
        The name cannot be one, or the role is not given to groups.
    """
    if not name.strip() or len(name) > NAME_LIMIT_CHARACTERS:
        raise InvalidError(f"{name!r} cannot name a group.")
    if role not in ROLES:
        raise InvalidError("Members of a group are students, auditors or graders. Enrol instructors one by one.")
    row = session.get(HubGroupRow, (course.id, name))
    before = "" if row is None else f"{row.role} {row.section}".strip()
    if row is None:
        row = HubGroupRow(course_id=course.id, name=name, by=by, since=now)
        session.add(row)
    else:
        for person in _through(session, course.id, name):
            if (person.role, person.section) == (row.role, row.section):
                person.role, person.section = role.value, section
    row.role, row.section = role.value, section
    session.flush()
    record(session, course.id, now, by, "group.link", name, before=before, after=f"{role.value} {section}".strip())
    return row


def unlink(session: Session, course: CourseRow, name: str, *, by: str, now: datetime) -> None:
    """End the link with a group; who is in the course stays in it.

    Raises
    ------
    NotFoundError
        The course has no such group.
    """
    row = get(session, course.id, name)
    for person in _through(session, course.id, name):
        person.hub_group = ""
    session.delete(row)
    session.flush()
    record(session, course.id, now, by, "group.unlink", name, before=row.role)


def standings(session: Session, course_id: str) -> dict[str, Standing]:
    """Return how everybody who is or was in a course stands in it; who was made instructor is no group's any more."""
    query = select(EnrolmentRow).where(EnrolmentRow.course_id == course_id)
    return {
        row.user_name: Standing(row.ended_at is None, row.hub_group if row.role != CourseRole.INSTRUCTOR else "")
        for row in session.scalars(query)
    }


def apply(
    session: Session, course: CourseRow, changes: Changes, names: Mapping[str, tuple[str, str]], now: datetime
) -> None:
    """Do what a plan says; `names` has first and last names, for those of whom the course knows none."""
    links = {row.name: row for row in of_course(session, course.id)}
    for name, group in changes.come.items():
        given = links[group]
        earlier = session.get(EnrolmentRow, (course.id, name))
        section = given.section or (earlier.section if earlier is not None else "")
        person = Person(name, CourseRole(given.role), section)
        if not has_name(session, course, person):
            first, last = names.get(name, ("", ""))
            person = replace(person, first_name=first, last_name=last)
        enrol(session, course, person, by=_actor(group), now=now).hub_group = group
    for name in changes.leave:
        row = session.get_one(EnrolmentRow, (course.id, name))
        group = row.hub_group
        end_enrolment(session, course, name, by=_actor(group), now=now)
        row.hub_group = group  # they come back when they are in it again
    session.flush()


def note(row: HubGroupRow, members: int | None, problem: str, now: datetime) -> None:
    """Note how a synchronisation went; without a number of members it could not be done."""
    if members is not None:
        row.members, row.synchronised_at = members, now
    row.problem = problem


def _through(session: Session, course_id: str, group: str) -> Sequence[EnrolmentRow]:
    query = select(EnrolmentRow).where(EnrolmentRow.course_id == course_id, EnrolmentRow.hub_group == group)
    return session.scalars(query).all()


def _has_left(group: str, name: str, members: Mapping[str, Collection[str] | None]) -> bool:
    """Return whether somebody came through a group that is known not to have them any more."""
    names = members.get(group)
    return names is not None and name not in names


def _actor(group: str) -> str:
    return f"group {group}"[:64]
