"""The `collegium` command: its groups of commands and how errors are shown."""

from __future__ import annotations

import sys
from importlib import import_module

import typer

# The commands of each module: of a command that is called only its own module is imported, which is felt in scripts.
COMMANDS = {
    "platform": ("up", "down", "status", "config", "doctor", "version"),
    "backup": ("backup", "restore"),
    "accounts": ("user", "project", "announce"),
    "groups": ("group",),
    "running": ("run",),
    "documents": ("handcalc",),
    "pipelines": ("pipeline",),
    "courses": ("course",),
    "assignments": ("assignment",),
    "grading": ("grade",),
    "gradebook": ("gradebook",),
    "demo": ("demo",),
    "experiments": ("sweep", "optimize"),
    "deploy": ("deploy",),
}


def make_app(command: str = "") -> typer.Typer:
    """Return the application: with all commands, or with the module of the one that is called.

    Parameters
    ----------
    command
        First word of the command line.
    """
    app = typer.Typer(
        help="Collegium: a hosted, collaborative, computational notebook platform.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(lambda: None)
    called = [module for module, commands in COMMANDS.items() if command in commands]
    for name in called or COMMANDS:
        import_module(f"hub.cli.{name}").register(app)
    return app


def main() -> None:
    """Run the command; what the user can mend is shown as one red line, not as a traceback."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    app = make_app(command)
    try:
        app(prog_name="collegium")
    except Exception as error:
        if not _can_be_mended(error):
            raise
        from rich.console import Console

        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]Error:[/] {_escape(str(error))}")
        sys.exit(1)
    finally:
        if command == "run":
            from hub.cli.forked import leave_standing

            leave_standing()


def _can_be_mended(error: Exception) -> bool:
    from hub.backup import BackupError
    from hub.client import ClientError
    from hub.installation import StartError
    from hub.node import SetupError
    from hub.settings import SettingsError

    return isinstance(error, SettingsError | StartError | ClientError | SetupError | BackupError)


def _escape(text: str) -> str:
    return text.replace("[", r"\[")
