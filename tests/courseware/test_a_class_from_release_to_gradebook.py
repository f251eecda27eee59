"""A class from release to gradebook, with nbgrader's example assignment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect

from courseware import assignments, courses, feedback, jobs, proposals, reports, results, submissions
from courseware.deadlines import LatePenalty, Schedule
from courseware.errors import ClosedError, ConflictError, FormatError, InvalidError
from courseware.migration import migrate
from courseware.models import AuditRow, Base, GradingRow, JobRow, SubmissionRow
from courseware.receipts import is_authentic
from courseware.results import Mark
from courseware.store import get_files
from hub.data.engine import Database
from tests.courseware.class_under_test import KEY, START, ClassUnderTest
from tests.courseware.conftest import EXAMPLES


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file() and p.name != "timestamp.txt"}


SOURCE = files_of(EXAMPLES / "source/ps1")
WORK = {name: files_of(EXAMPLES / "submitted" / name / "ps1") for name in ("bitdiddle", "hacker")}


@pytest.fixture
def physics(tmp_path: Path) -> ClassUnderTest:
    made = ClassUnderTest(tmp_path)
    made.release("ps1", SOURCE)
    return made


def test_migration_makes_exactly_the_tables_of_the_models(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.sqlite'}")
    database.migrate()
    migrate(database.engine)
    migrate(database.engine)
    tables = inspect(database.engine)
    assert set(Base.metadata.tables) | {"courseware_version"} <= set(tables.get_table_names())
    for name, table in Base.metadata.tables.items():
        assert {column["name"] for column in tables.get_columns(name)} == set(table.columns.keys())


async def test_submissions_are_graded_marked_returned_and_exported(physics: ClassUnderTest) -> None:
    first = physics.hand_in("alice", "ps1", WORK["bitdiddle"])
    second = physics.hand_in("bob", "ps1", WORK["hacker"])
    await physics.grade_all()
    assert physics.progress("ps1") == {"done": 2}
    rows = [physics.submission(row.id) for row in (first, second)]
    assert [row.state for row in rows] == ["graded", "graded"]
    assert rows[0].needs_manual

    def work(session):  # type: ignore[no-untyped-def]
        row = session.get_one(SubmissionRow, first.id)
        before = row.score
        for score in results.effective_scores(session, row):
            if score.needs_manual:
                given = Mark(score.points, comment="Well *done*: $x^2$ <script>alert(1)</script>")
                results.mark(
                    session, row, score.notebook, score.grade_id, given, revision=0, by="greg", now=physics.time
                )
        assert row.score > before
        assert not row.needs_manual
        grading = session.get_one(GradingRow, row.grading_id)
        executed = get_files(physics.blobs, grading.executed_manifest)
        page = feedback.render(
            "ps1",
            "problem1.ipynb",
            executed["problem1.ipynb"],
            results.effective_scores(session, row),
            grading.findings,
            row.penalty_fraction,
        )
        course = session.get_one(courses.CourseRow, "physics")
        return page, reports.to_csv(reports.gradebook(session, course)), row.score

    page, table, score = physics.database.run(work)
    assert "Well <em>done</em>" in page
    assert "<script" not in page
    lines = table.splitlines()
    assert lines[0].startswith("user_name,student_id")
    assert f",{score}," in next(line for line in lines if line.startswith("alice"))
    assert next(line for line in lines if line.startswith("carol")).split(",")[6] == ""


def test_a_receipt_names_what_was_received_and_cannot_be_altered(physics: ClassUnderTest) -> None:
    row = physics.hand_in("alice", "ps1", WORK["bitdiddle"])
    assert row.receipt["sha256"] == row.manifest
    assert {f["path"] for f in row.receipt["files"]} == set(WORK["bitdiddle"])
    assert is_authentic(row.receipt, KEY)
    assert not is_authentic(row.receipt | {"received_at": "2026-01-01T00:00:00+00:00"}, KEY)
    assert not is_authentic(row.receipt, b"another key")


def test_handing_in_the_same_again_gives_the_same_receipt(physics: ClassUnderTest) -> None:
    first = physics.hand_in("alice", "ps1", WORK["bitdiddle"])
    physics.pass_time(minutes=5)
    again = physics.hand_in("alice", "ps1", WORK["bitdiddle"])
    assert (again.id, again.receipt) == (first.id, first.receipt)
    other = physics.hand_in("alice", "ps1", WORK["hacker"])
    back = physics.hand_in("alice", "ps1", WORK["bitdiddle"])
    assert len({first.id, other.id, back.id}) == 3
    assert [physics.submission(i.id).is_counted for i in (first, other, back)] == [False, False, True]


def test_a_request_key_cannot_be_used_for_other_files(physics: ClassUnderTest) -> None:
    first = physics.hand_in("alice", "ps1", WORK["bitdiddle"], "key-1")
    assert physics.hand_in("alice", "ps1", WORK["bitdiddle"], "key-1").id == first.id
    with pytest.raises(ConflictError):
        physics.hand_in("alice", "ps1", WORK["hacker"], "key-1")


def test_the_student_may_choose_which_submission_counts(physics: ClassUnderTest) -> None:
    first = physics.hand_in("alice", "ps1", WORK["bitdiddle"])
    physics.hand_in("alice", "ps1", WORK["hacker"])
    physics.database.run(
        lambda session: submissions.choose(
            session, session.get_one(SubmissionRow, first.id), by="alice", now=physics.time
        )
    )
    third = physics.hand_in("alice", "ps1", WORK["hacker"] | {"notes.txt": b"x"})
    assert physics.submission(first.id).is_counted
    assert not physics.submission(third.id).is_counted


def test_late_submissions_lose_points_and_closed_ones_are_refused(physics: ClassUnderTest) -> None:
    schedule = Schedule(
        due_at=START + timedelta(days=1), late_window=timedelta(days=2), penalty=LatePenalty(0.1, timedelta(days=1))
    )
    physics.database.run(
        lambda session: assignments.set_schedule(
            session, assignments.get(session, "physics", "ps1"), schedule, by="ada", now=physics.time
        )
    )
    physics.pass_time(days=2, hours=1)
    row = physics.hand_in("alice", "ps1", WORK["bitdiddle"])
    assert row.penalty_fraction == pytest.approx(0.2)
    assert row.receipt["timeliness"] == "late"
    physics.pass_time(days=1)
    with pytest.raises(ClosedError, match="closed"):
        physics.hand_in("bob", "ps1", WORK["bitdiddle"])


def test_an_assignment_that_is_not_released_takes_nothing(tmp_path: Path) -> None:
    physics = ClassUnderTest(tmp_path)
    physics.database.run(
        lambda session: assignments.create(
            session, session.get_one(courses.CourseRow, "physics"), "ps2", category="x", by="ada", now=START
        )
    )
    with pytest.raises(ClosedError, match="not released"):
        physics.hand_in("alice", "ps2", WORK["hacker"])


def test_paths_that_leave_the_folder_are_refused(physics: ClassUnderTest) -> None:
    for path in ("../x", "/etc/passwd", "a/../b", "", "a\\b", "a//b", "x" * 300, "a\0b"):
        with pytest.raises(InvalidError):
            physics.hand_in("alice", "ps1", {path: b"x"})


async def test_of_two_graders_the_slower_one_is_told_who_was_faster(physics: ClassUnderTest) -> None:
    row = physics.hand_in("alice", "ps1", WORK["bitdiddle"])
    await physics.grade_all()
    cell = next(s for s in physics.scores(row.id).values() if s.needs_manual)

    def mark(points: float, by: str):  # type: ignore[no-untyped-def]
        return physics.database.run(
            lambda session: results.mark(
                session,
                session.get_one(SubmissionRow, row.id),
                cell.notebook,
                cell.grade_id,
                Mark(points),
                revision=0,
                by=by,
                now=physics.time,
            )
        )

    mark(1, "greg")
    with pytest.raises(ConflictError, match="greg set it to 1"):
        mark(0, "ada")
    assert physics.scores(row.id)[cell.grade_id].manual_score == 1
    with pytest.raises(InvalidError):
        physics.database.run(
            lambda session: results.mark(
                session,
                session.get_one(SubmissionRow, row.id),
                cell.notebook,
                cell.grade_id,
                Mark(cell.points + 1),
                revision=1,
                by="ada",
                now=physics.time,
            )
        )


async def test_a_regrade_shows_what_changes_before_it_counts_and_keeps_marks(physics: ClassUnderTest) -> None:
    row = physics.hand_in("alice", "ps1", WORK["bitdiddle"])
    await physics.grade_all()
    before = physics.submission(row.id).score
    manual = next(s for s in physics.scores(row.id).values() if s.needs_manual)
    physics.database.run(
        lambda session: results.mark(
            session,
            session.get_one(SubmissionRow, row.id),
            manual.notebook,
            manual.grade_id,
            Mark(1),
            revision=0,
            by="greg",
            now=physics.time,
        )
    )
    easier = {name: content.replace(b"assert", b"True or") for name, content in SOURCE.items()}
    version = physics.release("ps1", easier)

    def propose(session):  # type: ignore[no-untyped-def]
        submission = session.get_one(SubmissionRow, row.id)
        jobs.enqueue(session, submission, version, now=physics.time, is_proposal=True)

    physics.database.run(propose)
    await physics.grade_all()
    assert physics.submission(row.id).score == before + 1
    changes = physics.database.read(lambda s: proposals.proposed_changes(s, row.assignment_id))
    assert changes
    assert all(change.grade_id != manual.grade_id for change in changes)
    gain = sum((c.after or 0) - (c.before or 0) for c in changes)
    physics.database.run(lambda s: proposals.publish_proposals(s, row.assignment_id, by="ada", now=physics.time))
    assert physics.submission(row.id).score == pytest.approx(before + 1 + gain)
    assert physics.scores(row.id)[manual.grade_id].manual_score == 1


async def test_a_job_whose_worker_died_is_taken_by_another_and_the_first_result_is_refused(
    physics: ClassUnderTest,
) -> None:
    physics.hand_in("alice", "ps1", WORK["hacker"])
    dead = physics.database.run(lambda session: jobs.lease(session, "dead", physics.time).id)
    assert physics.database.run(lambda session: jobs.lease(session, "other", physics.time)) is None
    physics.pass_time(seconds=jobs.LEASE_SECONDS + 1)
    assert physics.database.run(lambda session: jobs.lease(session, "other", physics.time).id) == dead
    assert not physics.database.run(lambda session: jobs.heartbeat(session, dead, "dead", physics.time))
    with pytest.raises(ConflictError):
        physics.database.run(lambda session: jobs.held(session, dead, "dead"))


def test_a_job_that_kills_its_workers_is_given_up_and_asks_for_a_person(physics: ClassUnderTest) -> None:
    row = physics.hand_in("alice", "ps1", WORK["hacker"])
    for _ in range(jobs.LOSSES_LIMIT):
        assert physics.database.run(lambda session: jobs.lease(session, "w", physics.time)) is not None
        physics.pass_time(seconds=jobs.LEASE_SECONDS + 1)
    assert physics.database.run(lambda session: jobs.lease(session, "w", physics.time)) is None
    assert physics.database.read(lambda session: session.query(JobRow).one().state) == "failed"
    assert physics.submission(row.id).state == "failed"
    assert physics.submission(row.id).needs_manual


def test_faulty_sources_are_refused_with_the_notebook_named(tmp_path: Path) -> None:
    physics = ClassUnderTest(tmp_path)
    with pytest.raises(FormatError, match=r"broken\.ipynb"):
        physics.release("ps9", {"broken.ipynb": b"{}"})
    with pytest.raises(FormatError, match="notebook"):
        physics.release("ps9", {"data.csv": b"1"})


async def test_every_change_of_a_score_is_in_the_audit_log(physics: ClassUnderTest) -> None:
    row = physics.hand_in("alice", "ps1", WORK["bitdiddle"])
    await physics.grade_all()
    log = physics.database.read(lambda session: session.query(AuditRow).all())
    actions = [line.action for line in log]
    assert actions.index("submission.receive") < actions.index("grading.current")
    assert any(f"submission {row.id}" in line.subject for line in log if line.action == "grading.current")
