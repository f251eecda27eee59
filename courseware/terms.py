"""A course goes on: its assignments and settings in the next term, without its people."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from courseware import assignments, courses, manual_columns, rubric_editing, rubrics
from courseware.manual_columns import ColumnSettings
from courseware.models import CourseRow, VersionRow
from courseware.policy import Caller
from courseware.rubric_editing import ItemDraft
from courseware.rubric_models import RubricUseRow


def copy_course(
    session: Session,
    course: CourseRow,
    course_id: str,
    title: str,
    *,
    term: str,
    shift: timedelta,
    by: Caller,
    now: datetime,
) -> CourseRow:
    """Make a course with the newest version of each assignment, not released, its times moved, rubrics and columns.

    Raises
    ------
    InvalidError, ConflictError
        The id cannot be used, or is taken.
    """
    made = courses.create(
        session, course_id, title, term=term, time_zone=course.time_zone, instructors=[by.name], by=by, now=now
    )
    made.grading = dict(course.grading)
    for column in manual_columns.of_course(session, course.id):
        settings = ColumnSettings(column.name, column.category, column.points, column.is_extra_credit)
        manual_columns.create(session, made, settings, by=by.name, now=now)
    for row in assignments.of_course(session, course.id):
        copy = assignments.create(session, made, row.name, category=row.category, by=by.name, now=now)
        copy.is_extra_credit, copy.settings = row.is_extra_credit, dict(row.settings)
        schedule = assignments.schedule_from_json(row.schedule)
        moved = replace(
            schedule,
            release_at=schedule.release_at + shift if schedule.release_at else None,
            due_at=schedule.due_at + shift if schedule.due_at else None,
        )
        copy.schedule = assignments.schedule_to_json(moved)
        if row.versions:
            last = row.versions[-1]
            session.add(
                VersionRow(
                    assignment_id=copy.id,
                    number=1,
                    source_manifest=last.source_manifest,
                    graded_manifest=last.graded_manifest,
                    released_manifest=last.released_manifest,
                    structure=dict(last.structure),
                    points=last.points,
                    created_at=now,
                    created_by=by.name,
                )
            )
    session.flush()
    _copy_rubrics(session, course, made, by=by, now=now)
    courses.record(session, made.id, now, by.name, "course.copy", made.id, before=course.id)
    return made


def _copy_rubrics(session: Session, course: CourseRow, made: CourseRow, *, by: Caller, now: datetime) -> None:
    for rubric in rubrics.of_course(session, course.id):
        drafts = [ItemDraft(item.text, item.points) for item in rubric.items if item.removed_at is None]
        copy = rubric_editing.create(session, made, rubric.name, drafts, by=by.name, now=now)
        for use in rubric.uses:
            copied = assignments.get(session, made.id, use.assignment.name)
            session.add(
                RubricUseRow(rubric_id=copy.id, assignment_id=copied.id, notebook=use.notebook, grade_id=use.grade_id)
            )
    session.flush()
