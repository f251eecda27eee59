"""Commands on assignments of the running platform: assignment."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from hub.api import course_schemas as s
    from hub.client import OperatorClient

console = Console(highlight=False, soft_wrap=True)
assignment_app = typer.Typer(
    help="Assignments: add, release, set times, grant more time, hand in.", no_args_is_help=True
)
Course = Annotated[str, typer.Argument(help="Id of the course.")]
Assignment = Annotated[str, typer.Argument(help="Name of the assignment.")]
Folder = Annotated[Path, typer.Argument(help="Folder with the files.", exists=True, file_okay=False)]
Student = Annotated[str, typer.Option(help="User name of a student.")]
Section = Annotated[str, typer.Option(help="A section, in place of a student.")]
INLINE_LIMIT_BYTES = 400_000
DAY_SECONDS = 86_400


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(assignment_app, name="assignment")


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
    late_days: Annotated[
        float | None, typer.Option(help="Days it is still taken, 0 for none; as it was by default.", min=0)
    ] = None,
    late_without_end: Annotated[bool, typer.Option("--late-without-end", help="It is taken for ever.")] = False,
    penalty: Annotated[
        float | None, typer.Option(help="Fraction lost per begun day late, from 0 to 1; as it was by default.")
    ] = None,
) -> None:
    """Set when an assignment is due; the other times stay as they are."""
    from hub.api import course_schemas as s

    if late_without_end and late_days is not None:
        raise typer.BadParameter("Give --late-days or --late-without-end, not both.")
    changes: dict[str, object] = {"due_at": at.replace(tzinfo=UTC)}
    if late_days is not None or late_without_end:
        changes["late_window_seconds"] = None if late_days is None else late_days * DAY_SECONDS
    if penalty is not None:
        changes["penalty"] = {"fraction_per_step": penalty}
    body = s.ScheduleSettings.model_validate(changes)
    made = _client().call("PATCH", f"/courses/{course}/assignments/{name}/schedule", s.Assignment, body)
    console.print(f"“{name}” is due {made.due_at:%Y-%m-%d %H:%M} UTC.")


@assignment_app.command()
def extend(
    course: Course,
    name: Assignment,
    student: Student = "",
    section: Section = "",
    hours: Annotated[float, typer.Option(help="Hours more.", min=0)] = 0,
    days: Annotated[float, typer.Option(help="Days more.", min=0)] = 0,
    due: Annotated[datetime | None, typer.Option(help="Another due time, in UTC.")] = None,
    exam_time: Annotated[float, typer.Option(help="Multiple of the time of an exam, such as 1.5.", min=1)] = 1.0,
) -> None:
    """Grant a student or a section more time, in place of what they were granted before."""
    seconds = days * DAY_SECONDS + hours * 3600
    if not seconds and due is None and exam_time == 1:
        raise typer.BadParameter("Say what is granted: --hours, --days, --due or --exam-time.")
    granted: dict[str, object] = {"extension_seconds": seconds, "time_multiplier": exam_time}
    granted |= {"due_at": due.replace(tzinfo=UTC)} if due is not None else {}
    _grant(course, name, student, section, granted)


@assignment_app.command()
def excuse(course: Course, name: Assignment, student: Student = "", section: Section = "") -> None:
    """Excuse a student or a section: the assignment does not count for them."""
    _grant(course, name, student, section, {"is_excused": True})


@assignment_app.command("take-back")
def take_back(course: Course, name: Assignment, student: Student = "", section: Section = "") -> None:
    """Take back what a student or a section was granted."""
    _grant(course, name, student, section, {})


@assignment_app.command()
def extensions(course: Course, name: Assignment) -> None:
    """List who was granted what."""
    from hub.api import course_schemas as s

    path = f"/courses/{course}/assignments/{name}/accommodations"
    table = Table("who", "is granted", box=None, pad_edge=False)
    for granted in _client().call("GET", path, s.AccommodationList).items:
        table.add_row(granted.user_name or f"section {granted.section}", _in_words(granted))
    console.print(table)


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


def _grant(course: str, name: str, student: str, section: str, granted: Mapping[str, object]) -> None:
    from hub.api import course_schemas as s

    if bool(student) == bool(section):
        raise typer.BadParameter("Name either --student or --section.")
    body = s.AccommodationSettings.model_validate({"user_name": student, "section": section, **granted})
    _client().send("PUT", f"/courses/{course}/assignments/{name}/accommodations", body)
    console.print(f"“{name}”, {student or f'section {section}'}: {_in_words(body)}.")


def _in_words(granted: s.AccommodationSettings) -> str:
    if granted.is_excused:
        return "excused"
    parts = [
        f"due {granted.due_at:%Y-%m-%d %H:%M} UTC" if granted.due_at else "",
        f"{granted.extension_seconds / 3600:g} h more" if granted.extension_seconds else "",
        f"{granted.time_multiplier:g} times the time of the exam" if granted.time_multiplier > 1 else "",
    ]
    return ", ".join(part for part in parts if part) or "nothing beyond the others"


def _file_set(client: OperatorClient, course: str, folder: Path) -> s.FileSet:
    from courseware.folders import contents
    from hub.api import course_schemas as s

    files: list[s.FileContent] = []
    inline = 0
    for name, content in contents(folder):
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
