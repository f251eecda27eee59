"""Run code in a throw-away fork of the state that cells have left."""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import select
import signal
import socket
from collections.abc import Callable
from typing import Any, NoReturn

from . import wire


def perform(
    control: socket.socket,
    descriptor: int,
    execute: Callable[[socket.socket, str], dict[str, Any]],
    restore: Callable[[], None],
) -> None:
    """Fork; let the fork evaluate over its own channel; stay until it has ended.

    `restore` puts back first what cells may have replaced; then only does the fork ask for what it is to evaluate,
    which thus never is in this process. The owner enforces the clock: a message on the control channel, or its end,
    kills the fork.
    """
    channel = socket.socket(fileno=descriptor)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            control.close()
            os.setpgid(0, 0)
            restore()
            _evaluate(channel, execute)
            code = 0
        finally:
            os._exit(code)
    channel.close()
    with contextlib.suppress(PermissionError, ProcessLookupError):
        os.setpgid(pid, pid)
    handle = os.pidfd_open(pid)
    try:
        ready, _, _ = select.select([handle, control.fileno()], [], [])
        if handle not in ready:
            wire.receive(control)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        _pid, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
    finally:
        os.close(handle)
    wire.send(control, {"type": "evaluated", "content": {"code": code}})


def conclude(descriptor: int, execute: Callable[[socket.socket, str], dict[str, Any]]) -> NoReturn:
    """Evaluate in this very process, which ends with it: what a fork costs is saved where nothing runs afterwards.

    Threads that cells have started live on meanwhile, unlike in a fork, and what they have replaced stays: this is
    for cells known to do neither.
    """
    code = 1
    try:
        _evaluate(socket.socket(fileno=descriptor), execute)
        code = 0
    finally:
        os._exit(code)


def _evaluate(channel: socket.socket, execute: Callable[[socket.socket, str], dict[str, Any]]) -> None:
    wire.send(channel, {"type": "ready", "content": {}})
    greeting, _none = wire.receive(channel)
    seal = hmac.new(bytes.fromhex(str(greeting["key"])), digestmod="sha256")
    source = str(greeting["source"])
    del greeting
    reply = execute(channel, source)
    body = json.dumps(reply, sort_keys=True)
    seal.update(body.encode())
    wire.send(channel, {"type": "execute_reply", "content": reply, "body": body, "seal": seal.hexdigest()})
