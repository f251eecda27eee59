"""A real class: real database, real blob store, real kernels, a clock that the test moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from courseware import assignments, courses, jobs, results, submissions
from courseware.courses import Person
from courseware.execution import Executor, KernelExecutor
from courseware.migration import migrate
from courseware.models import SubmissionRow
from courseware.policy import Caller
from courseware.results import EffectiveScore
from courseware.store import put_files
from courseware.worker import Worker
from hub.blobs import FolderBlobStore
from hub.data.engine import Database

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
KEY = b"a key of the test"
TEACHER = Caller("ada")


@dataclass
class ClassUnderTest:
    """One course with three students."""

    folder: Path
    executor: Executor = field(default_factory=lambda: KernelExecutor("short"))
    time: datetime = START
    students: tuple[str, ...] = ("alice", "bob", "carol")
    database_url: str = ""

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.database = Database(self.database_url or f"sqlite:///{self.folder / 'test.sqlite'}")
        migrate(self.database.engine)
        self.blobs = FolderBlobStore(self.folder / "blobs")

        def make(session):  # type: ignore[no-untyped-def]
            course = courses.create(
                session, "physics", "Physics", instructors=["ada"], by=Caller("root", True), now=self.time
            )
            for name in self.students:
                courses.enrol(session, course, Person(name), by="ada", now=self.time)
            courses.enrol(session, course, Person("greg", courses.CourseRole.GRADER), by="ada", now=self.time)

        self.database.run(make)

    def now(self) -> datetime:
        return self.time

    def pass_time(self, **span: float) -> None:
        self.time += timedelta(**span)

    def release(self, name: str, source: Mapping[str, bytes]) -> int:
        stored = assignments.store_version(self.blobs, source)

        def make(session):  # type: ignore[no-untyped-def]
            course = courses.get(session, "physics", TEACHER, courses.Capability.AUTHOR)
            known = {row.name for row in assignments.of_course(session, "physics")}
            row = (
                assignments.get(session, "physics", name)
                if name in known
                else assignments.create(session, course, name, category="homework", by="ada", now=self.time)
            )
            version = assignments.add_version(session, row, stored, by="ada", now=self.time)
            assignments.release(session, row, version, by="ada", now=self.time)
            return version.id

        return self.database.run(make)

    def hand_in(self, user: str, name: str, files: Mapping[str, bytes], request_key: str = "") -> SubmissionRow:
        manifest = put_files(self.blobs, files)

        def work(session):  # type: ignore[no-untyped-def]
            assignment = assignments.get(session, "physics", name)
            given = submissions.HandIn(user, manifest, request_key)
            return submissions.hand_in(session, assignment, given, key=KEY, now=self.time)

        return self.database.run(work)

    def worker(self) -> Worker:
        return Worker(self.database, self.blobs, self.executor, self.now)

    async def grade_all(self) -> None:
        worker = self.worker()
        while await worker.work_once():
            pass

    def scores(self, submission_id: int) -> dict[str, EffectiveScore]:
        def read(session):  # type: ignore[no-untyped-def]
            found = results.effective_scores(session, session.get_one(SubmissionRow, submission_id))
            return {score.grade_id: score for score in found}

        return self.database.read(read)

    def submission(self, submission_id: int) -> SubmissionRow:
        return self.database.read(lambda session: session.get_one(SubmissionRow, submission_id))

    def progress(self, name: str) -> dict[str, int]:
        return self.database.read(lambda session: jobs.progress(session, assignments.get(session, "physics", name).id))
