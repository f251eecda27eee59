"""What graders and instructors open most asks the same number of questions of the database however large the class."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from courseware import assignments, marking, reports
from courseware.models import CourseRow
from tests.courseware.class_of_many import counted_queries, large_class


def gradebook(session: Session) -> int:
    return len(reports.gradebook(session, session.get_one(CourseRow, "large")))


def marking_list(session: Session) -> int:
    return len(marking.listed(session, assignments.get(session, "large", "ps0").id))


@pytest.mark.parametrize("work", [gradebook, marking_list], ids=lambda work: work.__name__)
def test_queries_do_not_grow_with_the_class(work: Callable[[Session], int], tmp_path: Path) -> None:
    counts = {}
    for students in (3, 60):
        folder = tmp_path / str(students)
        folder.mkdir()
        database = large_class(folder, students, 4)
        with counted_queries(database) as count:
            assert database.read(work) == students
            counts[students] = count()
        database.close()
    assert counts[3] == counts[60] < 15
