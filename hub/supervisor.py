"""Starts the parts of the platform, restarts the ones that fail, and ends everything that came of them.

The proxy, the hub and the platform service are children of the supervisor and independent of each other: each can die
and come back while the others, the project servers and the kernels go on. As a "child subreaper" (Linux) the
supervisor also inherits project servers whose hub has died, so that stopping leaves no process behind.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from hub import node, runtime
from hub.settings import FILE_VARIABLE, LoadedSettings, Settings

PR_SET_CHILD_SUBREAPER = 36
WATCH_SECONDS = 0.25
STOP_GRACE_SECONDS = 12
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0
STABLE_SECONDS = 60.0
LOG_LIMIT_BYTES = 20_000_000
Say = Callable[[str], None]


@dataclass
class Part:
    """One program of the platform."""

    name: str
    command: list[str]
    env: dict[str, str]
    log_file: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float = 0.0
    pause_seconds: float = FIRST_PAUSE_SECONDS
    restarts: int = field(default=0)

    def start(self, folder: Path) -> None:
        """Start the program, its output behind that of earlier starts."""
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_LIMIT_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.env,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for the supervisor, which then stops in order
            )
        self.started_at = time.monotonic()


class Supervisor:
    """Keeps the parts of one installation running.

    Parameters
    ----------
    loaded
        The settings, with the file they came from (handed on to the parts).
    say
        Gets one line for each thing an operator wants to know.
    """

    def __init__(self, loaded: LoadedSettings, say: Say) -> None:
        self._settings = loaded.settings
        self._say = say
        self._env = _environment(loaded)
        self._parts = _parts(loaded.settings, self._env)
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Start all parts."""
        _become_subreaper()
        self._settings.logs_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in self._parts:
            part.start(self._settings.data_dir)

    def start_workers(self) -> None:
        """Start the workers, which need the service's tables; they are kept running like the other parts."""
        for number in range(1, self._settings.grading_workers + 1):
            command = [sys.executable, "-m", "hub.cli", "grade", "worker"]
            log_file = self._settings.logs_dir / f"grading-{number}.log"
            worker = Part(f"grading worker {number}", command, self._env, log_file)
            worker.start(self._settings.data_dir)
            self._parts.append(worker)

    def warm(self) -> None:
        """Have the first project server start as fast as the later ones; failing at that costs only time."""
        if self._settings.preload_servers:
            command = [sys.executable, "-m", "spawner", "warm", str(self._settings.run_dir)]
            warming = Part("spawner", command, self._env, self._settings.logs_dir / "spawner.log")
            warming.start(self._settings.data_dir)

    async def watch(self) -> None:
        """Restart parts that end, with growing pauses, until `request_stop` is called."""
        while not self._stopping.is_set():
            for part in self._parts:
                self._look_after(part)
            self._reap_orphans()
            try:
                await asyncio.wait_for(self._stopping.wait(), WATCH_SECONDS)
            except TimeoutError:
                continue

    def request_stop(self) -> None:
        """Make `watch` return."""
        self._stopping.set()

    def failed_part(self) -> Part | None:
        """Return a part that has ended, if there is one."""
        return next((p for p in self._parts if p.process is not None and p.process.poll() is not None), None)

    async def stop(self) -> None:
        """End all parts and everything that they started, the polite way first."""
        family = psutil.Process().children(recursive=True)
        for process in family:
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_GRACE_SECONDS
        while time.monotonic() < deadline:
            self._reap_orphans()
            family = psutil.Process().children(recursive=True)
            if not any(runtime.lives(p) for p in family):
                break
            await asyncio.sleep(0.05)
        # Again and again: what is killed takes a moment to end, and may have started something in between.
        # One whose parent ends while processes are being listed is in no list: none left is believed the third time.
        deadline, times_empty = time.monotonic() + STOP_GRACE_SECONDS, 0
        while times_empty < 3 and time.monotonic() < deadline:
            left = [p for p in psutil.Process().children(recursive=True) if runtime.lives(p)]
            times_empty = 0 if left else times_empty + 1
            for process in left:
                _signal(process, signal.SIGKILL)
            await asyncio.sleep(0.05)
            self._reap_orphans()

    def _look_after(self, part: Part) -> None:
        assert part.process is not None
        now = time.monotonic()
        status = part.process.poll()
        if status is None:
            if now - part.started_at > STABLE_SECONDS:
                part.pause_seconds = FIRST_PAUSE_SECONDS
            return
        if not part.restart_at:
            part.restart_at = now + part.pause_seconds
            self._say(
                f"{part.name} ended ({describe_exit(status)}); starting it again in {part.pause_seconds:.1f} s. "
                f"Its log: {part.log_file}"
            )
        elif now >= part.restart_at:
            part.restart_at = 0.0
            part.pause_seconds = min(part.pause_seconds * 2, LONGEST_PAUSE_SECONDS)
            part.restarts += 1
            part.start(self._settings.data_dir)

    def _reap_orphans(self) -> None:
        ours = {part.process.pid: part.process for part in self._parts if part.process is not None}
        while (ended := _ended_child()) is not None:
            if ended in ours:
                ours[ended].poll()  # takes the status and keeps it
            else:
                os.waitpid(ended, 0)


def _ended_child() -> int | None:
    """Return the number of a child that has ended and whose status nobody has taken, without taking it."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if found is None else found.si_pid


def describe_exit(status: int) -> str:
    """Return a process's exit status in words."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


def _environment(loaded: LoadedSettings) -> dict[str, str]:
    env = dict(os.environ)
    if loaded.file is not None:
        env[FILE_VARIABLE] = str(loaded.file.absolute())
    return env


def _parts(settings: Settings, env: dict[str, str]) -> list[Part]:
    tokens, ports = runtime.tokens(settings), runtime.choose_ports(settings)
    config = Path(__file__).parent / "jupyterhub_config.py"
    commands = {
        "proxy": [*node.proxy_command(), *_proxy_arguments(settings, ports)],
        "hub": [sys.executable, "-m", "jupyterhub", "--config", str(config)],
        "service": [sys.executable, "-m", "hub.service"],
    }
    extra = {"proxy": {"CONFIGPROXY_AUTH_TOKEN": tokens.proxy}}
    return [
        Part(name, command, env | extra.get(name, {}), settings.logs_dir / f"{name}.log")
        for name, command in commands.items()
    ]


def _proxy_arguments(settings: Settings, ports: runtime.Ports) -> list[str]:
    hub = f"http://127.0.0.1:{ports.hub}"
    # With a host for each project, the service answers for hosts that belong to nobody.
    default = f"http://127.0.0.1:{ports.service}" if settings.wildcard_domain else hub
    return [
        *("--ip", settings.host, "--port", str(settings.port)),
        *("--api-ip", "127.0.0.1", "--api-port", str(ports.proxy_api)),
        *("--default-target", default, "--error-target", f"{hub}/hub/error"),
        *(["--host-routing"] if settings.wildcard_domain else []),
        *("--keep-alive-timeout", str(node.PROXY_IDLE_MS)),
        *("--log-level", "warn"),
    ]


def _become_subreaper() -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this system cannot make the supervisor adopt orphaned processes")


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
