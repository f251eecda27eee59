"""Commands that back the whole installation up and put it back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from hub import backup as backups
from hub import installation
from hub.restore import restore_backup
from hub.settings import load

console = Console(highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    for command in (backup, restore):
        app.command()(command)


def backup(
    file: Annotated[Path | None, typer.Argument(help="Default: collegium-<time>.tar.gz in this folder.")] = None,
) -> None:
    """Write database, blobs, secrets and all files of projects into one file; the platform may run meanwhile."""
    settings = load().settings
    target = file or Path(f"collegium-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz")
    with _Counting("Backing up") as show:
        manifest = backups.make_backup(settings, target, show.update_counts)
    size = target.stat().st_size
    sizes = f"{manifest.total_bytes / 1e6:.1f} MB, {size / 1e6:.1f} MB packed"
    console.print(f"{target}: {len(manifest.files)} files, {sizes}.")
    for name in manifest.left_out:
        console.print(f"[yellow]left out (no ordinary file, or not readable):[/] {name}")
    for name in manifest.as_files:
        console.print(f"[yellow]in use, copied as the files that they are:[/] {name} and its journal")
    console.print("It holds the installation's secrets: keep it as safe as the installation.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `collegium backup` wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="Put the installation that is there aside.")] = False,
) -> None:
    """Put an installation back from a backup: all of it, or nothing when the file is damaged."""
    settings = load().settings
    if (pid := installation.running_pid(settings)) is not None:
        raise installation.StartError(f"Collegium runs (process {pid}); stop it with `collegium down` first.")
    with _Counting("Restoring") as show:
        manifest = restore_backup(settings, file, replace=replace, progress=show.update_counts)
    console.print(f"Restored {len(manifest.files)} files of {manifest.created_at[:19]} UTC into {settings.data_dir}.")
    console.print("Start it with `collegium up`.")


class _Counting(Progress):
    def __init__(self, title: str) -> None:
        super().__init__(SpinnerColumn(), TextColumn("{task.description}"), transient=True)
        self._title = title
        self._task = self.add_task(title)

    def update_counts(self, files: int, total_bytes: int) -> None:
        self.update(self._task, description=f"{self._title}: {files} files, {total_bytes / 1e6:.1f} MB")
