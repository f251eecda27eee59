"""Commands on the gradebook of the running platform: gradebook."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from hub.api import course_column_schemas as c
    from hub.client import OperatorClient

console = Console(highlight=False, soft_wrap=True)
gradebook_app = typer.Typer(help="The gradebook: show, export, manual columns, import.", no_args_is_help=True)
Course = Annotated[str, typer.Argument(help="Id of the course.")]
Column = Annotated[str, typer.Argument(help="Name of the manual column.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(gradebook_app, name="gradebook")


@gradebook_app.command()
def show(course: Course) -> None:
    """Show the gradebook."""
    from hub.api import course_grade_schemas as g

    rows = _client().call("GET", f"/courses/{course}/gradebook", g.Gradebook).rows
    names = [cell.assignment for cell in rows[0].cells] + [cell.name for cell in rows[0].columns] if rows else []
    table = Table("student", *names, "total", "letter", box=None, pad_edge=False)
    for row in rows:
        scores = ["–" if a.score is None else f"{a.score:g}{'*' if a.needs_manual else ''}" for a in row.cells]
        scores += ["excused" if m.is_excused else "–" if m.score is None else f"{m.score:g}" for m in row.columns]
        total = "–" if row.total is None else f"{row.total:.1%}"
        table.add_row(row.user_name, *scores, total, row.letter or "")
    console.print(table)
    console.print("* a person has to look", style="dim")


@gradebook_app.command()
def export(
    course: Course,
    file: Annotated[Path, typer.Argument(help="File to write: a workbook for Excel when it ends on .xlsx, else CSV.")],
    nbgrader: Annotated[bool, typer.Option("--nbgrader", help="In the columns of nbgrader.")] = False,
) -> None:
    """Write the gradebook as CSV or XLSX."""
    from hub.api import course_grade_schemas as g

    path = f"/courses/{course}/gradebook"
    if file.suffix == ".xlsx":
        if nbgrader:
            raise typer.BadParameter("nbgrader's columns are written as CSV.")
        file.write_bytes(_client().send("GET", f"{path}/xlsx").content)
    else:
        kind = "nbgrader" if nbgrader else "csv"
        file.write_text(_client().call("GET", f"{path}/{kind}", g.Table).csv, encoding="utf-8")
    console.print(f"Wrote {file}.")


@gradebook_app.command("columns")
def list_columns(course: Course) -> None:
    """List the columns that people fill in."""
    table = Table("name", "points", "category", "", box=None, pad_edge=False)
    for item in _columns(_client(), course):
        kind = "extra credit" if item.is_extra_credit else ""
        seen = "returned" if item.is_returned else "not returned"
        table.add_row(item.name, f"{item.points:g}", item.category, f"{kind} {seen}".strip())
    console.print(table)


@gradebook_app.command("add-column")
def add_column(
    course: Course,
    name: Column,
    points: Annotated[float, typer.Option(help="Most points.")],
    category: Annotated[str, typer.Option(help="Category of the gradebook.")] = "assignments",
    extra_credit: Annotated[bool, typer.Option("--extra-credit", help="Adds to the grade, never lowers it.")] = False,
    returned: Annotated[bool, typer.Option("--returned", help="Students see their score.")] = False,
) -> None:
    """Add a column that people fill in."""
    from hub.api import course_column_schemas as c

    body = c.ColumnCreate(
        name=name, points=points, category=category, is_extra_credit=extra_credit, is_returned=returned
    )
    made = _client().call("POST", f"/courses/{course}/columns", c.ManualColumn, body)
    console.print(f"“{made.name}” is in the gradebook, with {made.points:g} points.")


@gradebook_app.command("change-column")
def change_column(
    course: Course,
    name: Column,
    new_name: Annotated[str | None, typer.Option(help="Call it so.")] = None,
    points: Annotated[float | None, typer.Option(help="Most points.")] = None,
    category: Annotated[str | None, typer.Option(help="Category of the gradebook.")] = None,
    extra_credit: Annotated[bool | None, typer.Option(help="Adds to the grade, never lowers it.")] = None,
    returned: Annotated[bool | None, typer.Option(help="Students see their score.")] = None,
) -> None:
    """Change a column; what is not given stays."""
    from hub.api import course_column_schemas as c

    client = _client()
    known = _column(client, course, name)
    asked = {"name": new_name, "points": points, "category": category}
    flags = {"is_extra_credit": extra_credit, "is_returned": returned}
    changes = {key: value for key, value in {**asked, **flags}.items() if value is not None}
    body = c.ColumnUpdate.model_validate({**known.model_dump(exclude={"id"}), **changes})
    made = client.call("PUT", f"/courses/{course}/columns/{known.id}", c.ManualColumn, body)
    console.print(f"Changed “{made.name}”; all grades follow.")


@gradebook_app.command("remove-column")
def remove_column(course: Course, name: Column) -> None:
    """Take a column out of the gradebook; its scores are kept, and the web page can bring it back."""
    client = _client()
    column = _column(client, course, name)
    client.send("DELETE", f"/courses/{course}/columns/{column.id}")
    console.print(f"Removed “{column.name}” (column {column.id}); its scores are kept.")


@gradebook_app.command("set")
def set_score(
    course: Course,
    name: Column,
    user: Annotated[str, typer.Argument(help="User name of the student.")],
    score: Annotated[str, typer.Argument(help="A number, “excused”, or “none”.")],
    note: Annotated[str | None, typer.Option(help="Why; staff see it.")] = None,
) -> None:
    """Set a student's score in a column that people fill in."""
    from hub.api import course_column_schemas as c

    client = _client()
    column = _column(client, course, name)
    path = f"/courses/{course}/columns/{column.id}/scores"
    given = client.call("GET", f"{path}/{user}", c.ColumnHistory).items
    try:
        number = None if score in ("none", "excused") else float(score)
    except ValueError as error:
        raise typer.BadParameter(f"{score!r} is neither a number nor “excused” nor “none”.") from error
    entry = c.ScoreEntry(
        user_name=user,
        score=number,
        revision=given[0].revision if given else 0,
        is_excused=score == "excused",
        note=note,
    )
    client.call("PUT", path, c.ScoresSet, c.ColumnScores(scores=[entry]))
    console.print(f"“{column.name}” of {user}: {score}.")


@gradebook_app.command("import")
def import_scores(
    course: Course,
    file: Annotated[Path, typer.Argument(help="CSV or XLSX, as `gradebook export` writes it.", exists=True)],
    yes: Annotated[bool, typer.Option("--yes", help="Set the scores without asking.")] = False,
) -> None:
    """Set scores of manual columns from a table; what would change is shown first."""
    from hub.api import course_column_schemas as c

    client = _client()
    path = f"/courses/{course}/gradebook/imports"
    content = base64.b64encode(file.read_bytes()).decode()
    found = client.call("POST", path, c.GradebookImported, c.GradebookImport(content_base64=content))
    for problem in found.problems:
        console.print(f"[red]{problem}[/]")
    if found.problems:
        raise typer.Exit(1)
    if found.ignored:
        console.print(f"Not read: {', '.join(found.ignored)}", style="dim")
    table = Table("student", "column", "now", "new", box=None, pad_edge=False)
    for change in found.changes:
        table.add_row(change.user_name, change.column, change.before, change.after)
    console.print(table)
    if not found.changes:
        console.print("Everything in the file is in the gradebook already.")
    elif yes or typer.confirm(f"Set {len(found.changes)} scores?", abort=True):
        body = c.GradebookImport(content_base64=content, digest=found.digest)
        client.call("POST", path, c.GradebookImported, body)
        console.print(f"Set {len(found.changes)} scores.")


def _columns(client: OperatorClient, course: str) -> list[c.ManualColumn]:
    from hub.api import course_column_schemas as c

    return client.call("GET", f"/courses/{course}/columns", c.ManualColumnList).items


def _column(client: OperatorClient, course: str, name: str) -> c.ManualColumn:
    columns = _columns(client, course)
    for column in columns:
        if column.name.casefold() == name.casefold():
            return column
    there = ", ".join(f"“{column.name}”" for column in columns) or "none"
    raise typer.BadParameter(f"The gradebook has no manual column “{name}”; it has {there}.")


def _client() -> OperatorClient:
    from hub.client import OperatorClient
    from hub.settings import load

    return OperatorClient(load().settings)
