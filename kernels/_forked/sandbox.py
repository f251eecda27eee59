"""Enter the sandbox: between the fork and the first cell, one barrier after the other.

What the machine forbids is left out and reported with the reason; whoever ordered the child decides whether the
rest is enough. The names of the barriers are the values of `kernels.policy.Barrier`.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import os
import signal
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from . import namespaces, seccomp
from .namespaces import CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS
from .system import check, die_with, libc, prctl

_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 4, 24, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_LAST_CAPABILITY = 40

_NAMESPACES = (
    ("mount namespace", CLONE_NEWNS),
    ("pid namespace", CLONE_NEWPID),
    ("network namespace", CLONE_NEWNET),
    ("ipc namespace", CLONE_NEWIPC | CLONE_NEWUTS),
)


@dataclass
class Entry:
    """What was asked for, what was reached and what was not, with the reason."""

    readable: list[str]
    private_bytes: int
    files: dict[str, str]
    reached: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    def attempt(self, barriers: str, action: Callable[[], object]) -> bool:
        """Do something that erects barriers (separated by commas), and note how it went."""
        try:
            action()
        except OSError as error:
            self.missing.update(dict.fromkeys(barriers.split(","), str(error)))
            return False
        self.reached += barriers.split(",")
        return True


def leave_machine(content: dict[str, Any], *, in_pid_namespace: bool) -> Entry:
    """First part, right after the fork: new namespaces and a root folder of their own.

    Returns in the process that shall run the cells. When the pid namespace has to be made here, that is a new
    process; this one stays behind, waits for it and ends as it ends.
    """
    entry = Entry(list(content["readable"]), int(content["private_bytes"]), dict(content["files"]))
    as_root = os.geteuid() == 0
    owner = namespaces.OUTSIDE_USER_ID
    if not as_root:
        owner, outside = namespaces.INSIDE_USER_ID, os.geteuid()
        if not entry.attempt("user namespace", lambda: namespaces.unshare(CLONE_NEWUSER)):
            return entry
        namespaces.map_user(outside)
    if in_pid_namespace:
        entry.reached.append("pid namespace")
    for name, flags in _NAMESPACES:
        if name not in entry.reached:
            entry.attempt(name, lambda flags=flags: namespaces.unshare(flags))  # type: ignore[misc]
    if "pid namespace" in entry.reached and not in_pid_namespace:
        _continue_in_child()
    if {"mount namespace", "pid namespace"} <= set(entry.reached):
        entry.attempt(
            "read-only view of the environment,private writable folder of limited size",
            lambda: namespaces.build_root(entry.readable, entry.private_bytes, owner),
        )
    else:
        reason = "needs mount and pid namespaces"
        entry.missing["read-only view of the environment"] = reason
        entry.missing["private writable folder of limited size"] = reason
    if as_root:
        _become_nobody(entry)
    _write_files(entry)
    return entry


def lose_privileges(entry: Entry) -> None:
    """Last part, when everything else about the process is settled: nothing of this can be undone."""
    entry.reached += ["cleared environment", "closed descriptors", "resource limits"]
    entry.attempt("no capabilities", _drop_capabilities)
    entry.attempt("no new privileges", seccomp.forbid_new_privileges)
    entry.attempt("seccomp filter", lambda: seccomp.install(seccomp.build()))


def _continue_in_child() -> None:
    waiting = os.getpid()
    pid = os.fork()
    if pid:
        _end_as(pid)
    del waiting
    # The parent is outside of this pid namespace, so its number cannot be asked for; the signal comes anyway.
    die_with(0)


def _end_as(pid: int) -> NoReturn:
    """Wait for the process in the namespace, then end with its exit code or by its signal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        with contextlib.suppress(InterruptedError):
            _pid, status = os.waitpid(pid, 0)
            break
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        os._exit(code)
    signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
    os.kill(os.getpid(), -code)
    os._exit(128 - code)


def _become_nobody(entry: Entry) -> None:
    """From root to a user who owns nothing, then into a user namespace where only that user exists."""
    user = namespaces.OUTSIDE_USER_ID
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    prctl(_PR_SET_DUMPABLE, 1)
    die_with(0)

    def enter() -> None:
        namespaces.unshare(CLONE_NEWUSER)
        namespaces.map_user(user)

    entry.attempt("user namespace", enter)


def _write_files(entry: Entry) -> None:
    if "private writable folder of limited size" not in entry.reached:
        return
    for name, content in entry.files.items():
        path = os.path.join(namespaces.HOME, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(base64.b64decode(content))


def _drop_capabilities() -> None:
    for capability in range(_LAST_CAPABILITY + 1):
        with contextlib.suppress(OSError):
            prctl(_PR_CAPBSET_DROP, capability)
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    check(libc.capset(ctypes.c_char_p(header), ctypes.c_char_p(bytes(24))))
