"""Commands that start, stop and show the platform: up, down, status, config, doctor, version."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hub import installation
from hub.api.schemas import SignInLink, UserCreate, UserList, UserWithLink
from hub.client import OperatorClient
from hub.doctor import checks
from hub.installation import StartError
from hub.settings import LoadedSettings, Settings, load
from hub.supervisor import Supervisor, describe_exit

console = Console(highlight=False, soft_wrap=True)
START_TIMEOUT_SECONDS = 180
READY_POLL_SECONDS = 0.1


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    for command in (up, down, status, config, doctor, version):
        app.command()(command)


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when everything answers.")] = False,
) -> None:
    """Start the platform; stay in the foreground until Ctrl-C."""
    loaded = load()
    if detach:
        _up_detached(loaded.settings)
        return
    installation.make_data_folder(loaded.settings)
    with installation.lock(loaded.settings):
        installation.check_port(loaded.settings)
        asyncio.run(_run(loaded))


def down() -> None:
    """Stop the platform and everything that it started."""
    settings = load().settings
    console.print("Stopped." if installation.stop(settings) else "Collegium was not running.")


def status(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show whether the platform runs, its address and the state of each part (exit status 3 when it is not ready)."""
    settings = load().settings
    pid = installation.running_pid(settings)
    parts = installation.part_states(settings) if pid else dict.fromkeys(("proxy", "hub", "service"), False)
    ready = pid is not None and installation.is_ready(settings)
    if as_json:
        typer.echo(
            json.dumps(
                {"running": pid is not None, "ready": ready, "pid": pid, "url": settings.public_url, "parts": parts}
            )
        )
    else:
        console.print(f"{settings.public_url}  {'ready' if ready else 'starting' if pid else 'not running'}")
        for name, answers in parts.items():
            console.print(f"  {name:8} {'[green]answers[/]' if answers else '[red]does not answer[/]'}")
    if not ready:
        raise typer.Exit(3)


def config() -> None:
    """Print every setting with its value and where the value comes from."""
    loaded = load()
    table = Table("setting", "value", "source", "meaning", box=None, pad_edge=False)
    for name, field in type(loaded.settings).model_fields.items():
        table.add_row(name, _shown(name, loaded.settings), loaded.sources[name], field.description or "")
    Console(highlight=False).print(table)


def doctor() -> None:
    """Check what the platform needs on this machine, and say what to do about what is missing."""
    loaded = load()
    failed = False
    for check in checks(loaded.settings):
        mark = "[green]ok[/]  " if check.ok else "[red]FAIL[/]" if check.required else "[yellow]note[/]"
        console.print(f"{mark} {check.name}: {check.finding}")
        if not check.ok and check.advice:
            console.print(f"     {check.advice}")
        failed = failed or (check.required and not check.ok)
    raise typer.Exit(1 if failed else 0)


def version() -> None:
    """Print the version."""
    from hub.version import VERSION

    typer.echo(f"collegium {VERSION}")


async def _run(loaded: LoadedSettings) -> None:
    settings = loaded.settings
    supervisor = Supervisor(loaded, lambda line: console.print(f"[yellow]{line}[/]"))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, supervisor.request_stop)
    supervisor.start()
    watching = asyncio.create_task(supervisor.watch())
    try:
        console.print("Starting …")
        await _until_ready(supervisor, watching, settings)
        if not watching.done():
            supervisor.warm()
            supervisor.start_workers()
            _announce(settings, await asyncio.to_thread(_sign_in_link, settings))
            await watching
    finally:
        console.print("Stopping …")
        supervisor.request_stop()
        await supervisor.stop()
        console.print("Stopped.")


async def _until_ready(supervisor: Supervisor, watching: asyncio.Task[None], settings: Settings) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not watching.done():
        if await asyncio.to_thread(installation.is_ready, settings):
            return
        if (part := supervisor.failed_part()) is not None and part.process is not None:
            tail = part.log_file.read_text(errors="replace").splitlines()[-8:]
            raise StartError(
                f"The {part.name} ended while it started ({describe_exit(part.process.returncode)}). "
                f"The end of {part.log_file}:\n" + "\n".join(tail)
            )
        if time.monotonic() > deadline:
            raise StartError(f"Not everything answers after {START_TIMEOUT_SECONDS} s; see {settings.logs_dir}.")
        await asyncio.sleep(READY_POLL_SECONDS)


def _sign_in_link(settings: Settings) -> SignInLink:
    client = OperatorClient(settings)
    if client.call("GET", "/users?limit=1", UserList).items:
        return client.call("POST", f"/users/{settings.admin}/sign-in-links", SignInLink)
    body = UserCreate(name=settings.admin, display_name="Administrator", is_admin=True)
    return client.call("POST", "/users", UserWithLink, body).sign_in_link


def _announce(settings: Settings, link: SignInLink) -> None:
    console.print(f"\n[bold green]Collegium is ready:[/] {settings.public_url}")
    console.print(f"Sign in as administrator “{settings.admin}” (works once, for 24 hours):\n  {link.url}\n")
    console.print("Ctrl-C stops it.")


def _up_detached(settings: Settings) -> None:
    installation.make_data_folder(settings)
    with installation.lock(settings):
        installation.check_port(settings)
    settings.logs_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = settings.logs_dir / "up.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "hub.cli", "up"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
    console.print("Starting …")
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while "Ctrl-C stops it." not in log.read_text():
        if process.poll() is not None:
            raise StartError(_text_of(log))
        if time.monotonic() > deadline:
            raise StartError(f"Not everything answers after {START_TIMEOUT_SECONDS} s; see {log}.")
        time.sleep(READY_POLL_SECONDS)
    said = log.read_text().partition("Collegium is ready")[2].replace("Ctrl-C stops it.", "")
    console.print(f"[bold green]Collegium is ready[/]{said.rstrip()}\n\n`collegium down` stops it.")


def _text_of(log: Path) -> str:
    said = [line for line in log.read_text().splitlines() if line not in ("Starting …", "Stopping …", "Stopped.")]
    return "\n".join(said).removeprefix("Error: ")


def _shown(name: str, settings: Settings) -> str:
    value = str(getattr(settings, name))
    if name == "database_url" and "@" in value:
        scheme, _, rest = value.partition("://")
        return f"{scheme}://…@{rest.rpartition('@')[2]}"
    return value
