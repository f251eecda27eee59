"""The projects of a course: each student's, each group's, the staff's; who is a member follows from the course."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courseware import CourseRole, courses, graders, groups
from courseware.models import AssignmentRow, CourseRow, EnrolmentRow, GroupRow
from hub.data import projects, users
from hub.data.models import ProjectRow
from hub.policy import Role

STAFF = (CourseRole.INSTRUCTOR, CourseRole.GRADER)


def of_student(
    session: Session, course: CourseRow, assignment: AssignmentRow | None, user_name: str, now: datetime
) -> str:
    """Return the project where a student works on an assignment, made when there is none; the staff are members.

    For an assignment that groups hand in it is the group's project.
    """
    enrolment = session.get_one(EnrolmentRow, (course.id, user_name))
    if assignment is not None and groups.is_group_assignment(assignment) and enrolment.group_name:
        return _of_group(session, course, session.get_one(GroupRow, (course.id, enrolment.group_name)), now)
    project = _existing(session, enrolment.project_id)
    if project is None:
        project = _create(session, course, course.title, user_name, now)
        enrolment.project_id = project.id
    _let_in(session, project, _staff(session, course, {enrolment.section}), now)
    return project.id


def known_of_student(session: Session, assignment: AssignmentRow, user_name: str) -> str | None:
    """Return the project where a student works on an assignment, `None` when there is none yet."""
    enrolment = session.get(EnrolmentRow, (assignment.course_id, user_name))
    if enrolment is None:
        return None
    if groups.is_group_assignment(assignment) and enrolment.group_name:
        group = session.get(GroupRow, (assignment.course_id, enrolment.group_name))
        return group.project_id if group is not None else None
    return enrolment.project_id


def of_staff(session: Session, course: CourseRow, now: datetime) -> str:
    """Return the project that the staff of a course share, made when there is none; nobody else is in it."""
    wanted = _staff(session, course)
    project = _existing(session, course.project_id)
    if project is None:
        project = _create(session, course, f"{course.title}: staff", next(iter(wanted)), now)
        course.project_id = project.id
    _let_in(session, project, wanted, now)
    _put_out(session, project, [member.user.name for member in project.memberships if member.user.name not in wanted])
    return project.id


def leave(session: Session, course: CourseRow, user_name: str, now: datetime) -> None:
    """Take somebody whose enrolment has ended, or who is no longer staff, out of the projects of others."""
    kept = session.get(EnrolmentRow, (course.id, user_name))
    own = {None, kept.project_id if kept is not None else None}
    if kept is not None and kept.ended_at is None and kept.group_name:
        group = session.get(GroupRow, (course.id, kept.group_name))
        own.add(group.project_id if group is not None else None)
    people = select(EnrolmentRow.project_id).where(EnrolmentRow.course_id == course.id)
    shared = select(GroupRow.project_id).where(GroupRow.course_id == course.id)
    ids = {*session.scalars(people), *session.scalars(shared), course.project_id} - own
    for project in session.scalars(select(ProjectRow).where(ProjectRow.id.in_(ids))):
        _put_out(session, project, [user_name])


def _of_group(session: Session, course: CourseRow, group: GroupRow, now: datetime) -> str:
    students = groups.members(session, course.id, group.name)
    project = _existing(session, group.project_id)
    if project is None:
        project = _create(session, course, f"{course.title}: {group.name}", students[0], now)
        group.project_id = project.id
    wanted = dict.fromkeys(students, Role.EDITOR) | _staff(session, course, _places(session, course)[project.id])
    _let_in(session, project, wanted, now)
    classmates = {person.user_name for person in courses.people(session, course.id, CourseRole.STUDENT)}
    _put_out(session, project, [name for name in classmates if name not in wanted], heirs=students)
    return project.id


def keep_to_limits(session: Session, course: CourseRow) -> None:
    """Take graders out of the projects of students whose work is not theirs to grade."""
    limited = [p for p in courses.people(session, course.id, CourseRole.GRADER) if not graders.limits_of(p).is_whole]
    if not limited:
        return
    places = _places(session, course)
    for project in session.scalars(select(ProjectRow).where(ProjectRow.id.in_(places))):
        _put_out(session, project, [p.user_name for p in limited if not _works_in(p, places[project.id])])


def _staff(session: Session, course: CourseRow, sections: Collection[str] | None = None) -> dict[str, Role]:
    """Return the staff who work in the projects of students of some sections; without sections, all of them."""
    people = [person for person in courses.people(session, course.id) if person.role in STAFF]
    if sections is not None:
        people = [person for person in people if _works_in(person, sections)]
    return {person.user_name: Role.EDITOR for person in people}


def _works_in(person: EnrolmentRow, sections: Collection[str]) -> bool:
    """Return whether somebody of the staff works in the project of students of these sections.

    The work on every assignment lies in it, so nobody is let in who grades some assignments only.
    """
    limits = graders.limits_of(person)
    return person.role != CourseRole.GRADER or (not limits.assignments and limits.has_section(*sections))


def _places(session: Session, course: CourseRow) -> dict[str, set[str]]:
    """Return the projects of students and groups, each with the sections of those whose work lies in it."""
    groups_there = session.execute(select(GroupRow.name, GroupRow.project_id).where(GroupRow.course_id == course.id))
    shared = dict(groups_there.all())
    query = select(EnrolmentRow.project_id, EnrolmentRow.group_name, EnrolmentRow.section)
    places: dict[str, set[str]] = defaultdict(set)
    for own, group, section in session.execute(query.where(EnrolmentRow.course_id == course.id)):
        for project in (own, shared.get(group)):
            if project is not None:
                places[project].add(section)
    return places


def _existing(session: Session, project_id: str | None) -> ProjectRow | None:
    project = session.get(ProjectRow, project_id) if project_id else None
    return project if project is not None and project.deleted_at is None else None


def _create(session: Session, course: CourseRow, title: str, owner: str, now: datetime) -> ProjectRow:
    description = f"{course.title} {course.term}".strip()
    return projects.create(session, title, description, users.get(session, owner), now)


def _let_in(session: Session, project: ProjectRow, wanted: Mapping[str, Role], now: datetime) -> None:
    present = {membership.user.name for membership in project.memberships}
    for name, role in wanted.items():
        if name not in present:
            projects.set_member(session, project, users.get(session, name), role, by="collegium", now=now)
    session.flush()


def _put_out(session: Session, project: ProjectRow, names: Sequence[str], heirs: Sequence[str] = ()) -> None:
    """Take members out; an owner hands the project on first, and stays where nobody is left to own it."""
    for name in names:
        membership = next((m for m in project.memberships if m.user.name == name), None)
        if membership is None:
            continue
        others = [m for m in project.memberships if m is not membership]
        if membership.role is Role.OWNER and not any(m.role is Role.OWNER for m in others):
            editors = sorted((m for m in others if m.role is Role.EDITOR), key=lambda m: m.user.name not in heirs)
            heir = next(iter(editors), None)
            if heir is None:
                continue
            heir.role = Role.OWNER
        project.memberships.remove(membership)
    session.flush()
