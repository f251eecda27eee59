"""What a server does and uses: it asks to be stopped after long idleness, and reports its usage.

An open page is no work. A cell that runs, a kernel that waits for input, a program in a terminal, output, an edit and a
changed file are.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from jupyter_server.extension.application import ExtensionApp

from kernels.usage import private_bytes
from spawner.authorization import ProjectAuthorizer
from spawner.size import IDLE_VARIABLE

log = logging.getLogger("collegium.work")
REPORT_VARIABLE = "COLLEGIUM_REPORT_SECONDS"
REPORT_SECONDS = 60.0
STORAGE_SECONDS = 600.0
LONGEST_LOOK_SECONDS = 30.0


class WorkExtension(ExtensionApp):
    """Looks after the server: sockets of people without rights, idleness, usage."""

    name = "collegium_work"
    app_name = "Work"
    description = "Idle stop, usage, and the end of sockets of people who were removed"

    def initialize_handlers(self) -> None:
        """Start looking once the server runs."""
        assert self.serverapp is not None
        self._tasks: list[asyncio.Task[None]] = []
        self.serverapp.io_loop.add_callback(self._start)

    async def stop_extension(self) -> None:
        """Report what is not reported yet."""
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(httpx.HTTPError, TimeoutError):
            await asyncio.wait_for(self._report(), 2)

    def _start(self) -> None:
        app: Any = self.serverapp
        access = app.identity_provider.access
        base = os.environ["COLLEGIUM_ACCESS_URL"].removesuffix("/access")
        self._platform = httpx.AsyncClient(
            base_url=base, headers={"Authorization": f"token {access.token}"}, timeout=10, trust_env=False
        )
        self._meter = Meter(Path(app.contents_manager.root_dir))
        self._tasks.append(asyncio.create_task(self._report_regularly()))
        if isinstance(app.authorizer, ProjectAuthorizer):
            self._tasks.append(asyncio.create_task(app.authorizer.guard.watch()))
        if limit := float(os.environ.get(IDLE_VARIABLE, 0)):
            self._tasks.append(asyncio.create_task(self._stop_when_idle(limit)))

    async def _stop_when_idle(self, limit_seconds: float) -> None:
        started = time.time()
        while True:
            await asyncio.sleep(min(LONGEST_LOOK_SECONDS, limit_seconds / 4))
            last = last_work(self.serverapp)
            if last is None:
                continue  # something runs
            idle = time.time() - max(last, started)
            if idle < limit_seconds:
                continue
            log.warning("idle for %.0f s: asking to be stopped", idle)
            try:
                (await self._platform.post("/idle")).raise_for_status()
            except httpx.HTTPError as error:
                log.warning("the platform does not answer: %s; asking again", error)

    async def _report_regularly(self) -> None:
        pause = float(os.environ.get(REPORT_VARIABLE, REPORT_SECONDS))
        while True:
            await asyncio.sleep(pause)
            try:
                await self._report()
            except httpx.HTTPError as error:
                log.warning("usage could not be reported, it counts with the next report: %s", error)

    async def _report(self) -> None:
        held = sum(len(model.get("gpus", ())) for model in _kernels(self.serverapp))
        await asyncio.to_thread(self._meter.measure, held)
        report = self._meter.report()
        (await self._platform.post("/usage", json=report)).raise_for_status()
        self._meter.forget(report)


@dataclass
class Meter:
    """Adds up what this process and everything it started use.

    Parameters
    ----------
    folder
        The project's files.
    """

    folder: Path
    cpu_seconds: float = 0.0
    memory_byte_seconds: float = 0.0
    gpu_seconds: float = 0.0
    storage_bytes: int | None = None
    _seen: dict[tuple[int, float], float] = field(default_factory=dict)
    _measured_at: float = field(default_factory=time.monotonic)
    _storage_at: float = float("-inf")

    def measure(self, gpus: int = 0) -> None:
        """Add what was used since the last measurement."""
        now = time.monotonic()
        elapsed, self._measured_at = now - self._measured_at, now
        own = psutil.Process()
        memory, seen = 0, {}
        for process in [own, *own.children(recursive=True)]:
            with contextlib.suppress(psutil.Error, OSError):
                times = process.cpu_times()
                key = (process.pid, process.create_time())
                seen[key] = times.user + times.system
                memory += private_bytes(process.pid)
        self.cpu_seconds += sum(max(used - self._seen.get(key, 0.0), 0.0) for key, used in seen.items())
        self._seen = seen
        self.memory_byte_seconds += memory * elapsed
        self.gpu_seconds += gpus * elapsed
        if now - self._storage_at >= STORAGE_SECONDS:
            self.storage_bytes, self._storage_at = _size(self.folder), now

    def report(self) -> dict[str, float | int | None]:
        """Return what was added up."""
        return {
            "cpu_seconds": self.cpu_seconds,
            "memory_byte_seconds": self.memory_byte_seconds,
            "gpu_seconds": self.gpu_seconds,
            "storage_bytes": self.storage_bytes,
        }

    def forget(self, reported: dict[str, float | int | None]) -> None:
        """Take off what was reported; what came meanwhile stays."""
        self.cpu_seconds -= float(reported["cpu_seconds"] or 0)
        self.memory_byte_seconds -= float(reported["memory_byte_seconds"] or 0)
        self.gpu_seconds -= float(reported["gpu_seconds"] or 0)


def last_work(app: Any) -> float | None:
    """Return when work was last done, in seconds of the epoch; `None` while something runs."""
    moments = [0.0]
    for model in _kernels(app):
        if model.get("execution_state") in ("busy", "starting", "restarting"):
            return None
        moments.append(_seconds(app.kernel_manager.get_kernel(model["id"]).last_activity))
    terminals = app.web_app.settings.get("terminal_manager")
    for terminal in list(getattr(terminals, "terminals", {}).values()):
        if _runs_a_program(terminal):
            return None
        if activity := getattr(terminal, "last_activity", None):
            moments.append(_seconds(activity))
    root, state = Path(app.contents_manager.root_dir), Path(os.environ["COLLEGIUM_STATE_DIR"])
    for path in (root, *(state / "rooms").glob("*")):
        with contextlib.suppress(OSError):
            moments.append(path.stat().st_mtime)
    return max(moments)


def _kernels(app: Any) -> list[dict[str, Any]]:
    return list(app.kernel_manager.list_kernels())


def _runs_a_program(terminal: Any) -> bool:
    """Return whether something else than the shell has the terminal."""
    try:
        return int(os.tcgetpgrp(terminal.ptyproc.fd)) != int(terminal.ptyproc.pid)
    except (OSError, AttributeError):
        return False


def _seconds(moment: Any) -> float:
    return float(moment.timestamp())


def _size(folder: Path) -> int:
    total = 0
    for base, _folders, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(base) / name).lstat().st_size
    return total


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    return [{"module": "spawner.work", "app": WorkExtension}]
