"""Starts programs in the background and ends exactly those."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from layout import Layout

STOP_SECONDS = 10.0


def _started(pid: int) -> str | None:
    """The process's time of start in clock ticks, which tells it from a later process of the same number."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def start(where: Layout, name: str, *command: str | Path) -> int:
    """Start a program whose output goes to its own log, and remember it."""
    with (where.logs / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
        )
    (where.pids / name).write_text(f"{process.pid} {_started(process.pid)}")
    return process.pid


def pid_of(where: Layout, name: str) -> int | None:
    """The process id of a program that we started and that still runs."""
    try:
        pid, started = (where.pids / name).read_text().split()
    except (OSError, ValueError):
        return None
    return int(pid) if _started(int(pid)) == started else None


def stop(where: Layout, name: str) -> None:
    """End a program: politely, after ten seconds without asking."""
    pid = pid_of(where, name)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while pid_of(where, name) is not None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                deadline += STOP_SECONDS
            time.sleep(0.05)
    (where.pids / name).unlink(missing_ok=True)


def tail(where: Layout, name: str, lines: int = 5) -> str:
    """The end of a program's log, for an error message."""
    path = where.logs / f"{name}.log"
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""
