"""`collegium run` in a fork of a process that has imported everything; see `hub.cli.standing`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import typer
from rich.progress import Progress as _Progress  # noqa: F401 - so that forks have it

from hub.cli import running
from hub.cli.standing import SWITCH, TARGET, pointer_path

IDLE_SECONDS = 1800.0
_EMPTY = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


def main(arguments: list[str]) -> None:
    """Run the command in this process; it ends with the command's exit status."""
    sys.argv = ["collegium", *arguments]
    app = typer.Typer(pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]})
    app.callback()(lambda: None)
    running.register(app)
    app(prog_name="collegium")


def rehearse() -> None:
    """Run an empty notebook in a throw-away process, so that what is imported late is imported once for all."""
    folder = Path(tempfile.mkdtemp())
    (folder / "empty.ipynb").write_text(_EMPTY)
    with contextlib.suppress(SystemExit):
        main(["run", str(folder / "empty.ipynb"), "-q"])
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def leave_standing() -> None:
    """Start a process that later commands fork, in the background; it ends by itself when nobody asks."""
    if os.environ.get(SWITCH) == "0":
        return
    with contextlib.suppress(OSError):
        subprocess.Popen(
            [sys.executable, "-m", "hub.cli.forked"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def _start() -> None:
    from kernels import ForkServer, kernel_parent

    kernels = kernel_parent(os.environ)
    kernels.start()
    server = ForkServer(
        preload=["pipelines.notebook_run", "kernels.full_kernel", "kernels.short_kernel"],
        target=TARGET,
        rehearsal="hub.cli.forked:rehearse",
        idle_seconds=IDLE_SECONDS,
    )
    path = Path(pointer_path())
    server.start()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _forget_old(path.parent)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(f"{server.socket_path}\n{kernels.socket_path}")
    temporary.replace(path)


def _forget_old(folder: Path) -> None:
    """Remove the names of sockets that are gone."""
    for path in folder.glob("run-*"):
        with contextlib.suppress(OSError):
            if not Path(path.read_text().partition("\n")[0]).exists():
                path.unlink()


if __name__ == "__main__":
    _start()
