"""An archived course takes nothing in any more; what was granted can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from courseware import ClosedError, assignments, courses
from courseware.deadlines import Accommodation
from courseware.errors import InvalidError
from courseware.execution import KernelExecutor
from courseware.models import AssignmentRow, CourseRow
from courseware.notebooks import write_notebook
from tests.courseware.class_under_test import ClassUnderTest
from tests.courseware.small_assignment import HONEST, NAME, answered, source_notebook


@pytest.fixture
def physics(tmp_path: Path) -> ClassUnderTest:
    school = ClassUnderTest(tmp_path, KernelExecutor())
    school.release("ps1", {NAME: write_notebook(source_notebook())})
    return school


def archive(school: ClassUnderTest, is_archived: bool) -> None:
    def work(session: Session) -> None:
        row = session.get_one(CourseRow, "physics")
        courses.change(
            session,
            row,
            title=row.title,
            term="2026",
            time_zone="Europe/Berlin",
            is_archived=is_archived,
            by="ada",
            now=school.time,
        )

    school.database.run(work)


def grant(school: ClassUnderTest, granted: Accommodation, **who: str) -> list[str]:
    def work(session: Session) -> list[str]:
        row: AssignmentRow = assignments.get(session, "physics", "ps1")
        assignments.accommodate(session, row, granted, by="ada", now=school.time, **who)
        return [found.user_name for found in assignments.accommodations_of(session, row)]

    return school.database.run(work)


def test_an_archived_course_takes_no_work_until_it_is_taken_out_again(physics: ClassUnderTest) -> None:
    work = {NAME: write_notebook(answered(HONEST))}
    archive(physics, True)
    with pytest.raises(ClosedError, match="archived"):
        physics.hand_in("alice", "ps1", work)
    archive(physics, False)
    assert physics.hand_in("alice", "ps1", work).id


def test_changes_of_a_course_are_in_the_audit_log_once(physics: ClassUnderTest) -> None:
    archive(physics, True)
    archive(physics, True)
    read: Callable[[Session], int] = lambda session: sum(  # noqa: E731
        line.action == "course.change" for line in courses.audit_log(session, "physics", None, 100)
    )
    assert physics.database.read(read) == 1


def test_what_grants_nothing_takes_back(physics: ClassUnderTest) -> None:
    assert grant(physics, Accommodation(extension=timedelta(days=1)), user_name="alice") == ["alice"]
    assert grant(physics, Accommodation(), user_name="alice") == []


@pytest.mark.parametrize("who", [{"user_name": "nobody-of-ours"}, {"section": "Z"}])
def test_only_who_is_in_the_course_is_granted_something(physics: ClassUnderTest, who: dict[str, str]) -> None:
    with pytest.raises(InvalidError, match="No"):
        grant(physics, Accommodation(extension=timedelta(days=1)), **who)
