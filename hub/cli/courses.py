"""Commands on classes of the running platform: course, assignment, grade, gradebook."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from courseware.worker import Worker
    from hub.api import course_grade_schemas as g
    from hub.api import course_schemas as s
    from hub.client import OperatorClient
    from hub.settings import Settings

console = Console(highlight=False, soft_wrap=True)
course_app = typer.Typer(help="Courses: create, list, enrol.", no_args_is_help=True)
assignment_app = typer.Typer(help="Assignments: add, release, set the due time, hand in.", no_args_is_help=True)
grade_app = typer.Typer(help="Grading: start, watch, return; run a worker.", no_args_is_help=True)
gradebook_app = typer.Typer(help="The gradebook: show, export.", no_args_is_help=True)
Course = Annotated[str, typer.Argument(help="Id of the course.")]
Assignment = Annotated[str, typer.Argument(help="Name of the assignment.")]
Folder = Annotated[Path, typer.Argument(help="Folder with the files.", exists=True, file_okay=False)]
INLINE_LIMIT_BYTES = 400_000
DATABASE_PAUSE_SECONDS = 2.0


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(course_app, name="course")
    app.add_typer(assignment_app, name="assignment")
    app.add_typer(grade_app, name="grade")
    app.add_typer(gradebook_app, name="gradebook")


@course_app.command("create")
def create_course(
    course: Course,
    title: Annotated[str, typer.Argument(help="Title as people see it.")],
    instructor: Annotated[list[str], typer.Option(help="User name; may be given several times.")],
    term: Annotated[str, typer.Option(help="Such as 2026-autumn.")] = "",
    time_zone: Annotated[str, typer.Option(help="Zone of the course, such as Europe/Berlin.")] = "UTC",
) -> None:
    """Create a course."""
    from hub.api import course_schemas as s

    body = s.CourseCreate(id=course, title=title, instructors=instructor, term=term, time_zone=time_zone)
    made = _client().call("POST", "/courses", s.CourseSummary, body)
    console.print(f"Created “{made.id}”: {made.title}")


@course_app.command("list")
def list_courses() -> None:
    """List the courses."""
    from hub.api import course_schemas as s

    table = Table("id", "title", "term", box=None, pad_edge=False)
    for item in _client().call("GET", "/courses", s.CourseList).items:
        table.add_row(item.id, item.title, item.term)
    console.print(table)


@course_app.command()
def enrol(
    course: Course,
    user: Annotated[str, typer.Argument(help="User name.")],
    role: Annotated[str, typer.Option(help="instructor, grader, student or auditor.")] = "student",
    section: Annotated[str, typer.Option(help="Section of the course.")] = "",
) -> None:
    """Put an account into a course."""
    from hub.api import course_schemas as s

    body = s.EnrolmentUpdate.model_validate({"role": role, "section": section})
    made = _client().call("PUT", f"/courses/{course}/people/{user}", s.Enrolment, body)
    console.print(f"“{made.user_name}” is {made.role.value} of “{course}”.")


@course_app.command()
def roster(course: Course, file: Annotated[typer.FileText, typer.Argument(help="CSV with a header line.")]) -> None:
    """Enrol everybody on a roster."""
    from hub.api import course_schemas as s

    made = _client().call("POST", f"/courses/{course}/roster", s.EnrolmentList, s.Roster(csv=file.read()))
    console.print(f"Enrolled {len(made.items)}.")


@course_app.command("import")
def import_course(course: Course, folder: Folder) -> None:
    """Take an nbgrader course directory over into a course that exists: students, assignments, hand-ins, scores."""
    from sqlalchemy.orm import Session

    from courseware import Caller, Capability, CoursewareError, courses, nbgrader_import
    from hub.api.course_support import blob_store, receipt_key
    from hub.data.engine import Database
    from hub.settings import load

    settings = load().settings
    database = Database(settings.database_url)

    def work(session: Session) -> nbgrader_import.ImportReport:
        row = courses.get(session, course, Caller("operator", True), Capability.MANAGE)
        return nbgrader_import.import_course(session, row, found, key=receipt_key(settings), now=datetime.now(UTC))

    try:
        found = nbgrader_import.read_course_directory(
            folder, blob_store(settings), lambda files: asyncio.run(_with_autotests(settings, files))
        )
        report = database.run(work)
    except CoursewareError as error:
        raise typer.BadParameter(error.detail) from error
    finally:
        database.close()
    console.print(
        f"{report.students} students, {report.assignments} assignments, {report.submissions} submissions, "
        f"{report.scores} scores."
    )
    for line in report.skipped:
        console.print(f"[yellow]left out[/] {line}")


@course_app.command("export")
def export_course(
    course: Course, folder: Annotated[Path, typer.Argument(help="Folder to write; it must be empty.", file_okay=False)]
) -> None:
    """Write a course as an nbgrader course directory, with hand-ins, gradings and a gradebook.db."""
    from courseware import Caller, Capability, CoursewareError, courses, nbgrader_export
    from hub.api.course_support import blob_store
    from hub.data.engine import Database
    from hub.settings import load

    settings = load().settings
    database = Database(settings.database_url)
    try:
        report = database.read(
            lambda session: nbgrader_export.export_course(
                session,
                courses.get(session, course, Caller("operator", True), Capability.MANAGE),
                blob_store(settings),
                folder,
            )
        )
    except CoursewareError as error:
        raise typer.BadParameter(error.detail) from error
    finally:
        database.close()
    console.print(
        f"{report.students} students, {report.assignments} assignments, {report.submissions} submissions in {folder}."
    )


@assignment_app.command()
def add(
    course: Course,
    name: Assignment,
    folder: Folder,
    category: Annotated[str, typer.Option(help="Category of the gradebook.")] = "assignments",
) -> None:
    """Add an assignment, or a version of it, from a folder with notebooks in nbgrader's format."""
    from hub.api import course_schemas as s

    client = _client()
    known = client.call("GET", f"/courses/{course}/assignments", s.AssignmentList).items
    if name not in [item.name for item in known]:
        body = s.AssignmentCreate(name=name, category=category)
        client.call("POST", f"/courses/{course}/assignments", s.Assignment, body)
    files = _file_set(client, course, folder)
    made = client.call("POST", f"/courses/{course}/assignments/{name}/versions", s.Version, files)
    notebooks = ", ".join(made.notebooks)
    console.print(f"“{name}” version {made.number}: {notebooks}, {made.points:g} points. Not released yet.")


@assignment_app.command()
def release(
    course: Course, name: Assignment, version: Annotated[int | None, typer.Option(help="The newest by default.")] = None
) -> None:
    """Release a version to the students."""
    from hub.api import course_schemas as s

    body = s.ReleaseRequest(version=version)
    made = _client().call("POST", f"/courses/{course}/assignments/{name}/release", s.Version, body)
    console.print(f"Students get version {made.number} of “{name}”.")


@assignment_app.command()
def due(
    course: Course,
    name: Assignment,
    at: Annotated[datetime, typer.Argument(help="Due time in UTC, such as 2026-11-30T23:59.")],
    late_days: Annotated[float | None, typer.Option(help="Days it is still taken; without end by default.")] = None,
    penalty: Annotated[float, typer.Option(help="Fraction lost per begun day late, from 0 to 1.")] = 0.0,
) -> None:
    """Set when an assignment is due."""
    from hub.api import course_schemas as s

    client = _client()
    items = client.call("GET", f"/courses/{course}/assignments", s.AssignmentList).items
    known = next((item.schedule for item in items if item.name == name), s.ScheduleSettings())
    changes = {
        "due_at": at.replace(tzinfo=UTC),
        "late_window_seconds": late_days * 86_400 if late_days is not None else None,
        "penalty": s.PenaltySettings(fraction_per_step=penalty),
    }
    body = s.ScheduleSettings(**{**dict(known), **changes})
    made = client.call("PUT", f"/courses/{course}/assignments/{name}/schedule", s.Assignment, body)
    console.print(f"“{name}” is due {made.due_at:%Y-%m-%d %H:%M} UTC.")


@assignment_app.command("hand-in")
def hand_in(
    course: Course,
    name: Assignment,
    folder: Folder,
    url: Annotated[str, typer.Option(help="Address of the platform.", envvar="COLLEGIUM_HAND_IN_URL")],
    token: Annotated[
        str,
        typer.Option(
            help="Personal access token with the scope “courses”.",
            envvar="COLLEGIUM_HAND_IN_TOKEN",
            prompt=True,
            hide_input=True,
        ),
    ],
) -> None:
    """Hand in a folder as the owner of a token, from any machine; the same files again give the same receipt."""
    from courseware.client import Course as Remote
    from courseware.client import RefusedError

    try:
        with Remote(url, token, course) as remote:
            receipt = remote.hand_in(name, folder)
    except RefusedError as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(1) from error
    late = ", late" if receipt.is_late else ""
    console.print(f"Received on {receipt.received_at:%Y-%m-%d %H:%M:%S} UTC{late}: submission {receipt.submission}")
    console.print(f"SHA-256 {receipt.sha256}")


@grade_app.command()
def start(
    course: Course,
    name: Assignment,
    propose: Annotated[bool, typer.Option("--propose", help="Show differences before they count.")] = False,
) -> None:
    """Grade every submission that counts, against the released version."""
    from hub.api import course_grade_schemas as g

    body = g.GradeRequest(propose=propose)
    made = _client().call("POST", f"/courses/{course}/assignments/{name}/gradings", g.GradingProgress, body)
    _show_progress(made)


@grade_app.command()
def status(course: Course, name: Assignment) -> None:
    """Show how far grading is."""
    from hub.api import course_grade_schemas as g

    _show_progress(_client().call("GET", f"/courses/{course}/assignments/{name}/gradings", g.GradingProgress))


@grade_app.command("return")
def return_feedback(course: Course, name: Assignment) -> None:
    """Let students see their scores and feedback."""
    from hub.api import course_grade_schemas as g

    _client().call("POST", f"/courses/{course}/assignments/{name}/feedback", g.Returned)
    console.print(f"Returned “{name}”.")


@grade_app.command()
def worker(
    once: Annotated[bool, typer.Option("--once", help="End when the queue is empty.")] = False,
) -> None:
    """Grade what is in the queue, until SIGTERM or Ctrl-C."""
    asyncio.run(_work(once))


@gradebook_app.command()
def show(course: Course) -> None:
    """Show the gradebook."""
    from hub.api import course_grade_schemas as g

    rows = _client().call("GET", f"/courses/{course}/gradebook", g.Gradebook).rows
    names = [cell.assignment for cell in rows[0].cells] if rows else []
    table = Table("student", *names, "total", "letter", box=None, pad_edge=False)
    for row in rows:
        scores = ["–" if c.score is None else f"{c.score:g}{'*' if c.needs_manual else ''}" for c in row.cells]
        total = "–" if row.total is None else f"{row.total:.1%}"
        table.add_row(row.user_name, *scores, total, row.letter or "")
    console.print(table)
    console.print("* a person has to look", style="dim")


@gradebook_app.command()
def export(
    course: Course,
    file: Annotated[Path, typer.Argument(help="CSV file to write.")],
    nbgrader: Annotated[bool, typer.Option("--nbgrader", help="In the columns of nbgrader.")] = False,
) -> None:
    """Write the gradebook as CSV."""
    from hub.api import course_grade_schemas as g

    kind = "nbgrader" if nbgrader else "csv"
    file.write_text(_client().call("GET", f"/courses/{course}/gradebook/{kind}", g.Table).csv, encoding="utf-8")
    console.print(f"Wrote {file}.")


async def _with_autotests(settings: Settings, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    from courseware import autotests
    from hub.graders import executor_of

    async with executor_of(settings) as executor:
        return await autotests.instantiate(files, executor)


async def _work(once: bool) -> None:
    from courseware.worker import Worker
    from hub.api.course_support import blob_store
    from hub.data.engine import Database
    from hub.graders import executor_of
    from hub.settings import load

    settings = load().settings
    database = Database(settings.database_url)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with executor_of(settings) as executor:
            gc.freeze()  # what is imported stays: looking through it again and again costs more than some gradings
            grader = Worker(database, blob_store(settings), executor, lambda: datetime.now(UTC))
            if once:
                while not stop.is_set() and await grader.work_once():
                    continue
            else:
                await _grade_until(stop, grader)
    finally:
        database.close()


async def _grade_until(stop: asyncio.Event, grader: Worker) -> None:
    """Grade until told to stop; wait while the database is away, or has not been made yet."""
    from hub.errors import UnavailableError

    while not stop.is_set():
        try:
            await grader.run(stop)
        except UnavailableError as error:
            console.print(str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), DATABASE_PAUSE_SECONDS)


def _show_progress(progress: g.GradingProgress) -> None:
    told = ", ".join(f"{count} {state}" for state, count in sorted(progress.states.items()))
    console.print(told or "Nothing to grade.")


def _file_set(client: OperatorClient, course: str, folder: Path) -> s.FileSet:
    from hub.api import course_schemas as s

    files: list[s.FileContent] = []
    inline = 0
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and ".ipynb_checkpoints" not in p.parts):
        name, content = path.relative_to(folder).as_posix(), path.read_bytes()
        encoded = base64.b64encode(content).decode()
        inline += len(encoded)
        if inline <= INLINE_LIMIT_BYTES:
            files.append(s.FileContent(path=name, content_base64=encoded))
            continue
        inline -= len(encoded)
        ticket = client.call("POST", f"/courses/{course}/uploads", s.Ticket, s.Upload(content_base64=encoded))
        files.append(s.FileContent(path=name, ticket=ticket.ticket))
    return s.FileSet(files=files)


def _client() -> OperatorClient:
    from hub.client import OperatorClient
    from hub.settings import load

    return OperatorClient(load().settings)
