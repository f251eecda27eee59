"""`collegium demo class`: a class with believable submissions, to look at and to try things on."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from courseware import Blobs

console = Console(highlight=False, soft_wrap=True)
demo_app = typer.Typer(help="Fill this installation with something to look at.", no_args_is_help=True)


@demo_app.callback()
def _group() -> None:
    """Keep `class` a command of a group although it is the only one."""


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(demo_app, name="demo")


@demo_app.command("class")
def demo_class(
    course: Annotated[str, typer.Argument(help="Id of the new course.")] = "demo",
    instructor: Annotated[str, typer.Option(help="Account of the instructor; made when there is none.")] = "ada",
    students: Annotated[int, typer.Option(min=1, max=30, help="How many students.")] = 30,
    wait: Annotated[bool, typer.Option(help="Wait until everything is graded.")] = True,
) -> None:
    """Make a course with two assignments and what thirty students handed in."""
    from courseware import CoursewareError
    from hub.api import schemas
    from hub.api.course_support import blob_store, receipt_key
    from hub.client import OperatorClient
    from hub.data.engine import Database
    from hub.settings import load

    settings = load().settings
    client = OperatorClient(settings)
    store, key = blob_store(settings), receipt_key(settings)
    database = Database(settings.database_url)
    try:
        waiting = database.run(_fill, store, key, course, instructor, students, datetime.now(UTC))
        console.print(f"Course “{course}”: {students} students, {waiting} submissions are being graded.")
        deadline = time.monotonic() + 600
        while wait and waiting and time.monotonic() < deadline:
            time.sleep(1)
            waiting = database.read(_waiting, course)
        if wait:
            console.print("All are graded." if not waiting else f"{waiting} are not graded yet.")
    except CoursewareError as error:
        raise typer.BadParameter(error.detail) from error
    finally:
        database.close()
    link = client.call("POST", f"/users/{instructor}/sign-in-links", schemas.SignInLink)
    console.print(f"Sign in as “{instructor}”, once: {link.url}")
    console.print(f"The course: {settings.public_url.rstrip('/')}/services/collegium/courses/{course}")


def _fill(
    session: Session, store: Blobs, key: bytes, course_id: str, instructor: str, count: int, now: datetime
) -> int:
    """Add everything, and return how many submissions wait for the grader."""
    from courseware import Caller, CourseRole, assignments, courses, demo, submissions
    from courseware.courses import Person
    from courseware.deadlines import LatePenalty, Schedule
    from courseware.notebooks import read_notebook
    from courseware.store import put_files

    due = {"temperatures": now - timedelta(days=9), "climate": now - timedelta(days=2)}
    began = now - timedelta(days=21)
    _account(session, instructor, instructor.capitalize(), began)
    operator = Caller("operator", is_admin=True)
    course = courses.create(
        session, course_id, "Data from Weather", term="demo", instructors=[instructor], by=operator, now=began
    )
    released = {}
    for name, files in demo.assignments().items():
        row = assignments.create(session, course, name, category="homework", by=instructor, now=began)
        stored = assignments.store_version(store, files)
        version = assignments.add_version(session, row, stored, by=instructor, now=began)
        assignments.release(session, row, version, by=instructor, now=began)
        schedule = Schedule(
            due_at=due[name], late_window=timedelta(days=3), penalty=LatePenalty(0.1, timedelta(days=1), 1.0)
        )
        assignments.set_schedule(session, row, schedule, by=instructor, now=began)
        released[name] = {path: read_notebook(content, path) for path, content in stored[0].released.items()}
    people = demo.students(count, released)
    for student in people:
        _account(session, student.user_name, f"{student.first_name} {student.last_name}", began)
        person = Person(
            student.user_name, CourseRole.STUDENT, student.section, "", student.first_name, student.last_name
        )
        courses.enrol(session, course, person, by=instructor, now=began)
        for name, work in student.work.items():
            given = submissions.HandIn(student.user_name, put_files(store, work))
            at = due[name] - student.before_due[name]
            submissions.hand_in(session, assignments.get(session, course_id, name), given, key=key, now=at)
    return sum(len(student.work) for student in people)


def _account(session: Session, name: str, display_name: str, now: datetime) -> None:
    from hub.data import users
    from hub.errors import NotFoundError

    try:
        users.get(session, name)
    except NotFoundError:
        users.create(session, name, display_name, is_admin=False, by="operator", now=now)


def _waiting(session: Session, course_id: str) -> int:
    from courseware import assignments, jobs

    states = [jobs.progress(session, row.id) for row in assignments.of_course(session, course_id)]
    return sum(state.get("queued", 0) + state.get("running", 0) for state in states)
