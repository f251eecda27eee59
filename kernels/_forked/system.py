"""Calls to the operating system that the standard library does not offer (Linux)."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int) -> None:
    """Raise `OSError` for the failure of a call into the C library."""
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def prctl(option: int, *arguments: int) -> None:
    """`prctl(2)`; raises `OSError`."""
    values = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    check(libc.prctl(ctypes.c_int(option), *values))


def syscall(number: int, *arguments: int | bytes) -> int:
    """A system call that the C library may not know; negative when it failed."""
    return int(libc.syscall(ctypes.c_long(number), *arguments))


def become_subreaper() -> None:
    """Become the parent of descendants whose own parent has ended (`prctl(2)`)."""
    prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent_pid: int) -> None:
    """Be killed when the parent ends; at once, if it already has. 0 stands for one in another pid namespace."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def kill_orphans(known: set[int]) -> None:
    """Kill and reap children of this process that are not known.

    Every child of the parent adopts its own descendants while it lives. So, right after one has ended, the
    unknown children of the parent are what that one left behind, daemons included.
    """
    while True:
        orphans = [pid for pid in _children() if pid not in known]
        if not orphans:
            return
        for pid in orphans:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError, PermissionError):
                known.add(pid)


def _children() -> list[int]:
    pid = os.getpid()
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as stream:
            return [int(word) for word in stream.read().split()]
    except OSError:
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and _parent_of(name) == pid]


def _parent_of(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            return int(stream.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return 0
