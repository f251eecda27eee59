"""Courses and who is in them: every function takes the session of the caller's transaction."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from courseware.errors import ConflictError, InvalidError, NotFoundError
from courseware.gradebook import Aggregation, Category
from courseware.manual_column_models import ManualColumnRow
from courseware.models import AssignmentRow, AuditRow, CourseRow, EnrolmentRow, GroupRow
from courseware.policy import Caller, Capability, CourseRole, require

COURSE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
GROUP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}")
SUBJECT_LIMIT_CHARACTERS = 400
USER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Person:
    """A line of a roster.

    Attributes
    ----------
    user_name
        Account on the platform.
    student_id, first_name, last_name, email
        As the university has them; may be empty.
    group
        With whom they hand in what groups hand in; `None` leaves it as it is.
    """

    user_name: str
    role: CourseRole = CourseRole.STUDENT
    section: str = ""
    student_id: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    group: str | None = None


def create(
    session: Session,
    course_id: str,
    title: str,
    *,
    term: str = "",
    time_zone: str = "UTC",
    instructors: Sequence[str],
    by: Caller,
    now: datetime,
) -> CourseRow:
    """Add a course.

    Raises
    ------
    InvalidError
        The id or the time zone cannot be used, or there is no instructor.
    ConflictError
        The id is taken.
    """
    if not COURSE_ID.fullmatch(course_id):
        raise InvalidError(f"{course_id!r} cannot be a course id: use lowercase letters, digits and hyphens.")
    _check_time_zone(time_zone)
    if not instructors:
        raise InvalidError("A course needs an instructor.")
    if session.get(CourseRow, course_id) is not None:
        raise ConflictError(f"There is a course “{course_id}” already; choose another id.")
    course = CourseRow(id=course_id, title=title, term=term, time_zone=time_zone, grading={}, created_at=now)
    session.add(course)
    session.flush()
    record(session, course_id, now, by.name, "course.create", course_id, after=title)
    for name in instructors:
        enrol(session, course, Person(name, CourseRole.INSTRUCTOR), by=by.name, now=now)
    return course


def change(
    session: Session,
    course: CourseRow,
    *,
    title: str,
    term: str,
    time_zone: str,
    is_archived: bool,
    by: str,
    now: datetime,
) -> None:
    """Change what a course is called, and whether it is over: in an archived course nothing is handed in any more.

    Raises
    ------
    InvalidError
        The time zone is none.
    """
    _check_time_zone(time_zone)
    before = _description(course)
    course.title, course.term, course.time_zone = title, term, time_zone
    if is_archived != (course.archived_at is not None):
        course.archived_at = now if is_archived else None
    if _description(course) != before:
        record(session, course.id, now, by, "course.change", course.id, before=before, after=_description(course))


def get(session: Session, course_id: str, caller: Caller, needed: Capability) -> CourseRow:
    """Return a course in which the caller may do what `needed` names.

    Raises
    ------
    NotFoundError, ForbiddenError
        See `courseware.policy.require`.
    """
    require(caller, role_in(session, course_id, caller.name), needed, course_id)
    course = session.get(CourseRow, course_id)
    if course is None:
        raise NotFoundError(f"There is no course “{course_id}”.")
    return course


def role_in(session: Session, course_id: str, user_name: str) -> CourseRole | None:
    """Return a user's role in a course, `None` when they are not or no longer in it."""
    row = session.get(EnrolmentRow, (course_id, user_name))
    return CourseRole(row.role) if row is not None and row.ended_at is None else None


def of_user(session: Session, caller: Caller) -> Sequence[tuple[CourseRow, CourseRole | None]]:
    """Return the courses of a user with their role, all courses for an administrator, the newest first."""
    query = (
        select(CourseRow, EnrolmentRow.role)
        .join(
            EnrolmentRow,
            (EnrolmentRow.course_id == CourseRow.id)
            & (EnrolmentRow.user_name == caller.name)
            & EnrolmentRow.ended_at.is_(None),
            isouter=caller.is_admin,
        )
        .order_by(CourseRow.created_at.desc(), CourseRow.id)
    )
    return [(course, CourseRole(role) if role else None) for course, role in session.execute(query)]


def enrol(session: Session, course: CourseRow, person: Person, *, by: str, now: datetime) -> EnrolmentRow:
    """Put somebody into a course, or change their part in it. Who comes back is in their section again.

    Raises
    ------
    InvalidError
        The user name cannot be one.
    """
    if not USER_NAME.fullmatch(person.user_name):
        raise InvalidError(f"{person.user_name!r} is not a user name.")
    if person.group and not GROUP_NAME.fullmatch(person.group):
        raise InvalidError(f"{person.group!r} cannot name a group: use letters, digits, spaces, “.”, “_” and “-”.")
    row = session.get(EnrolmentRow, (course.id, person.user_name))
    before = "" if row is None else row.role if row.ended_at is None else "ended"
    if row is None:
        row = EnrolmentRow(course_id=course.id, user_name=person.user_name, since=now)
        session.add(row)
    elif row.ended_at is not None:
        row.hub_group = ""  # somebody takes them in again: no group puts them out
    is_back = row.ended_at is not None
    row.role, row.ended_at = person.role.value, None
    row.section = person.section or (row.section if is_back else "")  # who comes back is where they were
    for field in ("student_id", "first_name", "last_name", "email"):
        if value := getattr(person, field):
            setattr(row, field, value)
    if person.group is not None:
        row.group_name = person.group
        if person.group and session.get(GroupRow, (course.id, person.group)) is None:
            session.add(GroupRow(course_id=course.id, name=person.group))
    session.flush()
    after = f"{person.role.value} in group {row.group_name}" if row.group_name else person.role.value
    record(session, course.id, now, by, "enrolment.set", person.user_name, before=before, after=after)
    return row


def has_name(session: Session, course: CourseRow, person: Person) -> bool:
    """Return whether somebody's name is given, or known in the course."""
    row = session.get(EnrolmentRow, (course.id, person.user_name))
    return bool(person.first_name or person.last_name or (row is not None and (row.first_name or row.last_name)))


def end_enrolment(session: Session, course: CourseRow, user_name: str, *, by: str, now: datetime) -> None:
    """Take somebody out of a course; their submissions and scores stay, and no group of the hub brings them back.

    Raises
    ------
    NotFoundError
        They are not in it.
    ConflictError
        They are the only instructor.
    """
    row = session.get(EnrolmentRow, (course.id, user_name))
    if row is None or row.ended_at is not None:
        raise NotFoundError(f"“{user_name}” is not enrolled in “{course.id}”.")
    if row.role == CourseRole.INSTRUCTOR and len(people(session, course.id, CourseRole.INSTRUCTOR)) == 1:
        raise ConflictError(f"“{user_name}” is the only instructor; enrol another first.")
    row.ended_at, row.hub_group = now, ""
    record(session, course.id, now, by, "enrolment.end", user_name, before=row.role)


def people(session: Session, course_id: str, role: CourseRole | None = None) -> Sequence[EnrolmentRow]:
    """Return who is in a course, by name."""
    query = select(EnrolmentRow).where(EnrolmentRow.course_id == course_id, EnrolmentRow.ended_at.is_(None))
    if role is not None:
        query = query.where(EnrolmentRow.role == role.value)
    return session.scalars(query.order_by(EnrolmentRow.last_name, EnrolmentRow.user_name)).all()


def read_roster(text: str) -> list[Person]:
    """Read a roster from CSV with a header line; `user_name` (or nbgrader's `id`) is needed, the others may be there.

    Raises
    ------
    InvalidError
        A line has no user name or an unknown role; the message names the line.
    """
    found = []
    for number, row in enumerate(csv.DictReader(io.StringIO(text)), 2):
        values = {str(key).strip().lower(): (value or "").strip() for key, value in row.items() if key}
        name = values.get("user_name") or values.get("id") or ""
        if not USER_NAME.fullmatch(name):
            raise InvalidError(f"Line {number} of the roster has {name!r} where a user name must be.")
        try:
            role = CourseRole(values.get("role") or CourseRole.STUDENT)
        except ValueError as error:
            raise InvalidError(f"Line {number} of the roster has the unknown role {values['role']!r}.") from error
        fields = {key: values.get(key, "") for key in ("section", "student_id", "first_name", "last_name", "email")}
        found.append(Person(name, role, **fields, group=values.get("group")))
    return found


def set_grading(
    session: Session,
    course: CourseRow,
    categories: Sequence[Category],
    scale: Mapping[str, float],
    *,
    by: str,
    now: datetime,
) -> None:
    """Set how the course grade is made."""
    names = [category.name for category in categories]
    if len(set(names)) != len(names):
        raise InvalidError("Two categories have one name.")
    before = str(course.grading)
    rows = [
        {
            "name": c.name,
            "weight": c.weight,
            "drop_lowest": c.drop_lowest,
            "aggregation": c.aggregation.value,
            "cap": c.cap,
        }
        for c in categories
    ]
    course.grading = {"categories": rows, "scale": dict(scale)}
    record(session, course.id, now, by, "course.grading", course.id, before=before, after=str(course.grading))


def grading_of(session: Session, course: CourseRow) -> tuple[list[Category], dict[str, float]]:
    """Return the categories and the letter scale; without settings, one category per name in use, all weights 1."""
    rows, scale = course.grading.get("categories"), course.grading.get("scale")
    if isinstance(rows, list) and rows:
        categories = [Category(**(row | {"aggregation": Aggregation(row["aggregation"])})) for row in rows]
    else:
        of_columns = select(ManualColumnRow.category).where(
            ManualColumnRow.course_id == course.id, ManualColumnRow.removed_at.is_(None)
        )
        names = session.scalars(
            select(AssignmentRow.category).where(AssignmentRow.course_id == course.id).union(of_columns)
        ).all()
        categories = [Category(name) for name in sorted(names)]
    return categories, dict(scale) if isinstance(scale, dict) else {}


def record(
    session: Session,
    course_id: str,
    now: datetime,
    actor: str,
    action: str,
    subject: str,
    *,
    before: str = "",
    after: str = "",
) -> None:
    """Add a line to the course's audit log, in the transaction of what it records."""
    about = subject[:SUBJECT_LIMIT_CHARACTERS]
    session.add(
        AuditRow(course_id=course_id, at=now, actor=actor, action=action, subject=about, before=before, after=after)
    )


def audit_log(session: Session, course_id: str, before_id: int | None, limit: int) -> Sequence[AuditRow]:
    """Return lines of the audit log, the newest first, those before an id only."""
    query = select(AuditRow).where(AuditRow.course_id == course_id)
    if before_id is not None:
        query = query.where(AuditRow.id < before_id)
    return session.scalars(query.order_by(AuditRow.id.desc()).limit(limit)).all()


def audit_of(session: Session, course_id: str, subject: str) -> Sequence[AuditRow]:
    """Return the lines of the audit log about a subject and what is in it, the newest first."""
    within = or_(AuditRow.subject == subject, AuditRow.subject.startswith(f"{subject},", autoescape=True))
    query = select(AuditRow).where(AuditRow.course_id == course_id, within)
    return session.scalars(query.order_by(AuditRow.id.desc())).all()


def _check_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise InvalidError(f"{name!r} is not a time zone; use a name such as Europe/Berlin.") from error


def _description(course: CourseRow) -> str:
    parts = [course.title, course.term, course.time_zone, "archived" if course.archived_at is not None else ""]
    return ", ".join(part for part in parts if part)
