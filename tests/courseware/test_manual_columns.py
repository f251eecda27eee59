"""Columns of the gradebook that people fill in: how they count, who was faster, scores from tables."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from sqlalchemy.orm import Session

from courseware import assignments, courses, gradebook_import, manual_columns, reports, terms
from courseware.errors import ConflictError, InvalidError
from courseware.gradebook import Category
from courseware.gradebook_import import ImportPlan
from courseware.manual_columns import ColumnEntry, ColumnSettings
from courseware.models import AuditRow, CourseRow
from tests.courseware.class_under_test import START, TEACHER, ClassUnderTest

TALK = ColumnSettings("Talk", "oral", 20)


@pytest.fixture
def physics(tmp_path: Path) -> ClassUnderTest:
    return ClassUnderTest(tmp_path)


@pytest.fixture
def session(physics: ClassUnderTest) -> Iterator[Session]:
    with Session(physics.database.engine) as made, made.begin():
        yield made


@pytest.fixture
def course(session: Session) -> CourseRow:
    return session.get_one(CourseRow, "physics")


def add(session: Session, course: CourseRow, settings: ColumnSettings = TALK) -> manual_columns.ManualColumnRow:
    return manual_columns.create(session, course, settings, by="ada", now=START)


def give(session: Session, column: manual_columns.ManualColumnRow, **scores: float | None) -> None:
    present = manual_columns.current_scores(session, [column.id])
    entries = [
        ColumnEntry(name, score, row.revision if (row := present.get((column.id, name))) else 0)
        for name, score in scores.items()
    ]
    manual_columns.set_scores(session, column, entries, by="ada", now=START)


def total(session: Session, course: CourseRow, user: str, *, returned_only: bool = False) -> float | None:
    (row,) = reports.gradebook(session, course, [user], returned_only=returned_only)
    return row.total.fraction


def planned(session: Session, course: CourseRow, text: str) -> ImportPlan:
    return gradebook_import.plan(session, course, gradebook_import.read_table(text.encode()))


def test_columns_count_by_weight_drop_cap_and_letter_as_assignments_do(session: Session, course: CourseRow) -> None:
    first, second = add(session, course), add(session, course, ColumnSettings("Quiz", "oral", 10))
    bonus = add(session, course, ColumnSettings("Bonus", "oral", 5, is_extra_credit=True))
    exam = add(session, course, ColumnSettings("Exam", "exam", 100))
    give(session, first, alice=18)
    give(session, second, alice=2)
    give(session, exam, alice=50)
    categories = [Category("oral", 40, drop_lowest=1, cap=1.1), Category("exam", 60)]
    courses.set_grading(session, course, categories, {"B": 0.6, "F": 0}, by="ada", now=START)
    (row,) = reports.gradebook(session, course, ["alice"])
    assert row.total.fraction == pytest.approx(0.4 * 0.9 + 0.6 * 0.5)
    assert row.total.letter == "B"
    assert row.total.categories[0].dropped == ("Quiz",)
    give(session, bonus, alice=5)
    assert total(session, course, "alice") == pytest.approx(0.4 * 1.1 + 0.6 * 0.5)


def test_an_empty_cell_an_excused_student_and_a_removed_column_do_not_count(
    session: Session, course: CourseRow
) -> None:
    talk, quiz = add(session, course), add(session, course, ColumnSettings("Quiz", "oral", 10))
    give(session, talk, alice=10, bob=10, carol=10)
    give(session, quiz, alice=10)
    manual_columns.set_scores(session, quiz, [ColumnEntry("bob", None, 0, is_excused=True)], by="ada", now=START)
    assert total(session, course, "alice") == pytest.approx(20 / 30)
    assert total(session, course, "bob") == total(session, course, "carol") == 0.5
    manual_columns.remove(session, quiz, by="ada", now=START)
    assert total(session, course, "alice") == 0.5
    manual_columns.restore(session, quiz, by="ada", now=START)
    assert total(session, course, "alice") == pytest.approx(20 / 30)


def test_students_see_a_column_when_it_is_returned(session: Session, course: CourseRow) -> None:
    talk = add(session, course)
    give(session, talk, alice=15)
    (hidden,) = reports.gradebook(session, course, ["alice"], returned_only=True)
    assert (hidden.columns, hidden.total.fraction) == ((), None)
    shown = ColumnSettings("Talk", "oral", 20, is_returned=True)
    manual_columns.change(session, talk, shown, revision=1, by="ada", now=START)
    assert total(session, course, "alice", returned_only=True) == 0.75


def test_who_was_slower_is_told_who_was_faster_and_nothing_is_overwritten(session: Session, course: CourseRow) -> None:
    talk = add(session, course)
    manual_columns.set_scores(session, talk, [ColumnEntry("alice", 7, 0)], by="greg", now=START)
    late = [ColumnEntry("bob", 5, 0), ColumnEntry("alice", 9, 0)]
    with pytest.raises(ConflictError, match="greg set alice to 7"):
        manual_columns.set_scores(session, talk, late, by="ada", now=START)
    scores = manual_columns.current_scores(session, [talk.id])
    assert {key[1]: row.score for key, row in scores.items()} == {"alice": 7}
    with pytest.raises(ConflictError, match="meanwhile"):
        manual_columns.change(session, talk, TALK, revision=0, by="ada", now=START)


def test_every_number_says_who_gave_it_when_and_what_was_before(
    session: Session, course: CourseRow, physics: ClassUnderTest
) -> None:
    talk = add(session, course)
    give(session, talk, alice=7)
    physics.pass_time(hours=1)
    changed = ColumnEntry("alice", 9, 1, note="heard again")
    manual_columns.set_scores(session, talk, [changed], by="greg", now=physics.time)
    manual_columns.set_scores(session, talk, [ColumnEntry("alice", 9, 2, note="heard again")], by="ada", now=START)
    told = [(row.score, row.by, row.at, row.note) for row in manual_columns.history(session, talk, "alice")]
    assert told == [(9, "greg", physics.time, "heard again"), (7, "ada", START, "")]
    lines = session.query(AuditRow).filter_by(action="column.score").order_by(AuditRow.id).all()
    assert [(line.subject, line.before, line.after, line.actor) for line in lines] == [
        ("Talk: alice", "none", "7", "ada"),
        ("Talk: alice", "7", "9 (heard again)", "greg"),
    ]


@pytest.mark.parametrize("score", [-1, 20.5, float("nan"), float("inf"), -float("inf")])
def test_a_score_out_of_range_is_refused(session: Session, course: CourseRow, score: float) -> None:
    talk = add(session, course)
    with pytest.raises(InvalidError, match="alice"):
        give(session, talk, alice=score)
    assert not manual_columns.history(session, talk, "alice")


@pytest.mark.parametrize("user", ["greg", "ada", "nobody"])
def test_only_students_have_scores(session: Session, course: CourseRow, user: str) -> None:
    talk = add(session, course)
    with pytest.raises(InvalidError, match="no student"):
        manual_columns.set_scores(session, talk, [ColumnEntry(user, 1, 0)], by="ada", now=START)


@pytest.mark.parametrize("points", [0, -1, float("nan"), float("inf"), 1e7])
def test_the_points_of_a_column_are_positive(session: Session, course: CourseRow, points: float) -> None:
    with pytest.raises(InvalidError):
        add(session, course, ColumnSettings("Talk", "oral", points))


def test_names_are_unique_among_columns_assignments_and_the_headings_of_exports(
    session: Session, course: CourseRow
) -> None:
    talk = add(session, course)
    assignments.create(session, course, "ps1", category="homework", by="ada", now=START)
    for taken in ("talk", "PS1", "total", "user_name"):
        with pytest.raises(ConflictError):
            add(session, course, ColumnSettings(taken, "oral", 1))
    with pytest.raises(ConflictError, match="column"):
        assignments.create(session, course, "Talk", category="homework", by="ada", now=START)
    for wrong in ("", "   ", "a\nb", "x" * 65):
        with pytest.raises(InvalidError):
            add(session, course, ColumnSettings(wrong, "oral", 1))
    manual_columns.remove(session, talk, by="ada", now=START)
    add(session, course)
    with pytest.raises(ConflictError):
        manual_columns.restore(session, talk, by="ada", now=START)


def test_a_column_does_not_get_fewer_points_than_somebody_has(session: Session, course: CourseRow) -> None:
    talk = add(session, course)
    give(session, talk, alice=15)
    with pytest.raises(ConflictError, match="alice has 15"):
        manual_columns.change(session, talk, ColumnSettings("Talk", "oral", 10), revision=1, by="ada", now=START)


def test_an_export_comes_back_as_it_went_though_the_column_was_renamed(session: Session, course: CourseRow) -> None:
    talk = add(session, course)
    give(session, talk, alice=15.5)
    table = reports.to_csv(reports.gradebook(session, course))
    assert f"Talk (column {talk.id})" in table.splitlines()[0]
    same = planned(session, course, table)
    assert (same.changes, same.problems) == ((), ())
    manual_columns.change(session, talk, ColumnSettings("Speech", "oral", 20), revision=1, by="ada", now=START)
    changed = planned(session, course, table.replace("15.5", "16"))
    assert [(c.column, c.entry.user_name, c.before, c.after) for c in changed.changes] == [
        ("Speech", "alice", "15.5", "16")
    ]
    gradebook_import.apply(session, course, changed, changed.digest, by="ada", now=START)
    book = load_workbook(io.BytesIO(reports.to_xlsx(reports.gradebook(session, course))))
    lines = list(book.active.iter_rows(values_only=True))
    assert dict(zip(lines[0], lines[1], strict=True))[f"Speech (column {talk.id})"] == 16


def test_tables_of_spreadsheets_are_understood(session: Session, course: CourseRow) -> None:
    add(session, course)
    semicolons = planned(session, course, "\ufeffuser_name;Talk\r\nalice;7,5\r\nbob;EXCUSED\r\ncarol;\r\n;\r\n")
    assert [(c.entry.user_name, c.after) for c in semicolons.changes] == [("alice", "7.5"), ("bob", "excused")]
    courses.enrol(session, course, courses.Person("alice", student_id="0471"), by="ada", now=START)
    courses.enrol(session, course, courses.Person("bob", student_id="4711"), by="ada", now=START)
    book = Workbook()
    for line in (["student_id", "Talk", "remarks"], ["0471", 3, "=1+1"], [4711, 4.25, None]):
        book.active.append(line)
    out = io.BytesIO()
    book.save(out)
    found = gradebook_import.plan(session, course, gradebook_import.read_table(out.getvalue()))
    assert [(c.entry.user_name, c.after) for c in found.changes] == [("alice", "3"), ("bob", "4.25")]
    assert found.ignored == ("remarks",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "must name a column user_name"),
        ("name,Talk\nalice,1", "must name a column user_name"),
        ("user_name,Spech\nalice,1", "No column of the table"),
        ("user_name,Talk,talk\nalice,1,2", "twice"),
        ("user_name,Talk\nalice,1\nalice,2", "line 2 already"),
        ("user_name,Talk\ngreg,1", "no student of the course has the user_name 'greg'"),
        ("user_name,Talk\nalice,21", "is not from 0 to 20"),
        ("user_name,Talk\nalice,-1", "is not from 0 to 20"),
        ("user_name,Talk\nalice,nan", "nan is not a score"),
        ('user_name,Talk\nalice,"1,234"', "neither a number"),
        ("user_name,Talk\nalice,ten", "neither a number"),
        ("user_name,Talk\nbob,1\nalice,x", "Line 3"),
    ],
)
def test_one_wrong_line_imports_nothing_and_is_named(session: Session, course: CourseRow, text: str, told: str) -> None:
    talk = add(session, course)
    found = planned(session, course, text)
    assert any(told in problem for problem in found.problems), found.problems
    with pytest.raises(InvalidError):
        gradebook_import.apply(session, course, found, found.digest, by="ada", now=START)
    assert not manual_columns.current_scores(session, [talk.id])


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"PK\x03\x04 damaged", b'user_name,Talk\n"alice', b"a," * 600])
def test_what_is_no_table_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidError):
        gradebook_import.read_table(content)


def test_an_import_does_what_was_shown_or_nothing(session: Session, course: CourseRow) -> None:
    talk = add(session, course)
    text = "user_name,Talk\nalice,7\nbob,8\n"
    shown = planned(session, course, text)
    give(session, talk, alice=3)
    with pytest.raises(ConflictError, match="Look again"):
        gradebook_import.apply(session, course, planned(session, course, text), shown.digest, by="ada", now=START)
    assert {row.user_name: row.score for row in manual_columns.current_scores(session, [talk.id]).values()} == {
        "alice": 3
    }


def test_the_next_term_has_the_columns_without_scores(session: Session, course: CourseRow) -> None:
    give(session, add(session, course, ColumnSettings("Talk", "oral", 20, True, True)), alice=7)
    made = terms.copy_course(
        session, course, "physics-2", "Physics", term="", shift=START - START, by=TEACHER, now=START
    )
    (copied,) = manual_columns.of_course(session, made.id)
    assert (copied.name, copied.points, copied.is_extra_credit, copied.is_returned) == ("Talk", 20, True, False)
    assert not manual_columns.current_scores(session, [copied.id])
