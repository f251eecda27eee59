"""Commands that run a notebook for many values: sweep, optimize."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hub.cli.pipelines import DEFAULT_STATE, Project, State, opened, values_from
from hub.cli.running import NOTEBOOK_FAILED, WRONG_INPUT

if TYPE_CHECKING:
    from pipelines.experiments import Experiment, NotebookResult, Trial

out = Console(highlight=False, soft_wrap=True)
POLL_SECONDS = 1.0


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(sweep)
    app.command()(optimize)


def sweep(
    notebook: Annotated[Path, typer.Argument(help="Notebook with a parameters cell.")],
    grid: Annotated[
        list[str] | None, typer.Option("--grid", "-g", help="NAME=V1,V2,…; several make all combinations.")
    ] = None,
    random: Annotated[int, typer.Option("--random", help="So many random points instead of a grid.")] = 0,
    interval: Annotated[
        list[str] | None, typer.Option("--range", "-r", help="NAME=LOW..HIGH, or LOW..HIGH:log, for --random.")
    ] = None,
    parameter: Annotated[list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE for all runs.")] = None,
    seed: Annotated[int, typer.Option(help="Of the random points.")] = 0,
    parallel: Annotated[int, typer.Option(help="Runs at one time.")] = 2,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Table of the results, .csv or .json.")] = None,
    state: State = DEFAULT_STATE,
) -> None:
    """Run a notebook for a grid of values, or for random ones; equal runs are reused, each keeps its record."""
    from pipelines.experiments import grid as combinations
    from pipelines.experiments import random_points
    from pipelines.experiments import sweep as run_sweep

    axes = {name: _list(text) for name, text in _pairs(grid or []).items()}
    if bool(random) == bool(axes):
        raise typer.BadParameter("give either --grid NAME=V1,V2 or --random N with --range NAME=LOW..HIGH")
    points = random_points(_intervals(interval or []), random, seed) if random else list(combinations(axes))
    with opened():
        runner = _runner(notebook, values_from(parameter or []), state, f"sweep-{notebook.stem}")
        results = run_sweep(runner, points, parallel, _announce_point)
    _print_results(results)
    if output is not None:
        _write_results(results, output)
    if any(result.failure for result in results):
        raise typer.Exit(NOTEBOOK_FAILED)


def optimize(
    file: Annotated[Path, typer.Argument(help="experiment.yaml")] = Path("experiment.yaml"),
    state: State = DEFAULT_STATE,
    project: Project = "",
) -> None:
    """Run the trials of an experiment until its budget is used up, or continue them."""
    if project:
        with opened():
            _follow_in(project, str(file))
        return
    from pipelines.experiments import Experiment, optimise, read_experiment

    with opened():
        spec, folder = read_experiment(file)
        if spec.notebook is None:
            out.print("[bold red]Error:[/] the experiment names no notebook; its trials are observed from elsewhere.")
            raise typer.Exit(WRONG_INPUT)
        state.mkdir(parents=True, exist_ok=True)
        experiment = Experiment(spec, f"sqlite:///{(state / 'experiments.sqlite').resolve()}")
        runner = _runner(
            folder / spec.notebook, spec.fixed, state, f"experiment-{spec.name}", spec.inputs, spec.timeout_seconds
        )
        reason = optimise(experiment, runner, lambda trial, result: _announce_trial(experiment, trial, result))
    out.print(f"Ended: {reason}.")
    for best in experiment.best():
        _tell_best(best.number, best.metrics, best.parameters)
    shares = experiment.importances()
    if shares:
        out.print("importance: " + ", ".join(f"{name} {share:.0%}" for name, share in shares.items()))


def _follow_in(project: str, file: str) -> None:
    """Have a project of the platform run the trials, and print each as it ends."""
    from pipelines.client import Client

    with Client() as client:
        experiment, told = client.start_experiment(project, file), set[int]()
        while True:
            found = experiment.state()
            for trial in found["trials"]:
                if trial["status"] != "open" and trial["number"] not in told:
                    told.add(trial["number"])
                    _tell_trial(trial["number"], trial["failure"], trial["metrics"], trial["parameters"])
            if found["status"] == "ended":
                break
            time.sleep(POLL_SECONDS)
    out.print(f"Ended: {escape(found['message'])}.")
    for trial in found["trials"]:
        if trial["number"] in found["best"]:
            _tell_best(trial["number"], trial["metrics"], trial["parameters"])


def _runner(
    notebook: Path,
    fixed: Any,
    state: Path,
    name: str,
    inputs: list[str] | None = None,
    timeout_seconds: float | None = None,
) -> Any:
    from pipelines.experiments import NotebookRunner
    from pipelines.graph import LocalLauncher, Store

    store = Store(state.resolve())
    folder = state / "trials" / name
    return NotebookRunner(
        notebook, fixed, folder, store, LocalLauncher(store), inputs=inputs or [], timeout_seconds=timeout_seconds
    )


def _announce_point(index: int, result: NotebookResult) -> None:
    mark = "[red]failed[/]" if result.failure else "[cyan]reused[/]" if result.reused else "[green]ok[/]"
    told = result.failure or _text(result.values)
    out.print(f"  {index}: {mark} {escape(_text(result.parameters))}  {escape(told)}")


def _announce_trial(experiment: Experiment, trial: Trial, result: NotebookResult) -> None:
    best = experiment.best()
    star = " [green]best so far[/]" if trial.number in [b.number for b in best] else ""
    infeasible = "" if trial.feasible else " [yellow]violates a constraint[/]"
    _tell_trial(trial.number, trial.failure, trial.metrics, trial.parameters, infeasible, star)


def _tell_trial(
    number: int, failure: str | None, metrics: object, parameters: object, infeasible: str = "", star: str = ""
) -> None:
    told = f"[red]failed[/] {escape(failure)}" if failure else escape(_text(metrics))
    out.print(f"  trial {number}: {told}{infeasible} at {escape(_text(parameters))}{star}")


def _tell_best(number: int, metrics: object, parameters: object) -> None:
    out.print(f"[green]best[/] trial {number}: {escape(_text(metrics))} at {escape(_text(parameters))}")


def _print_results(results: list[NotebookResult]) -> None:
    names, metrics = _columns(results)
    table = Table(*names, *metrics, "record", box=None, pad_edge=False)
    for result in results:
        cells = [str(result.parameters.get(name, "")) for name in names]
        cells += [str(result.values.get(name, "")) for name in metrics]
        table.add_row(*(escape(cell) for cell in [*cells, str(result.record)]))
    out.print(table)


def _write_results(results: list[NotebookResult], path: Path) -> None:
    rows = [
        dict(result.parameters) | dict(result.values) | {"failure": result.failure, "record": str(result.record)}
        for result in results
    ]
    if path.suffix == ".json":
        path.write_text(json.dumps(rows, indent=1))
        return
    names, metrics = _columns(results)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*names, *metrics, "failure", "record"])
        writer.writeheader()
        writer.writerows(rows)


def _columns(results: list[NotebookResult]) -> tuple[list[str], list[str]]:
    names = list(dict.fromkeys(name for result in results for name in result.parameters))
    metrics = list(dict.fromkeys(name for result in results for name in result.values))
    return names, [name for name in metrics if name not in names]


def _pairs(texts: list[str]) -> dict[str, str]:
    from hub.cli.running import read_assignments

    return read_assignments(texts)


def _list(text: str) -> list[Any]:
    import yaml

    return [yaml.safe_load(part) for part in text.split(",")]


def _intervals(texts: list[str]) -> dict[str, tuple[float, float, bool]]:
    intervals = {}
    for name, text in _pairs(texts).items():
        bounds, _, scale = text.partition(":")
        low, dots, high = bounds.partition("..")
        try:
            if not dots or scale not in ("", "log"):
                raise ValueError(text)
            intervals[name] = (float(low), float(high), scale == "log")
        except ValueError as error:
            raise typer.BadParameter(f"{name}={text} is not NAME=LOW..HIGH or NAME=LOW..HIGH:log") from error
    return intervals


def _text(values: Any) -> str:
    shown = {name: f"{value:.6g}" if isinstance(value, float) else str(value) for name, value in dict(values).items()}
    return ", ".join(f"{name}={text}" for name, text in shown.items())
