"""Rubrics that cells of several assignments share: what a change does to marks, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from courseware import assignments, feedback, results, rubric_editing, rubrics, terms
from courseware.errors import ConflictError, InvalidError, NotFoundError
from courseware.models import AuditRow, CourseRow, MarkRow, SubmissionRow
from courseware.notebooks import write_notebook
from courseware.results import Mark
from courseware.rubric_editing import ItemDraft, MarkChange
from courseware.rubric_models import RubricRow
from tests.courseware.class_under_test import START, TEACHER, ClassUnderTest
from tests.courseware.small_assignment import NAME, source_notebook

CELL = "hidden"


@pytest.fixture
def physics(tmp_path: Path) -> ClassUnderTest:
    made = ClassUnderTest(tmp_path)
    source = {NAME: write_notebook(source_notebook())}
    for name in ("ps1", "ps2"):
        made.release(name, source)
        for student in made.students:
            made.hand_in(student, name, source)
    return made


@pytest.fixture
def session(physics: ClassUnderTest) -> Iterator[Session]:
    with Session(physics.database.engine) as made, made.begin():
        yield made


@pytest.fixture
def style(session: Session) -> RubricRow:
    """A rubric of two items at the same cell of two assignments."""
    course = session.get_one(CourseRow, "physics")
    items = [ItemDraft("no unit", -0.5), ItemDraft("unclear", -1)]
    row = rubric_editing.create(session, course, "Style", items, by="ada", now=START)
    for name in ("ps1", "ps2"):
        attach(session, row, name)
    return row


def attach(session: Session, rubric: RubricRow, name: str) -> None:
    assignment = assignments.get(session, "physics", name)
    rubric_editing.attach(session, rubric, assignment, NAME, CELL, by="ada", now=START)


def work_of(session: Session, student: str, name: str = "ps1") -> SubmissionRow:
    assignment = assignments.get(session, "physics", name)
    return session.query(SubmissionRow).filter_by(user_name=student, assignment_id=assignment.id).one()


def mark(session: Session, student: str, *items: int, name: str = "ps1", by: str = "greg", extra: float = 0) -> None:
    submission = work_of(session, student, name)
    row = session.get(MarkRow, (submission.id, NAME, CELL))
    given = Mark(rubric_items=items, extra_credit=extra)
    results.mark(session, submission, NAME, CELL, given, revision=row.revision if row else 0, by=by, now=START)


def score(session: Session, student: str, name: str = "ps1") -> float | None:
    found = results.effective_scores(session, work_of(session, student, name))
    return next(s.score for s in found if s.grade_id == CELL)


def edit(session: Session, rubric: RubricRow, *items: ItemDraft, frozen: bool = False) -> list[MarkChange]:
    return rubric_editing.change(
        session,
        rubric,
        rubric.name,
        items,
        revision=rubric.revision,
        include_frozen=frozen,
        by="ada",
        now=START,
    )


def drafts(rubric: RubricRow, **points: float) -> list[ItemDraft]:
    """The items of a rubric with some points changed; by the first word of the text."""
    return [ItemDraft(i.text, points.get(i.text.split()[0], i.points), i.id) for i in rubric.items]


POINTS = 3.0


def test_a_change_of_points_changes_every_mark_of_every_assignment_as_it_was_shown(
    session: Session, style: RubricRow
) -> None:
    no_unit, unclear = (item.id for item in style.items)
    mark(session, "alice", no_unit)
    mark(session, "bob", no_unit, unclear, name="ps2", extra=0.25)
    mark(session, "carol", unclear)
    totals = {name: work_of(session, name).score for name in ("alice", "carol")}
    shown = rubric_editing.effects(session, style, drafts(style, no=-1))
    assert score(session, "alice") == POINTS - 0.5
    done = edit(session, style, *drafts(style, no=-1))
    assert done == shown
    assert [(c.submission.user_name, c.submission.assignment.name, c.before, c.after) for c in done] == [
        ("alice", "ps1", POINTS - 0.5, POINTS - 1),
        ("bob", "ps2", POINTS - 1.5, POINTS - 2),
    ]
    assert score(session, "alice") == POINTS - 1
    assert score(session, "bob", "ps2") == POINTS - 2 + 0.25
    assert score(session, "carol") == POINTS - 1
    assert work_of(session, "alice").score == totals["alice"] - 0.5
    assert work_of(session, "carol").score == totals["carol"]


def test_marks_that_students_have_seen_change_only_when_that_is_asked_for(session: Session, style: RubricRow) -> None:
    no_unit = style.items[0].id
    mark(session, "alice", no_unit)
    mark(session, "alice", no_unit, name="ps2")
    assignments.get(session, "physics", "ps1").feedback_released_at = START
    shown = rubric_editing.effects(session, style, drafts(style, no=-1))
    assert {c.submission.assignment.name: c.is_frozen for c in shown} == {"ps1": True, "ps2": False}
    edit(session, style, *drafts(style, no=-1))
    assert (score(session, "alice"), score(session, "alice", "ps2")) == (POINTS - 0.5, POINTS - 1)
    left = rubric_editing.effects(session, style, drafts(style))
    assert [(c.submission.assignment.name, c.after) for c in left] == [("ps1", POINTS - 1)]
    edit(session, style, *drafts(style), frozen=True)
    assert score(session, "alice") == POINTS - 1


def test_in_an_archived_course_nothing_changes_unasked(session: Session, style: RubricRow) -> None:
    mark(session, "alice", style.items[0].id)
    session.get_one(CourseRow, "physics").archived_at = START
    assert edit(session, style, *drafts(style, no=-1)) == []
    assert score(session, "alice") == POINTS - 0.5


def test_a_removed_item_takes_nothing_any_more_but_stays_in_marks_that_were_returned(
    session: Session, style: RubricRow
) -> None:
    no_unit, unclear = (item.id for item in style.items)
    mark(session, "alice", no_unit, unclear)
    mark(session, "alice", no_unit, name="ps2")
    returned = assignments.get(session, "physics", "ps2")
    returned.feedback_released_at = START
    edit(session, style, ItemDraft("unclear", -1, unclear))
    assert (score(session, "alice"), score(session, "alice", "ps2")) == (POINTS - 1, POINTS - 0.5)
    assert [i.text for i in rubrics.offered(session, returned.id)] == ["unclear"]
    assert [i.is_removed for i in rubrics.offered(session, returned.id, [no_unit])] == [True, False]
    mark(session, "alice", no_unit, unclear, name="ps2")
    assert score(session, "alice", "ps2") == POINTS - 1.5
    with pytest.raises(InvalidError, match="has no item"):
        mark(session, "bob", no_unit)


def test_the_log_says_who_changed_the_mark_and_who_has_it_open_is_told(session: Session, style: RubricRow) -> None:
    no_unit = style.items[0].id
    mark(session, "alice", no_unit)
    edit(session, style, *drafts(style, no=-1))
    line = session.query(AuditRow).filter_by(action="mark.rubric").one()
    assert (line.actor, line.before, line.after) == ("ada", "2.5", "2 (rubric “Style” changed)")
    assert "alice" in line.subject
    with pytest.raises(ConflictError):
        results.mark(session, work_of(session, "alice"), NAME, CELL, Mark(1), revision=1, by="greg", now=START)


def test_of_two_who_change_a_rubric_the_second_is_told(session: Session, style: RubricRow) -> None:
    edit(session, style, *drafts(style, no=-2))
    with pytest.raises(ConflictError, match="meanwhile"):
        rubric_editing.change(
            session, style, "Style", drafts(style), revision=1, include_frozen=False, by="greg", now=START
        )


def test_a_rubric_in_use_is_neither_removed_nor_taken_away(session: Session, style: RubricRow) -> None:
    mark(session, "alice", style.items[0].id)
    ps1, ps2 = (assignments.get(session, "physics", name) for name in ("ps1", "ps2"))
    with pytest.raises(ConflictError, match="1 mark uses"):
        rubric_editing.remove(session, style, by="ada", now=START)
    with pytest.raises(ConflictError):
        rubric_editing.detach(session, style, ps1, NAME, CELL, by="ada", now=START)
    rubric_editing.detach(session, style, ps2, NAME, CELL, by="ada", now=START)
    assert not rubrics.offered(session, ps2.id)
    mark(session, "alice")
    rubric_editing.remove(session, style, by="ada", now=START)
    assert not rubrics.of_course(session, "physics")


def test_an_item_of_a_cell_goes_into_its_own_rubric_and_not_into_the_shared_one(
    session: Session, style: RubricRow
) -> None:
    ps1 = assignments.get(session, "physics", "ps1")
    for text in ("sign", "factor"):
        rubric_editing.add_to_cell(session, ps1, NAME, CELL, ItemDraft(text, -1), by="greg", now=START)
    found = {(i.rubric, i.text) for i in rubrics.offered(session, ps1.id)}
    assert found == {("Style", "no unit"), ("Style", "unclear"), ("ps1: hidden", "sign"), ("ps1: hidden", "factor")}
    assert {i.text for i in rubrics.offered(session, assignments.get(session, "physics", "ps2").id)} == {
        "no unit",
        "unclear",
    }


@pytest.mark.parametrize(
    "draft", [ItemDraft(" ", 1), ItemDraft("x", float("nan")), ItemDraft("x", float("inf")), ItemDraft("x", 1e9)]
)
def test_an_item_without_text_or_with_points_that_are_none_is_refused(
    session: Session, style: RubricRow, draft: ItemDraft
) -> None:
    with pytest.raises(InvalidError):
        edit(session, style, draft)


def test_what_is_not_there_is_refused(session: Session, style: RubricRow) -> None:
    ps1 = assignments.get(session, "physics", "ps1")
    with pytest.raises(NotFoundError, match="no scored cell"):
        rubric_editing.attach(session, style, ps1, NAME, "nothing", by="ada", now=START)
    with pytest.raises(NotFoundError, match="no item"):
        edit(session, style, ItemDraft("x", 1, 999))
    with pytest.raises(NotFoundError):
        rubrics.get(session, "other", style.id)
    first = style.items[0].id
    with pytest.raises(InvalidError, match="twice"):
        edit(session, style, ItemDraft("x", 1, first), ItemDraft("y", 1, first))


def test_students_read_why_in_their_feedback(session: Session, style: RubricRow) -> None:
    mark(session, "alice", style.items[0].id)
    row = work_of(session, "alice")

    def page() -> str:
        offered = rubrics.offered(session, row.assignment_id, [style.items[0].id])
        scores = results.effective_scores(session, row)
        return feedback.render("ps1", NAME, write_notebook(source_notebook()), scores, [], 0.0, rubric=offered)

    assert "<li>no unit (-0.5)</li>" in page()
    row.assignment.feedback_released_at = START
    edit(session, style, *drafts(style, no=-1))
    assert "<li>no unit</li>" in page()


def test_the_next_term_has_the_library_and_where_it_is_offered(session: Session, style: RubricRow) -> None:
    course = session.get_one(CourseRow, "physics")
    made = terms.copy_course(session, course, "physics-2", "P", term="", shift=START - START, by=TEACHER, now=START)
    (copy,) = rubrics.of_course(session, made.id)
    assert [(i.text, i.points) for i in copy.items] == [("no unit", -0.5), ("unclear", -1)]
    assert {use.assignment.course_id for use in copy.uses} == {"physics-2"}
    assert len(copy.uses) == 2


@given(st.floats(0, 100), st.lists(st.floats(-50, 50), max_size=6))
def test_a_score_by_rubric_is_never_outside_the_points_of_its_cell(points: float, items: list[float]) -> None:
    found = rubrics.score_of(points, items)
    assert 0 <= found <= points
    if items and all(item <= 0 for item in items) and points + sum(items) > 0:
        assert found == points + sum(items)
