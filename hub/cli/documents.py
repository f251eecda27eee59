"""The command that makes a document of a calculation: handcalc."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    settings = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command("handcalc", context_settings=settings, add_help_option=False)(handcalc)


def handcalc(ctx: typer.Context) -> None:
    """Write a calculation (.py or .ipynb) as a document without its code: `collegium handcalc --help`."""
    from handcalc.__main__ import main

    raise typer.Exit(main(ctx.args))
