"""Projects of students, groups and staff, and work that is taken from them at a deadline."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from courseware import CourseRole, assignments, courses, graders, submissions
from courseware.courses import Person
from courseware.deadlines import Schedule
from courseware.models import CourseRow, SubmissionRow
from courseware.notebooks import write_notebook
from courseware.policy import Caller
from hub import course_projects
from hub.api.context import Platform
from hub.api.course_support import blob_store
from hub.collecting import collect
from hub.data import projects, users
from hub.data.engine import Database
from hub.data.models import ProjectRow
from hub.settings import Settings
from tests.courseware.class_under_test import START
from tests.courseware.small_assignment import HONEST, NAME, answered, source_notebook

DUE = START + timedelta(days=1)
PEOPLE = {
    "ada": CourseRole.INSTRUCTOR,
    "greg": CourseRole.GRADER,
    "alice": CourseRole.STUDENT,
    "bob": CourseRole.STUDENT,
    "carol": CourseRole.STUDENT,
}


class School:
    """A platform's database, blob store and folders, without its processes."""

    def __init__(self, folder: Path, empty: Path) -> None:
        self.settings = Settings.model_validate({"data_dir": folder})
        shutil.copy(empty, folder / "collegium.sqlite")
        self.database = Database(self.settings.database_url)
        self.time = START
        self.platform = Platform(self.settings, self.database, None, lambda: self.time, None)  # type: ignore[arg-type]
        stored = assignments.store_version(
            blob_store(self.settings), {NAME: write_notebook(source_notebook()), "data.csv": b"1,2"}
        )

        def make(session: Session) -> None:
            for name in PEOPLE:
                users.create(session, name, None, is_admin=False, by="test", now=START)
            by = Caller("root", True)
            course = courses.create(session, "physics", "Physics", instructors=["ada"], by=by, now=START)
            for name, role in PEOPLE.items():
                courses.enrol(session, course, Person(name, role), by="ada", now=START)
            row = assignments.create(session, course, "ps1", category="homework", by="ada", now=START)
            version = assignments.add_version(session, row, stored, by="ada", now=START)
            assignments.release(session, row, version, by="ada", now=START)
            assignments.set_schedule(session, row, Schedule(due_at=DUE), by="ada", now=START)

        self.database.run(make)

    def set(self, **settings: bool) -> None:
        def work(session: Session) -> None:
            row = assignments.get(session, "physics", "ps1")
            assignments.set_settings(session, row, settings, category="homework", by="ada", now=START)

        self.database.run(work)

    def enrol(self, person: Person) -> None:
        self.database.run(
            lambda s: courses.enrol(s, s.get_one(CourseRow, "physics"), person, by="ada", now=START) and None
        )

    def project(self, student: str, files: dict[str, bytes] | None = None) -> str:
        def work(session: Session) -> str:
            course, row = session.get_one(CourseRow, "physics"), assignments.get(session, "physics", "ps1")
            return course_projects.of_student(session, course, row, student, self.time)

        made = self.database.run(work)
        for path, content in (files or {}).items():
            target = self.settings.projects_dir / made / "files" / "ps1" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return made

    def members(self, project_id: str) -> dict[str, str]:
        def read(session: Session) -> dict[str, str]:
            return {m.user.name: m.role.value for m in session.get_one(ProjectRow, project_id).memberships}

        return self.database.read(read)

    def staff_project(self) -> str:
        return self.database.run(lambda s: course_projects.of_staff(s, s.get_one(CourseRow, "physics"), self.time))

    def limit(self, name: str, **limits: list[str]) -> None:
        def work(session: Session) -> None:
            course = session.get_one(CourseRow, "physics")
            graders.set_limits(session, course, name, by="ada", now=self.time, **limits)
            course_projects.keep_to_limits(session, course)

        self.database.run(work)

    def leave(self, name: str) -> None:
        def work(session: Session) -> None:
            course = session.get_one(CourseRow, "physics")
            courses.end_enrolment(session, course, name, by="ada", now=self.time)
            course_projects.leave(session, course, name, self.time)

        self.database.run(work)

    def submissions(self) -> list[SubmissionRow]:
        return self.database.read(lambda s: list(submissions.counted(s, assignments.get(s, "physics", "ps1").id)))


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables and nothing in it; migrating takes longer than all that follows."""
    path = tmp_path_factory.mktemp("empty") / "collegium.sqlite"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture
def school(tmp_path: Path, empty_database: Path) -> School:
    return School(tmp_path, empty_database)


WORK = {NAME: write_notebook(answered(HONEST)), "notes/mine.txt": b"mine"}


async def test_work_is_collected_when_it_is_due_and_only_then(school: School) -> None:
    school.set(collect_at_deadline=True)
    project = school.project("alice", WORK)
    school.project("bob")  # has a project, and nothing in it
    school.time = DUE
    assert await collect(school.platform) == []
    school.time = DUE + timedelta(seconds=20)
    assert len(await collect(school.platform)) == 1
    assert await collect(school.platform) == []
    (row,) = school.submissions()
    assert (row.user_name, row.origin, row.late_seconds) == ("alice", "collected", 0)
    assert [file["path"] for file in row.receipt["files"]] == sorted(WORK)  # type: ignore[index, attr-defined]
    assert (school.settings.projects_dir / project / "files/ps1" / NAME).read_bytes() == WORK[NAME]


async def test_nothing_is_collected_without_being_asked_for(school: School) -> None:
    school.project("alice", WORK)
    school.time = DUE + timedelta(days=1)
    assert await collect(school.platform) == []


async def test_one_folder_that_cannot_be_read_does_not_keep_the_others(school: School) -> None:
    school.set(collect_at_deadline=True)
    first = school.project("alice", WORK)
    school.project("bob", WORK)
    huge = school.settings.projects_dir / first / "files/ps1/huge.bin"
    with huge.open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    school.time = DUE + timedelta(minutes=1)
    assert len(await collect(school.platform)) == 1
    assert [row.user_name for row in school.submissions()] == ["bob"]


async def test_a_group_works_in_one_project_and_is_collected_once(school: School) -> None:
    school.set(collect_at_deadline=True, is_group=True)
    for name in ("alice", "bob"):
        school.enrol(Person(name, group="Team 1"))
    project = school.project("alice", WORK)
    assert school.project("bob") == project != school.project("carol")
    assert school.members(project) == {"alice": "owner", "bob": "editor", "ada": "editor", "greg": "editor"}
    school.time = DUE + timedelta(minutes=1)
    assert len(await collect(school.platform)) == 1
    assert [row.user_name for row in school.submissions()] == ["@Team 1"]


def test_who_changes_the_group_changes_the_project_and_the_owner_hands_it_on(school: School) -> None:
    school.set(is_group=True)
    for name in ("alice", "bob"):
        school.enrol(Person(name, group="Team 1"))
    first = school.project("alice")
    school.enrol(Person("alice", group="Team 2"))
    second = school.project("alice")
    assert second != first
    school.project("bob")
    assert {name: role for name, role in school.members(first).items() if name in ("alice", "bob")} == {"bob": "owner"}


def test_a_change_of_section_takes_nobody_out_of_their_group(school: School) -> None:
    school.set(is_group=True)
    for name in ("alice", "bob"):
        school.enrol(Person(name, group="Team 1"))
    project = school.project("alice")
    before = school.members(project)

    def change(session: Session) -> None:
        course = session.get_one(CourseRow, "physics")
        courses.enrol(session, course, Person("bob", section="B"), by="ada", now=START)
        course_projects.leave(session, course, "bob", START)

    school.database.run(change)
    assert school.members(project) == before


def test_the_staff_share_a_project_that_no_student_sees(school: School) -> None:
    made = school.staff_project()
    assert set(school.members(made)) == {"ada", "greg"}
    school.enrol(Person("bob", CourseRole.GRADER))
    assert school.staff_project() == made
    assert set(school.members(made)) == {"ada", "greg", "bob"}
    school.leave("bob")
    assert set(school.members(made)) == {"ada", "greg"}


def test_who_leaves_the_staff_leaves_the_students_projects(school: School) -> None:
    project = school.project("alice")
    assert "greg" in school.members(project)
    school.leave("greg")
    assert school.members(project) == {"alice": "owner", "ada": "editor"}
    school.leave("alice")
    assert "alice" in school.members(project)  # it stays theirs
    assert school.database.read(lambda s: projects.role_of(s.get_one(ProjectRow, project), "greg")) is None


def test_a_grader_of_a_section_works_in_the_projects_of_its_students_only(school: School) -> None:
    for name, section in (("alice", "A"), ("bob", "B")):
        school.enrol(Person(name, section=section))
    before = {name: school.project(name) for name in ("alice", "bob")}
    assert all("greg" in school.members(project) for project in before.values())
    school.limit("greg", sections=["A"])
    assert ["greg" in school.members(project) for project in before.values()] == [True, False]
    assert "greg" not in school.members(school.project("bob"))  # nor is let in again
    school.enrol(Person("alice", section="B"))
    school.limit("greg")
    assert "greg" not in school.members(before["alice"])
    school.limit("greg", sections=[])
    assert "greg" in school.members(school.project("bob"))


def test_a_grader_of_an_assignment_works_in_no_project_where_the_others_lie(school: School) -> None:
    project = school.project("alice")
    school.limit("greg", assignments=["ps1"])
    assert "greg" not in school.members(project)
    assert "greg" in {*school.members(school.staff_project())}


def test_a_group_of_two_sections_is_graded_by_the_graders_of_both(school: School) -> None:
    school.set(is_group=True)
    for name, section in (("alice", "A"), ("bob", "B"), ("carol", "C")):
        school.enrol(Person(name, section=section, group="Team 1" if name != "carol" else None))
    school.limit("greg", sections=["B"])
    assert "greg" in school.members(school.project("alice"))
    school.limit("greg", sections=["C"])
    assert "greg" not in school.members(school.project("alice"))
