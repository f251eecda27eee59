"""Who hands in together, and what is collected when a deadline has passed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from courseware import assignments, collection, courses, groups, reports, submissions
from courseware.courses import Person
from courseware.deadlines import Accommodation, LatePenalty, Schedule
from courseware.errors import ConflictError, InvalidError
from courseware.models import CourseRow, EnrolmentRow, GroupRow
from courseware.notebooks import write_notebook
from courseware.store import put_files
from tests.courseware.class_under_test import KEY, START, ClassUnderTest
from tests.courseware.small_assignment import HONEST, NAME, answered, source_notebook

DUE = START + timedelta(days=1)


@pytest.fixture
def physics(tmp_path: Path) -> ClassUnderTest:
    made = ClassUnderTest(tmp_path)
    made.release("ps1", {NAME: write_notebook(source_notebook())})

    def work(session):  # type: ignore[no-untyped-def]
        schedule = Schedule(
            due_at=DUE, late_window=timedelta(days=9), grace=timedelta(minutes=5), penalty=LatePenalty(0.1)
        )
        row = assignments.get(session, "physics", "ps1")
        assignments.set_schedule(session, row, schedule, by="ada", now=made.time)
        settings = {"collect_at_deadline": True}
        assignments.set_settings(session, row, settings, category="homework", by="ada", now=made.time)
        for person in courses.people(session, "physics"):
            person.project_id = f"p-{person.user_name}"

    made.database.run(work)
    return made


def due(school: ClassUnderTest) -> list[str]:
    return sorted(work.owner for work in school.database.read(collection.due_work, school.time))


def group(school: ClassUnderTest, *names: str) -> None:
    def work(session):  # type: ignore[no-untyped-def]
        course = session.get_one(CourseRow, "physics")
        for name in names:
            courses.enrol(session, course, Person(name, group="Team 1"), by="ada", now=school.time)
        session.get_one(GroupRow, ("physics", "Team 1")).project_id = "p-team"
        row = assignments.get(session, "physics", "ps1")
        settings = {"collect_at_deadline": True, "is_group": True}
        assignments.set_settings(session, row, settings, category="homework", by="ada", now=school.time)

    school.database.run(work)


WORK = {NAME: write_notebook(answered(HONEST))}


def test_nothing_is_collected_before_the_deadline_and_its_grace(physics: ClassUnderTest) -> None:
    physics.time = DUE + timedelta(minutes=5)
    assert due(physics) == []
    physics.pass_time(seconds=1)
    assert due(physics) == ["alice", "bob", "carol"]


def test_who_has_handed_in_has_more_time_or_is_excused_is_left_alone(physics: ClassUnderTest) -> None:
    physics.hand_in("alice", "ps1", WORK)

    def grant(session):  # type: ignore[no-untyped-def]
        row = assignments.get(session, "physics", "ps1")
        more = Accommodation(extension=timedelta(days=2))
        assignments.accommodate(session, row, more, user_name="bob", by="ada", now=physics.time)
        excused = Accommodation(is_excused=True)
        assignments.accommodate(session, row, excused, user_name="carol", by="ada", now=physics.time)

    physics.database.run(grant)
    physics.time = DUE + timedelta(days=1)
    assert due(physics) == []
    physics.time = DUE + timedelta(days=2, minutes=6)
    assert due(physics) == ["bob"]


def test_an_owner_is_looked_at_once_unless_the_deadline_moves_on(physics: ClassUnderTest) -> None:
    physics.time = DUE + timedelta(hours=1)

    def look(session):  # type: ignore[no-untyped-def]
        for work in collection.due_work(session, physics.time):
            collection.note(session, work, None, physics.time)

    physics.database.run(look)
    assert due(physics) == []

    def grant(session):  # type: ignore[no-untyped-def]
        row = assignments.get(session, "physics", "ps1")
        more = Accommodation(extension=timedelta(days=2))
        assignments.accommodate(session, row, more, user_name="bob", by="ada", now=physics.time)

    physics.database.run(grant)
    physics.time = DUE + timedelta(days=3)
    assert due(physics) == ["bob"]


def test_what_is_collected_is_marked_and_not_late(physics: ClassUnderTest) -> None:
    physics.time = DUE + timedelta(hours=30)
    work = next(w for w in physics.database.read(collection.due_work, physics.time) if w.owner == "alice")
    manifest = put_files(physics.blobs, WORK)

    def take(session):  # type: ignore[no-untyped-def]
        given = submissions.HandIn(work.user_name, manifest, origin="collected")
        row = assignments.get(session, "physics", "ps1")
        return submissions.hand_in(session, row, given, key=KEY, now=physics.time, judged_at=work.due_at)

    row = physics.database.run(take)
    assert (row.origin, row.penalty_fraction, row.received_at) == ("collected", 0.0, physics.time)
    assert "alice" not in due(physics)


def test_an_archived_course_and_an_assignment_that_does_not_ask_are_left_alone(physics: ClassUnderTest) -> None:
    physics.time = DUE + timedelta(days=1)

    def archive(session):  # type: ignore[no-untyped-def]
        session.get_one(CourseRow, "physics").archived_at = physics.time

    physics.database.run(archive)
    assert due(physics) == []


async def test_a_group_hands_in_once_and_every_member_has_the_score(physics: ClassUnderTest) -> None:
    group(physics, "alice", "bob")
    first = physics.hand_in("alice", "ps1", WORK)
    again = physics.hand_in("bob", "ps1", WORK)
    assert first.id == again.id
    assert first.user_name == "@Team 1"
    assert first.receipt["user"] == "alice"
    physics.hand_in("carol", "ps1", WORK)
    await physics.grade_all()
    assert physics.progress("ps1") == {"done": 2}

    def read(session):  # type: ignore[no-untyped-def]
        rows = reports.gradebook(session, session.get_one(CourseRow, "physics"))
        own = reports.gradebook(session, session.get_one(CourseRow, "physics"), ["bob"])
        row = assignments.get(session, "physics", "ps1")
        found = submissions.counted(session, row.id)
        mine = {name: [groups.belongs_to(session, s, name) for s in found] for name in physics.students}
        return rows, own, mine

    rows, own, mine = physics.database.read(read)
    assert {row.user_name: row.cells[0].score for row in rows} == {"alice": 10.0, "bob": 10.0, "carol": 10.0}
    assert own[0].cells[0].submission_id == first.id
    assert mine == {"alice": [True, False], "bob": [True, False], "carol": [False, True]}


def test_a_groups_work_is_collected_once_at_its_latest_deadline(physics: ClassUnderTest) -> None:
    group(physics, "alice", "bob")

    def grant(session):  # type: ignore[no-untyped-def]
        row = assignments.get(session, "physics", "ps1")
        more = Accommodation(extension=timedelta(days=2))
        assignments.accommodate(session, row, more, user_name="bob", by="ada", now=physics.time)

    physics.database.run(grant)
    physics.time = DUE + timedelta(days=1)
    assert due(physics) == ["carol"]
    physics.time = DUE + timedelta(days=3)
    found = physics.database.read(collection.due_work, physics.time)
    assert [(w.owner, w.user_name, w.project_id) for w in found if w.owner != "carol"] == [("@Team 1", "bob", "p-team")]


def test_an_assignment_stays_what_it_is_once_something_was_handed_in(physics: ClassUnderTest) -> None:
    physics.hand_in("carol", "ps1", WORK)
    with pytest.raises(ConflictError, match="handed in"):
        group(physics, "alice", "bob")


def test_a_roster_without_groups_leaves_them_and_a_strange_name_is_refused(physics: ClassUnderTest) -> None:
    group(physics, "alice")

    def enrol(session, text):  # type: ignore[no-untyped-def]
        for person in courses.read_roster(text):
            courses.enrol(session, session.get_one(CourseRow, "physics"), person, by="ada", now=physics.time)
        return session.get_one(EnrolmentRow, ("physics", "alice")).group_name

    assert physics.database.run(enrol, "user_name\nalice\n") == "Team 1"
    assert physics.database.run(enrol, "user_name,group\nalice,Team 2\n") == "Team 2"
    assert physics.database.run(enrol, "user_name,group\nalice,\n") == ""
    with pytest.raises(InvalidError, match="group"):
        physics.database.run(enrol, "user_name,group\nalice,@Team\n")
