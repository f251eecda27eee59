"""Assignments, their versions, schedules and accommodations in the database."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from courseware import groups, manual_columns
from courseware.autotests import has_autotests
from courseware.courses import record
from courseware.deadlines import Accommodation, Deadline, LatePenalty, Schedule, deadline_of
from courseware.errors import ClosedError, ConflictError, FormatError, InvalidError, NotFoundError
from courseware.models import (
    AccommodationRow,
    AssignmentRow,
    CourseRow,
    EnrolmentRow,
    Json,
    OpeningRow,
    VersionRow,
)
from courseware.store import Blobs, put_files
from courseware.structure import GeneratedVersion, Structure, generate_version, structure_from_json

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def create(session: Session, course: CourseRow, name: str, *, category: str, by: str, now: datetime) -> AssignmentRow:
    """Add an assignment without content.

    Raises
    ------
    InvalidError, ConflictError
        The name cannot be used, or is taken.
    """
    if not NAME.fullmatch(name):
        raise InvalidError(f"{name!r} cannot name an assignment: use letters, digits, “-”, “_” and “.”.")
    if _find(session, course.id, name) is not None:
        raise ConflictError(f"There is an assignment “{name}” already.")
    if manual_columns.is_named(session, course.id, name):
        raise ConflictError(f"The gradebook has a column “{name}”; choose another name.")
    row = AssignmentRow(course_id=course.id, name=name, category=category, schedule={}, settings={}, created_at=now)
    session.add(row)
    session.flush()
    record(session, course.id, now, by, "assignment.create", name)
    return row


def get(session: Session, course_id: str, name: str) -> AssignmentRow:
    """Return an assignment.

    Raises
    ------
    NotFoundError
        There is none of the name.
    """
    row = _find(session, course_id, name)
    if row is None:
        raise NotFoundError(f"There is no assignment “{name}” in “{course_id}”.")
    return row


def of_course(session: Session, course_id: str) -> Sequence[AssignmentRow]:
    """Return the assignments of a course in the order in which they were made."""
    query = (
        select(AssignmentRow).where(AssignmentRow.course_id == course_id).options(joinedload(AssignmentRow.released))
    )
    return session.scalars(query.order_by(AssignmentRow.id)).all()


def store_version(
    blobs: Blobs, source: Mapping[str, bytes], prepared: Mapping[str, bytes] | None = None
) -> tuple[GeneratedVersion, str, str, str]:
    """Generate a version and keep its three sets of files; to be done outside a transaction.

    Parameters
    ----------
    blobs
        Where the files are kept.
    source
        The instructor's files.
    prepared
        The same as `courseware.autotests.instantiate` returns them; only needed where they have autotests.

    Returns
    -------
    tuple
        The version; digests of the manifests of source, graded and released files.

    Raises
    ------
    FormatError
        The source cannot be used.
    """
    if prepared is None and has_autotests(source):
        raise FormatError("its AUTOTEST lines have to be written out first, which runs the solution")
    made = generate_version(source if prepared is None else prepared)
    digests = [put_files(blobs, files).digest for files in (source, made.graded, made.released)]
    return made, digests[0], digests[1], digests[2]


def add_version(
    session: Session,
    assignment: AssignmentRow,
    stored: tuple[GeneratedVersion, str, str, str],
    *,
    by: str,
    now: datetime,
) -> VersionRow:
    """Add a version; it is not released yet. Adding what the last version is already returns that one."""
    made, source, graded, released = stored
    last = session.scalar(
        select(VersionRow).where(VersionRow.assignment_id == assignment.id).order_by(VersionRow.number.desc()).limit(1)
    )
    if last is not None and (last.source_manifest, last.graded_manifest) == (source, graded):
        return last
    row = VersionRow(
        assignment_id=assignment.id,
        number=last.number + 1 if last else 1,
        source_manifest=source,
        graded_manifest=graded,
        released_manifest=released,
        structure=made.structure.to_json(),
        points=made.structure.points,
        created_at=now,
        created_by=by,
    )
    session.add(row)
    session.flush()
    record(session, assignment.course_id, now, by, "assignment.version", assignment.name, after=f"{row.number}")
    return row


def release(session: Session, assignment: AssignmentRow, version: VersionRow, *, by: str, now: datetime) -> None:
    """Make a version the one that students get and that new submissions answer."""
    before = str(assignment.released_version_id or "")
    assignment.released_version_id = version.id
    session.flush()
    session.expire(assignment, ["released"])
    record(
        session,
        assignment.course_id,
        now,
        by,
        "assignment.release",
        assignment.name,
        before=before,
        after=str(version.id),
    )


def version_of(session: Session, assignment: AssignmentRow, number: int | None = None) -> VersionRow:
    """Return a version by number, the newest without one.

    Raises
    ------
    NotFoundError
        There is none.
    """
    query = select(VersionRow).where(VersionRow.assignment_id == assignment.id).order_by(VersionRow.number.desc())
    row = session.scalar(query.where(VersionRow.number == number) if number is not None else query.limit(1))
    if row is None:
        raise NotFoundError(f"The assignment “{assignment.name}” has no version {number or ''}.")
    return row


def structure_of(version: VersionRow) -> Structure:
    """Return what a version consists of."""
    return structure_from_json(version.structure)


def set_schedule(session: Session, assignment: AssignmentRow, schedule: Schedule, *, by: str, now: datetime) -> None:
    """Set the times of an assignment."""
    before = str(assignment.schedule)
    assignment.schedule = schedule_to_json(schedule)
    record(
        session,
        assignment.course_id,
        now,
        by,
        "assignment.schedule",
        assignment.name,
        before=before,
        after=str(assignment.schedule),
    )


def accommodate(
    session: Session,
    assignment: AssignmentRow,
    granted: Accommodation,
    *,
    user_name: str = "",
    section: str = "",
    by: str,
    now: datetime,
) -> None:
    """Grant something to a student or to a section, in place of what they were granted before; nothing takes it back.

    Raises
    ------
    InvalidError
        Not exactly one of both is named, or nobody in the course bears the name.
    """
    if bool(user_name) == bool(section):
        raise InvalidError("Name either a student or a section.")
    named = EnrolmentRow.user_name == user_name if user_name else EnrolmentRow.section == section
    if session.scalar(select(EnrolmentRow).where(EnrolmentRow.course_id == assignment.course_id, named)) is None:
        raise InvalidError(f"Nobody in the course is “{user_name}”." if user_name else f"No section is “{section}”.")
    row = session.get(AccommodationRow, (assignment.id, user_name, section))
    before = str(accommodation_of(row)) if row is not None else ""
    if granted == Accommodation():
        if row is not None:
            session.delete(row)
    else:
        if row is None:
            row = AccommodationRow(assignment_id=assignment.id, user_name=user_name, section=section)
            session.add(row)
        row.due_at, row.extension_seconds = granted.due_at, granted.extension.total_seconds()
        row.time_multiplier, row.is_excused = granted.time_multiplier, granted.is_excused
    subject = f"{assignment.name}: {user_name or f'section {section}'}"
    record(session, assignment.course_id, now, by, "accommodation.set", subject, before=before, after=str(granted))


def accommodations_of(session: Session, assignment: AssignmentRow) -> Sequence[AccommodationRow]:
    """Return what is granted for an assignment, sections first."""
    query = select(AccommodationRow).where(AccommodationRow.assignment_id == assignment.id)
    return session.scalars(query.order_by(AccommodationRow.user_name, AccommodationRow.section)).all()


def deadline_for(session: Session, assignment: AssignmentRow, user_name: str) -> Deadline:
    """Return what holds for a student."""
    enrolment = session.get(EnrolmentRow, (assignment.course_id, user_name))
    section = enrolment.section if enrolment is not None else ""
    rows = session.scalars(select(AccommodationRow).where(AccommodationRow.assignment_id == assignment.id)).all()
    granted = [accommodation_of(r) for r in rows if r.user_name == user_name or (r.section and r.section == section)]
    opening = session.get(OpeningRow, (assignment.id, user_name))
    return deadline_of(schedule_from_json(assignment.schedule), granted, opening.opened_at if opening else None)


def accommodation_of(row: AccommodationRow) -> Accommodation:
    """Return what a stored accommodation grants."""
    return Accommodation(row.due_at, timedelta(seconds=row.extension_seconds), row.time_multiplier, row.is_excused)


def set_settings(
    session: Session, assignment: AssignmentRow, settings: Json, *, category: str, by: str, now: datetime
) -> None:
    """Set what an instructor decides about an assignment besides its times.

    Raises
    ------
    ConflictError
        It would become one for groups, or cease to be, after something was handed in.
    """
    groups.check_may_change(session, assignment, bool(settings.get("is_group", False)))
    before = str(assignment.settings)
    known = {"is_extra_credit"}
    assignment.settings = {key: value for key, value in settings.items() if key not in known}
    assignment.is_extra_credit = bool(settings.get("is_extra_credit", False))
    assignment.category = category
    record(
        session,
        assignment.course_id,
        now,
        by,
        "assignment.settings",
        assignment.name,
        before=before,
        after=str(settings),
    )


def released_version(assignment: AssignmentRow) -> VersionRow:
    """Return the version that students get.

    Raises
    ------
    ClosedError
        None is released.
    """
    if assignment.released is None:
        raise ClosedError(f"The assignment “{assignment.name}” is not released.")
    return assignment.released


def check_open(assignment: AssignmentRow, deadline: Deadline, now: datetime) -> None:
    """Check that a student may receive the assignment.

    Raises
    ------
    ClosedError
        It is not released, or its time has not come.
    """
    released_version(assignment)
    if deadline.opens_at is not None and now < deadline.opens_at:
        raise ClosedError(f"The assignment “{assignment.name}” has not begun.")


def note_opening(session: Session, assignment: AssignmentRow, user_name: str, now: datetime) -> datetime:
    """Note that a student received the assignment; return when they did so first."""
    row = session.get(OpeningRow, (assignment.id, user_name))
    if row is None:
        row = OpeningRow(assignment_id=assignment.id, user_name=user_name, opened_at=now)
        session.add(row)
        session.flush()
    return row.opened_at


def schedule_to_json(schedule: Schedule) -> Json:
    """Return a schedule as plain data."""
    penalty = schedule.penalty
    return {
        "release_at": schedule.release_at.isoformat() if schedule.release_at else None,
        "due_at": schedule.due_at.isoformat() if schedule.due_at else None,
        "late_window_seconds": schedule.late_window.total_seconds() if schedule.late_window is not None else None,
        "grace_seconds": schedule.grace.total_seconds(),
        "time_limit_seconds": schedule.time_limit.total_seconds() if schedule.time_limit else None,
        "penalty": {
            "fraction_per_step": penalty.fraction_per_step,
            "step_seconds": penalty.step.total_seconds(),
            "cap": penalty.cap,
            "table": [[after.total_seconds(), fraction] for after, fraction in penalty.table],
        },
    }


def schedule_from_json(content: Json) -> Schedule:
    """Return a schedule from what `schedule_to_json` gave; an empty object is a schedule without bounds."""
    if not content:
        return Schedule()
    penalty = content["penalty"]
    assert isinstance(penalty, dict)
    return Schedule(
        release_at=_time(content["release_at"]),
        due_at=_time(content["due_at"]),
        late_window=_span(content["late_window_seconds"]),
        grace=_span(content["grace_seconds"]) or timedelta(0),
        penalty=LatePenalty(
            penalty["fraction_per_step"],
            timedelta(seconds=penalty["step_seconds"]),
            penalty["cap"],
            tuple((timedelta(seconds=after), fraction) for after, fraction in penalty["table"]),
        ),
        time_limit=_span(content["time_limit_seconds"]),
    )


def _time(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None


def _span(value: object) -> timedelta | None:
    return timedelta(seconds=value) if isinstance(value, int | float) else None


def _find(session: Session, course_id: str, name: str) -> AssignmentRow | None:
    return session.scalar(select(AssignmentRow).where(AssignmentRow.course_id == course_id, AssignmentRow.name == name))
