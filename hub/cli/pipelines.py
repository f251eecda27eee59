"""Commands on pipelines of notebooks: pipeline run, plan, resume, retry, cancel, list, show, logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hub.cli.running import NOTEBOOK_FAILED, WRONG_INPUT, read_assignments

if TYPE_CHECKING:  # the imports of the engine take a second, and wait until it is needed
    from hub.cli.remote_pipelines import Remote
    from pipelines.graph import ItemRow, PipelineService, RunRow

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
pipeline_app = typer.Typer(help="Pipelines of notebooks: run, plan, resume, retry, cancel, show.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="pipeline.yaml, or the folder that holds it.")]
Run = Annotated[str, typer.Argument(help="Id of a run, the beginning of one, or “latest”.")]
State = Annotated[
    Path, typer.Option("--state", envvar="COLLEGIUM_PIPELINES", help="Folder of results, records and history.")
]
Project = Annotated[
    str,
    typer.Option("--project", help="Id of a project: run there, with COLLEGIUM_URL and COLLEGIUM_TOKEN, not here."),
]
DEFAULT_STATE = Path(".collegium")
MARKS = {
    "ok": "[green]ok[/]",
    "reused": "[cyan]reused[/]",
    "skipped": "[dim]skipped[/]",
    "failed": "[bold red]failed[/]",
    "blocked": "[yellow]blocked[/]",
    "cancelled": "[yellow]cancelled[/]",
    "running": "running",
    "waiting": "waiting",
    "queued": "queued",
    "runs": "[yellow]runs[/]",
    "unknown": "[dim]unknown[/]",
}


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(pipeline_app, name="pipeline")


@pipeline_app.command()
def run(
    file: File = Path("pipeline.yaml"),
    parameter: Annotated[list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE, in YAML.")] = None,
    state: State = DEFAULT_STATE,
    project: Project = "",
) -> None:
    """Run a pipeline; results whose key is known are reused.

    The exit status is 0 when every step ended well, 1 when one failed, 2 when something was wrong before the start.
    """
    if project:
        with opened():
            _remote(project).run(str(file), values_from(parameter or []))
        return
    with _service(state, announce=True) as service:
        made = service.create(file, values_from(parameter or []))
        _drive(service, made)


@pipeline_app.command()
def plan(
    file: File = Path("pipeline.yaml"),
    parameter: Annotated[list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE, in YAML.")] = None,
    state: State = DEFAULT_STATE,
    project: Project = "",
) -> None:
    """Show what a run would do, step by step, and why; nothing is run."""
    if project:
        with opened():
            _remote(project).plan(str(file), values_from(parameter or []))
        return
    from pipelines.graph import make_plan, read_pipeline

    with _service(state) as service:
        table = Table("step", "items", "would be", "because", box=None, pad_edge=False)
        for line in make_plan(read_pipeline(file), values_from(parameter or []), service.history, service.store):
            items = "?" if line.items is None else str(line.items)
            table.add_row(line.step, items, MARKS[line.status], escape(line.reason))
        out.print(table)


@pipeline_app.command()
def resume(run_id: Run = "latest", state: State = DEFAULT_STATE, project: Project = "") -> None:
    """Continue a run that failed, was cancelled, or whose process was killed; what ended well is kept."""
    if project:
        with opened():
            _remote(project).act("resume", run_id)
        return
    with _service(state, announce=True) as service:
        _drive(service, service.prepare_resume(run_id))


@pipeline_app.command()
def retry(
    run_id: Run = "latest",
    from_step: Annotated[str, typer.Option("--from", help="Step that runs again, with all that depend on it.")] = "",
    state: State = DEFAULT_STATE,
    project: Project = "",
) -> None:
    """Run the pipeline of a run again with the same parameters; from a step on, nothing is reused."""
    if project:
        with opened():
            _remote(project).act("retry", run_id, {"from_step": from_step})
        return
    with _service(state, announce=True) as service:
        earlier = service.get(run_id)
        force = [from_step] if from_step else []
        _drive(service, service.create(Path(earlier.file), dict(earlier.parameters), force))


@pipeline_app.command()
def cancel(run_id: Run = "latest", state: State = DEFAULT_STATE, project: Project = "") -> None:
    """Stop a run; its notebooks are interrupted, their records kept."""
    if project:
        with opened():
            _remote(project).act("cancel", run_id)
        return
    with _service(state) as service:
        stopped = service.cancel(service.get(run_id).id)
        out.print(f"{stopped.id}: asked to stop")


@pipeline_app.command("list")
def list_runs(state: State = DEFAULT_STATE, limit: Annotated[int, typer.Option()] = 20, project: Project = "") -> None:
    """List the last runs."""
    if project:
        with opened():
            _remote(project).list(limit)
        return
    with _service(state) as service:
        table = Table("run", "pipeline", "status", "begun", "parameters", box=None, pad_edge=False)
        for row in service.history.runs(limit=limit):
            parameters = escape(json.dumps(dict(row.parameters)))
            table.add_row(row.id, row.pipeline, MARKS[row.status], f"{row.created_at:%Y-%m-%d %H:%M:%S}", parameters)
        out.print(table)


@pipeline_app.command()
def show(
    run_id: Run = "latest",
    state: State = DEFAULT_STATE,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    project: Project = "",
) -> None:
    """Show a run: every step and item with status, reason, times, values and record."""
    if project:
        with opened():
            _remote(project).show(run_id)
        return
    with _service(state) as service:
        row = service.get(run_id)
        if as_json:
            typer.echo(json.dumps(_as_json(service, row), default=str, indent=1))
            return
        out.print(f"{row.id}  {row.pipeline}  {MARKS[row.status]}  {escape(row.message)}")
        table = Table("step", "status", "seconds", "why", "values", box=None, pad_edge=False)
        for item in service.history.items(row.id):
            table.add_row(*_cells(item))
        out.print(table)


@pipeline_app.command()
def logs(
    run_id: Run = "latest",
    step: Annotated[str, typer.Option("--step", help="Only this step.")] = "",
    state: State = DEFAULT_STATE,
    project: Project = "",
) -> None:
    """Print what the notebooks of a run printed, and the errors that they ended with."""
    if project:
        with opened():
            _remote(project).logs(run_id, step)
        return
    from pipelines import read_notebook

    with _service(state) as service:
        for item in service.history.items(service.get(run_id).id, step or None):
            out.print(f"[bold]── {item.step}\\[{item.index}] {item.status}[/]")
            if item.record and Path(item.record).exists():
                for text in _texts(read_notebook(item.record)):
                    typer.echo(text.rstrip("\n"))
            elif item.error:
                out.print(escape(f"{item.error.get('name')}: {item.error.get('value')}"))


def _remote(project: str) -> Remote:
    from hub.cli.remote_pipelines import Remote

    return Remote(project)


def _drive(service: PipelineService, made: RunRow) -> None:
    out.print(f"run {made.id}")
    with service.open(f"run-{made.id}"):
        try:
            service.begin(made.id)
            ended = service.wait(made.id)
        except KeyboardInterrupt:
            err.print("Stopping …")
            service.cancel(made.id)
            ended = service.wait(made.id)
    out.print(f"run {ended.id}: {MARKS[ended.status]} {escape(ended.message)}")
    if ended.status != "ok":
        out.print(f"Continue with: collegium pipeline resume {ended.id}")
        raise typer.Exit(NOTEBOOK_FAILED)


@contextmanager
def _service(state: Path, *, announce: bool = False) -> Iterator[PipelineService]:
    with opened():
        from pipelines.graph import PipelineService

        yield PipelineService(state, on_change=_announce if announce else None)


@contextmanager
def opened() -> Iterator[None]:
    """Show what the user can mend as one red line, with exit status 2."""
    from kernels import KernelsError
    from pipelines import PipelinesError

    try:
        yield
    except (PipelinesError, KernelsError) as error:
        err.print(f"[bold red]Error:[/] {escape(str(error))}")
        raise typer.Exit(WRONG_INPUT) from error


def _announce(item: ItemRow | RunRow) -> None:
    from pipelines.graph import RunRow

    if isinstance(item, RunRow):
        return
    where = item.step if item.item is None else f"{item.step} {escape('[' + str(item.item) + ']')}"
    if item.status in ("failed", "cancelled"):
        error = item.error or {}
        out.print(
            f"  {where}: {MARKS[item.status]} {escape(str(error.get('name')))}: {escape(str(error.get('value')))}"
        )
        if item.record:
            out.print(f"    record: {escape(item.record)}#papermill-error-cell")
    else:
        reason = "" if item.status == "ok" else f"  {escape(item.reason)}"
        out.print(f"  {where}: {MARKS[item.status]}{reason}")


def _cells(item: ItemRow) -> tuple[str, str, str, str, str]:
    name = item.step if item.item is None else f"{item.step}[{item.item}]"
    seconds = ""
    if item.started_at and item.ended_at and item.status in ("ok", "failed"):
        seconds = f"{(item.ended_at - item.started_at).total_seconds():.1f}"
    why = item.reason
    if item.error:
        why = f"{item.error.get('name')}: {item.error.get('value')}"
    values = "" if not item.values else json.dumps(dict(item.values))
    return escape(name), MARKS[item.status], seconds, escape(why), escape(values[:60])


def _as_json(service: PipelineService, row: RunRow) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(row) | {"items": [asdict(item) for item in service.history.items(row.id)]}


def _texts(notebook: Any) -> Iterator[str]:
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "stream":
                yield str(output.text)
            elif output.output_type == "error":
                yield "\n".join(output.traceback)


def values_from(assignments: list[str]) -> dict[str, Any]:
    """Values of `NAME=VALUE` texts, read as YAML.

    Raises
    ------
    typer.BadParameter
        If one has another form.
    """
    import yaml

    try:
        return {name: yaml.safe_load(text) for name, text in read_assignments(assignments).items()}
    except yaml.YAMLError as error:
        raise typer.BadParameter(f"a value is not YAML: {error}") from error
