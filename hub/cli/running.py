"""The command that runs a notebook: run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:  # the imports of what runs notebooks wait until a notebook is to be run
    from kernels import RunEvent
    from pipelines import Parameter, RecordedRun, RunOptions

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
WRONG_INPUT = 2
NOTEBOOK_FAILED = 1


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command(context_settings={"help_option_names": []})(run)


def run(
    ctx: typer.Context,
    notebook: Annotated[Path | None, typer.Argument(help="Notebook, or Python file in percent format.")] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="NAME=VALUE, read by the type of the notebook's parameter."),
    ] = None,
    parameters_file: Annotated[
        Path | None, typer.Option("--parameters-file", "-f", help="YAML or JSON file of parameters.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Record of the run; “-” prints it. [NOTEBOOK.out.ipynb]")
    ] = None,
    kernel: Annotated[str | None, typer.Option("--kernel", "-k", help="Kernelspec, instead of the notebook's.")] = None,
    cwd: Annotated[Path | None, typer.Option(help="Working folder. [that of the notebook]")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds for the whole notebook.")] = None,
    cell_timeout: Annotated[float | None, typer.Option(help="Seconds for each cell.")] = None,
    memory: Annotated[int | None, typer.Option(help="MiB for the kernel.")] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option("--secret", help="Name of an environment variable whose value must not appear in the record."),
    ] = None,
    short: Annotated[bool, typer.Option("--short", help="Run in a forked child without sockets: cheaper.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
    show_help: Annotated[
        bool, typer.Option("--help", "-h", "--help-notebook", help="Show this, or the notebook's parameters.")
    ] = False,
) -> None:
    """Run a notebook with parameters and keep the record.

    `collegium run NOTEBOOK --help` shows the notebook's own parameters. The exit status is 0 when every cell ran,
    1 when the notebook failed (the record says where), 2 when something was wrong before it started.
    """
    from kernels import KernelsError
    from pipelines import PipelinesError

    if notebook is None:
        out.print(ctx.get_help(), markup=False)
        raise typer.Exit(0 if show_help else WRONG_INPUT)
    try:
        if show_help:
            _print_parameters(notebook)
            return
        target = output or notebook.with_name(f"{notebook.stem}.out.ipynb")
        options = _options(kernel, cwd, timeout, cell_timeout, memory, secret or [], short)
        record = _run(notebook, _values(notebook, parameter or [], parameters_file), target, options, quiet)
    except (PipelinesError, KernelsError, OSError) as error:
        err.print(f"[bold red]Error:[/] {_escape(str(error))}")
        raise typer.Exit(WRONG_INPUT) from error
    if record.status != "ok":
        _print_failure(record, target)
        raise typer.Exit(NOTEBOOK_FAILED)
    if not quiet and str(target) != "-":
        err.print(f"[green]ok[/]  {_escape(str(target))}")


def read_assignments(texts: list[str]) -> dict[str, str]:
    """Split `NAME=VALUE` texts.

    Raises
    ------
    typer.BadParameter
        If one has no `=`.
    """
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"{text!r} is not of the form NAME=VALUE")
        pairs[name.strip()] = value
    return pairs


def _values(notebook: Path, assignments: list[str], parameters_file: Path | None) -> dict[str, object]:
    from pipelines import check_texts, inspect_notebook, language_of, read_notebook, read_values

    texts = read_assignments(assignments)
    values = read_values(parameters_file) if parameters_file else {}
    document = read_notebook(notebook)
    if language_of(document) != "python":
        return values | texts
    return values | check_texts(inspect_notebook(document, str(notebook)), texts, str(notebook), partial=True)


def _options(
    kernel: str | None,
    cwd: Path | None,
    timeout: float | None,
    cell_timeout: float | None,
    memory_mebibytes: int | None,
    secrets: list[str],
    short: bool,
) -> RunOptions:
    import os

    from kernels import Limits
    from pipelines import RunOptions

    missing = [name for name in secrets if name not in os.environ]
    if missing:
        raise typer.BadParameter(f"the environment has no variable {', '.join(missing)}")
    limits = Limits(
        memory_bytes=memory_mebibytes * 1024 * 1024 if memory_mebibytes else None,
        cell_timeout_seconds=cell_timeout,
        notebook_timeout_seconds=timeout,
    )
    return RunOptions(
        limits=limits,
        mode="short" if short else "kernel",
        kernel_name=kernel,
        cwd=cwd,
        secrets=[os.environ[name] for name in secrets],
    )


def _run(notebook: Path, values: dict[str, object], target: Path, options: RunOptions, quiet: bool) -> RecordedRun:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from pipelines import notebook_text, read_notebook, run_recorded_sync

    cells = read_notebook(notebook).cells
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=quiet or not err.is_terminal) as progress:
        injected = 1 if values else 0
        task = progress.add_task(notebook.name, total=len(cells) + injected)

        def show(event: RunEvent) -> None:
            if event.index is not None:
                done = event.index + (1 if event.kind == "cell-finished" else 0)
                progress.update(task, completed=done, description=f"{notebook.name} cell {event.index + 1}")
            elif event.kind == "run-finished":
                progress.update(task, description=notebook.name)

        path = None if str(target) == "-" else target
        record = run_recorded_sync(notebook, values, path, options=options, on_event=show)
        if record.status == "ok":
            progress.update(task, completed=len(cells) + injected)
    if path is None:
        typer.echo(notebook_text(record.notebook))
    return record


def _print_failure(record: RecordedRun, target: Path) -> None:
    cell = record.failed_cell
    where = f" in cell {cell.index + 1} (In [{cell.execution_count}])" if cell is not None else ""
    if cell is not None and cell.error is not None:
        for line in cell.error.traceback:
            typer.echo(line, err=True)
    err.print(f"[bold red]Failed[/]{where}: {_escape(record.message)}")
    if str(target) != "-":
        err.print(f"The record opens at the failing cell: {_escape(str(target))}#papermill-error-cell")


def _print_parameters(notebook: Path) -> None:
    from rich.table import Table

    from pipelines import inspect_notebook, read_notebook

    parameters = inspect_notebook(read_notebook(notebook), str(notebook))
    out.print(f"Usage: collegium run {notebook} -p NAME=VALUE … -o RECORD.ipynb\n", markup=False)
    if not parameters:
        out.print("The notebook has no parameters: no cell is tagged “parameters”, or it assigns nothing.")
        return
    table = Table("parameter", "type", "default", "meaning", box=None, pad_edge=False)
    for parameter in parameters:
        table.add_row(*(_escape(text) for text in _row(parameter)))
    out.print(table)


def _row(parameter: Parameter) -> tuple[str, str, str, str]:
    default = "required" if parameter.required else parameter.default_text
    return parameter.name, parameter.type_text or "any", default, parameter.help


def _escape(text: str) -> str:
    return text.replace("[", r"\[")
