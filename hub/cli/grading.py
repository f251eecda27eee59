"""Commands on grading and the gradebook of the running platform: grade, gradebook."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from courseware.worker import Worker
    from hub.api import course_grade_schemas as g
    from hub.client import OperatorClient

console = Console(highlight=False, soft_wrap=True)
grade_app = typer.Typer(help="Grading: start, watch, return; run a worker.", no_args_is_help=True)
gradebook_app = typer.Typer(help="The gradebook: show, export.", no_args_is_help=True)
Course = Annotated[str, typer.Argument(help="Id of the course.")]
Assignment = Annotated[str, typer.Argument(help="Name of the assignment.")]
DATABASE_PAUSE_SECONDS = 2.0


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(grade_app, name="grade")
    app.add_typer(gradebook_app, name="gradebook")


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


def _client() -> OperatorClient:
    from hub.client import OperatorClient
    from hub.settings import load

    return OperatorClient(load().settings)
