"""Keeps a project's server running, so that kernels outlive one that ends by itself.

The first process of a project forks its server and waits. When a server that had been ready crashes, or is killed, it
forks another; kernels stay, because they are this process's descendants, and the next server takes them up again. When
the server is told to stop, nothing stays.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

import psutil

from kernels import become_subreaper, die_with

MOST_QUICK_ENDS = 3
QUICK_SECONDS = 60.0
PAUSE_SECONDS = 1.0
FORWARDED = (signal.SIGTERM, signal.SIGINT)

_is_ready = mmap.mmap(-1, 1)  # shared by this process and the servers it forks


def note_ready() -> None:
    """Note, in the server, that it answers: from now on another takes its place if it ends by itself."""
    _is_ready[0] = 1


def keep(serve: Callable[[], None], forget: Callable[[], None]) -> NoReturn:
    """Run `serve` in a child, and again whenever it ends by itself.

    Parameters
    ----------
    serve
        Runs the server until it is stopped.
    forget
        Called here once the first server has been forked: what only that one needs is let go.
    """
    become_subreaper()
    keeper = _Keeper()
    quick = 0
    while True:
        _is_ready[0] = 0
        began = time.monotonic()
        if keeper.fork():
            serve()
            sys.exit(0)
        forget()
        status = keeper.wait()
        quick = quick + 1 if time.monotonic() - began < QUICK_SECONDS else 0
        if keeper.is_stopping or status == 0 or not _is_ready[0] or quick > MOST_QUICK_ENDS:
            keeper.end(status)
        _say(f"the server ended with {status}: another takes its place, its kernels live on")
        time.sleep(PAUSE_SECONDS if quick > 1 else 0.0)


class _Keeper:
    def __init__(self) -> None:
        self.is_stopping = False
        self._server = 0

    def fork(self) -> bool:
        """Fork; say whether this is the child."""
        pid = os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
        self._server = os.fork()
        for number in FORWARDED:
            signal.signal(number, self._forward if self._server else signal.SIG_DFL)
        if not self._server:
            die_with(pid)
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
        return not self._server

    def wait(self) -> int:
        """Wait for the server, reaping what else ends here; return its exit code, negative for a signal."""
        while True:
            pid, status = os.waitpid(-1, 0)
            if pid == self._server:
                return os.waitstatus_to_exitcode(status)

    def end(self, status: int) -> NoReturn:
        """End everything that is left, and this process."""
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        os._exit(status if status >= 0 else 128 - status)

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        self.is_stopping = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._server, number)


def _say(text: str) -> None:
    print(f"[keeper] {text}", file=sys.stderr, flush=True)
