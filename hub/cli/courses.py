"""Commands on courses of the running platform: course."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from hub.api import course_hub_groups as h
    from hub.api import course_schemas as s
    from hub.client import OperatorClient
    from hub.settings import Settings

console = Console(highlight=False, soft_wrap=True)
course_app = typer.Typer(help="Courses: create, list, enrol, link with groups.", no_args_is_help=True)
Course = Annotated[str, typer.Argument(help="Id of the course.")]
Folder = Annotated[Path, typer.Argument(help="Folder with the files.", exists=True, file_okay=False)]
Group = Annotated[str, typer.Argument(help="Name of the group, as `collegium group list` shows it.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(course_app, name="course")


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
    only_section: Annotated[
        list[str] | None, typer.Option(help="Of a grader: whose work they grade; may be given several times.")
    ] = None,
    only_assignment: Annotated[
        list[str] | None, typer.Option(help="Of a grader: what they grade; may be given several times.")
    ] = None,
    everything: Annotated[bool, typer.Option("--everything", help="Of a grader: lift the limits.")] = False,
) -> None:
    """Put an account into a course, or change its part; limits of a grader that are not named stay."""
    from hub.api import course_schemas as s

    limits: dict[str, list[str]] = {"graded_sections": [], "graded_assignments": []} if everything else {}
    limits |= {"graded_sections": only_section} if only_section else {}
    limits |= {"graded_assignments": only_assignment} if only_assignment else {}
    body = s.EnrolmentUpdate.model_validate({"role": role, "section": section, **limits})
    made = _client().call("PUT", f"/courses/{course}/people/{user}", s.Enrolment, body)
    console.print(f"“{made.user_name}” is {_part(made)} of “{course}”.")


@course_app.command()
def people(course: Course) -> None:
    """List who is in a course."""
    from hub.api import course_schemas as s

    table = Table("user", "name", "part", "section", "group", "through", box=None, pad_edge=False)
    for person in _client().call("GET", f"/courses/{course}/people", s.EnrolmentList).items:
        name = f"{person.first_name} {person.last_name}".strip()
        table.add_row(person.user_name, name, _part(person), person.section, person.group_name, person.hub_group)
    console.print(table)


@course_app.command()
def leave(course: Course, user: Annotated[str, typer.Argument(help="User name.")]) -> None:
    """Take somebody out of a course; what they handed in stays."""
    _client().send("DELETE", f"/courses/{course}/people/{user}")
    console.print(f"“{user}” is no longer in “{course}”.")


@course_app.command("link-group")
def link_group(
    course: Course,
    group: Group,
    role: Annotated[str, typer.Option(help="What its members become: student, grader or auditor.")] = "student",
    section: Annotated[str, typer.Option(help="Their section.")] = "",
) -> None:
    """Let the members of a group into a course, now and from now on; who leaves the group is deactivated."""
    from hub.api import course_hub_groups as h

    body = h.HubGroupLink.model_validate({"name": group, "role": role, "section": section})
    _show_groups(_client().call("PUT", f"/courses/{course}/hub-groups", h.HubGroupsSynchronised, body))


@course_app.command("unlink-group")
def unlink_group(course: Course, group: Group) -> None:
    """End the link with a group; who is in the course stays in it."""
    from hub.api import course_hub_groups as h

    _client().call("POST", f"/courses/{course}/hub-groups/unlink", h.HubGroupList, h.HubGroupName(name=group))
    console.print(f"“{group}” changes nothing in “{course}” any more.")


@course_app.command("sync-groups")
def sync_groups(course: Course) -> None:
    """Take over who is in the linked groups now; it happens every few minutes by itself."""
    from hub.api import course_hub_groups as h

    _show_groups(_client().call("POST", f"/courses/{course}/hub-groups/synchronise", h.HubGroupsSynchronised))


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


async def _with_autotests(settings: Settings, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    from courseware import autotests
    from hub.graders import executor_of

    async with executor_of(settings) as executor:
        return await autotests.instantiate(files, executor)


def _part(person: s.Enrolment) -> str:
    limits = [f"section {name}" for name in person.graded_sections] + list(person.graded_assignments)
    return f"{person.role.value} ({', '.join(limits)} only)" if limits else person.role.value


def _show_groups(done: h.HubGroupsSynchronised) -> None:
    for text, names in (("came", done.enrolled), ("left", done.deactivated)):
        if names:
            console.print(f"{len(names)} {text}: {', '.join(names)}")
    for group in done.items:
        console.print(f"“{group.name}”: {group.enrolled} of {group.members} are in the course as {group.role.value}.")
        if group.problem:
            console.print(f"[yellow]{group.problem}[/]")


def _client() -> OperatorClient:
    from hub.client import OperatorClient
    from hub.settings import load

    return OperatorClient(load().settings)
