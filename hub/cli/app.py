"""The `collegium` command: its groups of commands and how errors are shown."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from hub.cli import accounts, courses, documents, experiments, pipelines, platform, running
from hub.client import ClientError
from hub.installation import StartError
from hub.node import SetupError
from hub.settings import SettingsError

app = typer.Typer(
    help="Collegium: a hosted, collaborative, computational notebook platform.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
platform.register(app)
accounts.register(app)
running.register(app)
documents.register(app)
pipelines.register(app)
courses.register(app)
experiments.register(app)


def main() -> None:
    """Run the command; what the user can mend is shown as one red line, not as a traceback."""
    try:
        app()
    except (SettingsError, StartError, ClientError, SetupError) as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]Error:[/] {_escape(str(error))}")
        sys.exit(1)


def _escape(text: str) -> str:
    return text.replace("[", r"\[")
