"""What nbgrader has made: its scores are ours, cell for cell, and its courses come over whole."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from courseware import courses, nbgrader_import, results
from courseware.errors import InvalidError
from courseware.execution import KernelExecutor
from courseware.grading import grade
from courseware.models import MarkRow, SubmissionRow
from courseware.structure import generate_version
from tests.courseware.class_under_test import KEY, ClassUnderTest
from tests.courseware.conftest import PeerCourse


@pytest.mark.parametrize("mode", ["kernel", "short"])
@pytest.mark.parametrize("student", ["bitdiddle", "hacker", "idler", "author"])
async def test_scores_equal_those_of_nbgrader(peer_course: PeerCourse, student: str, mode: str) -> None:
    version = generate_version(peer_course.files("source", "ps1"))
    submitted = peer_course.files("submitted", student, "ps1")
    graded = await grade(version.structure, version.graded, submitted, KernelExecutor(mode), seed=1)
    theirs = {key[1:]: score for key, score in peer_course.scores.items() if key[0] == student}
    assert {(s.notebook, s.grade_id) for s in graded.scores} == set(theirs)
    for score in graded.scores:
        peer = theirs[score.notebook, score.grade_id]
        assert score.points == peer.max_score
        assert (score.grade_id, score.score.points) == (score.grade_id, peer.auto_score)


def test_scores_marks_and_comments_come_over(peer_course: PeerCourse, tmp_path: Path) -> None:
    marked = tmp_path / "marked"
    marked.mkdir()
    for part in ("source", "submitted"):
        (marked / part).symlink_to(peer_course.folder / part)
    (marked / "gradebook.db").write_bytes((peer_course.folder / "gradebook.db").read_bytes())
    with sqlite3.connect(marked / "gradebook.db") as database:
        database.execute("UPDATE grade SET manual_score = 0.5, extra_credit = 0.25 WHERE auto_score IS NULL")
        database.execute("UPDATE comment SET manual_comment = 'See me.'")
    physics = ClassUnderTest(tmp_path)
    found = nbgrader_import.read_course_directory(marked, physics.blobs)

    def work(session):  # type: ignore[no-untyped-def]
        course = session.get_one(courses.CourseRow, "physics")
        first = nbgrader_import.import_course(session, course, found, key=KEY, now=physics.time)
        again = nbgrader_import.import_course(session, course, found, key=KEY, now=physics.time)
        return first, again

    first, again = physics.database.run(work)
    assert (first.assignments, first.submissions, first.skipped) == (1, 4, ())
    assert first.scores == len(peer_course.scores)
    assert again.scores == 0

    def read(session):  # type: ignore[no-untyped-def]
        rows = session.query(SubmissionRow).all()
        comments = {mark.comment for mark in session.query(MarkRow).all()}
        return {row.user_name: (row, results.effective_scores(session, row)) for row in rows}, comments

    taken, comments = physics.database.read(read)
    assert comments == {"See me."}
    for (student, notebook, cell), peer in peer_course.scores.items():
        score = next(s for s in taken[student][1] if (s.notebook, s.grade_id) == (notebook, cell))
        assert score.auto_score == peer.auto_score
        assert score.score == (peer.auto_score if peer.auto_score is not None else 0.75)
    assert taken["bitdiddle"][0].raw_score == pytest.approx(sum(s.score for s in taken["bitdiddle"][1]))


def test_a_folder_that_is_no_course_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="source"):
        nbgrader_import.read_course_directory(tmp_path, ClassUnderTest(tmp_path).blobs)
