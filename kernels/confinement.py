"""What a full kernel in a sandbox is given instead of paths: sockets that listen, and its connection file."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from .errors import SandboxError
from .isolation import SANDBOX_HOME, sandbox_order, sandbox_report
from .limits import Limits
from .policy import SandboxPolicy, SandboxReport

_CONNECTION_FILE = ".local/share/jupyter/runtime/kernel.json"
_PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
_BACKLOG = 16


def confined_arguments(ports: int, first_descriptor: int) -> list[str]:
    """Arguments of a kernel that finds its connection file and its sockets inside."""
    listening = [f"--listening={{descriptor:{first_descriptor + i}}}" for i in range(ports)]
    return ["-f", f"{SANDBOX_HOME}/{_CONNECTION_FILE}", "--HistoryManager.enabled=False", *listening]


def confined_order(policy: SandboxPolicy, limits: Limits, connection_file: str) -> dict[str, object]:
    """What the preloaded parent is told; the connection file lies in the private folder."""
    content = Path(connection_file).read_bytes()
    return sandbox_order(replace(policy, files={**policy.files, _CONNECTION_FILE: content}), limits)


@contextlib.contextmanager
def listening_sockets(connection: Mapping[str, object]) -> Iterator[list[int]]:
    """Bind the addresses of a kernel; yields their descriptors, in the order the kernel expects, and closes them."""
    if connection["transport"] != "ipc":
        raise SandboxError("a sandbox has no network: its kernel needs transport 'ipc'")
    opened: list[socket.socket] = []
    try:
        for port in _PORTS:
            opened.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            opened[-1].bind(f"{connection['ip']}-{connection[port]}")
            opened[-1].listen(_BACKLOG)
        yield [sock.fileno() for sock in opened]
    finally:
        for sock in opened:
            sock.close()


def reported(text: bytes, policy: SandboxPolicy) -> SandboxReport:
    """What the kernel said about its isolation before it ran anything.

    Raises
    ------
    SandboxError
        If it did not say, or lacks a barrier that the policy asks for.
    """
    if not text.endswith(b"\n"):
        raise SandboxError("the kernel ended before it said how it is isolated")
    report = sandbox_report(json.loads(text))
    accept(report, policy)
    return report


def accept(report: SandboxReport, policy: SandboxPolicy) -> None:
    """Raise `SandboxError` when a barrier that the policy asks for does not stand."""
    lacking = sorted(policy.minimum - report.barriers, key=lambda barrier: barrier.value)
    if lacking:
        reasons = ", ".join(f"{barrier.value} ({report.missing.get(barrier, 'unknown')})" for barrier in lacking)
        raise SandboxError(f"this machine cannot isolate the run as its policy asks for; missing: {reasons}")
