"""Commands on grading on the running platform: grade."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from courseware.worker import Worker
    from hub.api import course_grade_schemas as g
    from hub.client import OperatorClient

console = Console(highlight=False, soft_wrap=True)
grade_app = typer.Typer(help="Grading: start, watch, return; run a worker.", no_args_is_help=True)
Course = Annotated[str, typer.Argument(help="Id of the course.")]
Assignment = Annotated[str, typer.Argument(help="Name of the assignment.")]
DATABASE_PAUSE_SECONDS = 2.0


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(grade_app, name="grade")


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


async def _work(once: bool) -> None:
    from courseware.worker import Worker
    from hub.api.course_support import blob_store
    from hub.data.engine import Database
    from hub.errors import UnavailableError
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
            clock = lambda: datetime.now(UTC)  # noqa: E731
            grader = Worker(database, blob_store(settings), executor, clock, temporary=(UnavailableError,))
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
