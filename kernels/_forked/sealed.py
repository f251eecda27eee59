"""The loop that takes orders between cells, and forks for what is to be evaluated.

It runs in the process in which cells have run, which may have replaced whatever they reach. So it calls nothing but
functions written in C that it has taken hold of before the first cell; what it holds stands in no module, and no cell
gets at the function that it is (`warden` refuses the ways there).
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

from .warden import PUT_BACK

Run = Callable[[str, dict[str, Any], list[int]], None]
_HEAD_BYTES = 4
_MESSAGE_LIMIT_BYTES = 64 * 1024 * 1024
_ANCILLARY_BYTES = 256


def server(
    sock: socket.socket, run: Run, evaluate: Callable[[str, int], None], watch: Callable[[], None] | None
) -> Callable[[], None]:
    """Return what serves a channel until it closes.

    Parameters
    ----------
    sock
        The channel.
    run
        Called with every order but those to evaluate: the operation, the message, descriptors that came with it.
    evaluate
        Called in the fork, with the operation and the descriptor of its own channel.
    watch
        Called before the first cell that may be anything.
    """
    recvmsg, recv, sendall, control = sock.recvmsg, sock.recv, sock.sendall, sock.fileno()
    head_of, descriptors_of = struct.Struct("!I").unpack, struct.Struct("i").iter_unpack
    scan, length_of, none_known, closed = vars(json.JSONDecoder())["scan_once"], len, (OSError, ValueError), OSError
    # Without the hooks of `os.register_at_fork`, which cells may have set; there are no other threads (see the owner).
    fork, audit, end_now, close = ctypes.PyDLL(None).fork, sys.audit, os._exit, os.close
    set_group, watch_process, wait_for, kill_group = os.setpgid, os.pidfd_open, select.select, os.killpg
    wait, exit_code, killed = os.waitpid, os.waitstatus_to_exitcode, int(signal.SIGKILL)
    rights = (int(socket.SOL_SOCKET), int(socket.SCM_RIGHTS))
    handling = sys.modules["_signal"]  # without the Python around it
    handler_of, set_handler, set_timer = handling.getsignal, handling.signal, handling.setitimer
    default, ignored = handling.SIG_DFL, handling.SIG_IGN
    signals = tuple(sorted(set(handling.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}))
    timers = (handling.ITIMER_REAL, handling.ITIMER_VIRTUAL, handling.ITIMER_PROF)
    told, pack = b'{"type": "evaluated", "content": {"code": %d}}', struct.Struct("!I").pack

    def read(count: int) -> bytes:
        parts = b""
        while length_of(parts) < count:
            part = recv(count - length_of(parts))
            if not part:
                raise closed
            parts += part
        return parts

    def receive() -> tuple[dict[str, Any], list[int]]:
        head, ancillary, _flags, _address = recvmsg(_HEAD_BYTES, _ANCILLARY_BYTES)
        if not head:
            raise closed
        found = [one[0] for level, kind, data in ancillary if (level, kind) == rights for one in descriptors_of(data)]
        (length,) = head_of(head + read(_HEAD_BYTES - length_of(head)))
        if length > _MESSAGE_LIMIT_BYTES:
            raise closed
        message, _end = scan(read(length).decode(), 0)
        return message, found

    def fork_and_wait(operation: str, descriptor: int) -> None:
        pid = fork()
        if pid == 0:
            code = 1
            try:
                close(control)
                set_group(0, 0)
                audit(PUT_BACK)
                evaluate(operation, descriptor)
                code = 0
            finally:
                end_now(code)
        close(descriptor)
        try:  # noqa: SIM105 - `contextlib` is Python that cells can change
            set_group(pid, pid)
        except none_known:  # the fork has done so, or has ended
            pass
        handle = watch_process(pid)
        try:
            ready, _writable, _other = wait_for([handle, control], [], [])
            if handle not in ready:
                receive()
            try:  # noqa: SIM105
                kill_group(pid, killed)
            except none_known:
                pass
            _pid, status = wait(pid, 0)
        finally:
            close(handle)
        body = told % exit_code(status)
        sendall(pack(length_of(body)) + body)

    def be_quiet() -> None:
        """Take away handlers of signals and timers, which would run code of cells between orders."""
        for timer in timers:
            set_timer(timer, 0)
        for number in signals:
            handler = handler_of(number)
            if handler is not None and handler is not default and handler is not ignored:
                set_handler(number, default)

    def serve() -> None:
        nonlocal watch
        while True:
            try:
                message, descriptors = receive()
            except none_known:
                return
            operation = message["operation"]
            if operation == "stop":
                return
            if watch is not None and operation in ("execute", "evaluate", "judge"):
                watch()
                watch = None  # what it holds is the watcher's alone from now on
            if operation in ("evaluate", "judge", "evaluate-plainly"):
                fork_and_wait(operation, descriptors[0])
            else:
                run(operation, message, descriptors)
                if operation == "execute":
                    be_quiet()

    return serve
