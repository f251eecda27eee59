"""A course goes to nbgrader, whose own code opens it, and comes back the same."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from courseware import courses, nbgrader_export, nbgrader_import, results
from courseware.errors import InvalidError
from courseware.models import SubmissionRow
from courseware.results import EffectiveScore, Mark
from tests.courseware.class_under_test import KEY, ClassUnderTest
from tests.courseware.conftest import run_nbgrader
from tests.courseware.test_a_class_from_release_to_gradebook import SOURCE, WORK


@pytest.fixture(scope="module")
def physics(tmp_path_factory: pytest.TempPathFactory) -> ClassUnderTest:
    made = ClassUnderTest(tmp_path_factory.mktemp("class"))
    made.release("ps1", SOURCE)
    alice = made.hand_in("alice", "ps1", WORK["bitdiddle"])
    made.hand_in("bob", "ps1", WORK["hacker"])
    asyncio.run(made.grade_all())

    def mark(session):  # type: ignore[no-untyped-def]
        row = session.get_one(SubmissionRow, alice.id)
        open_cell = next(s for s in results.effective_scores(session, row) if s.needs_manual)
        given = Mark(0.5, 0.25, "See $x^2$.")
        place = (open_cell.notebook, open_cell.grade_id)
        results.mark(session, row, *place, given, revision=0, by="greg", now=made.time)

    made.database.run(mark)
    return made


def scores(school: ClassUnderTest) -> dict[tuple[str, str], EffectiveScore]:
    def read(session):  # type: ignore[no-untyped-def]
        return {
            (row.user_name, score.grade_id): score
            for row in session.query(SubmissionRow)
            for score in results.effective_scores(session, row)
        }

    return school.database.read(read)


def export(school: ClassUnderTest, folder: Path) -> nbgrader_export.ExportReport:
    def write(session):  # type: ignore[no-untyped-def]
        course = session.get_one(courses.CourseRow, "physics")
        return nbgrader_export.export_course(session, course, school.blobs, folder)

    return school.database.read(write)


def test_nbgrader_opens_what_was_exported(physics: ClassUnderTest, tmp_path: Path) -> None:
    folder = tmp_path / "course"
    report = export(physics, folder)
    assert (report.students, report.assignments, report.submissions) == (3, 1, 2)
    ours = scores(physics)
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "physics") as gradebook:
        theirs = {(grade.student.id, grade.name): grade for s in gradebook.assignment_submissions("ps1")
                  for notebook in s.notebooks for grade in notebook.grades}  # fmt: skip
        assert theirs.keys() == ours.keys()
        for key, grade in theirs.items():
            assert (grade.auto_score, grade.manual_score) == (ours[key].auto_score, ours[key].manual_score)
            assert grade.score == pytest.approx(ours[key].score or 0.0)
        comments = {c.comment for s in gradebook.assignment_submissions("ps1") for n in s.notebooks for c in n.comments}
        assert "See $x^2$." in comments
        totals = {s.student.id: s.score for s in gradebook.assignment_submissions("ps1")}
    assert (folder / "submitted/alice/ps1/problem1.ipynb").read_bytes() == WORK["bitdiddle"]["problem1.ipynb"]
    run_nbgrader(folder, "export")
    exported = list(csv.DictReader((folder / "grades.csv").open()))
    got = {row["student_id"]: float(row["raw_score"]) for row in exported if row["timestamp"]}
    assert got == pytest.approx(totals)
    run_nbgrader(folder, "generate_feedback", "ps1", "--student", "alice")
    assert (
        "See"
        in (folder / "feedback/alice/ps1/problem1.html").read_text()
        + (folder / "feedback/alice/ps1/problem2.html").read_text()
    )


def test_what_was_exported_comes_back_the_same(physics: ClassUnderTest, tmp_path: Path) -> None:
    export(physics, tmp_path / "course")
    other = ClassUnderTest(tmp_path / "other")
    found = nbgrader_import.read_course_directory(tmp_path / "course", other.blobs)

    def take(session):  # type: ignore[no-untyped-def]
        course = session.get_one(courses.CourseRow, "physics")
        nbgrader_import.import_course(session, course, found, key=KEY, now=other.time)

    other.database.run(take)
    before, after = scores(physics), scores(other)
    assert {key: (s.score, s.comment, s.needs_manual) for key, s in before.items()} == {
        key: (s.score, s.comment, s.needs_manual) for key, s in after.items()
    }


def test_a_folder_with_something_in_it_is_left_alone(physics: ClassUnderTest, tmp_path: Path) -> None:
    (tmp_path / "course").mkdir()
    (tmp_path / "course/mine.txt").write_text("precious")
    with pytest.raises(InvalidError, match="not empty"):
        export(physics, tmp_path / "course")
