"""Why a kernel ended, in words a person can act on."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

DeathKind = Literal[
    "out-of-memory",
    "cpu-limit",
    "wall-limit",
    "killed",
    "segmentation-fault",
    "crashed",
    "exited",
    "restarted",
    "culled",
    "shutdown",
    "unknown",
]

_CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGSYS}
_GIBIBYTE = 1024**3


@dataclass(frozen=True, slots=True)
class ExitReport:
    """What the operating system said about a process that ended.

    Attributes
    ----------
    pid
        Of the process, in the namespace of its parent.
    exit_code
        Of a normal end; `None` when a signal ended it or when nobody could ask.
    signal_number
        Of the signal that ended it.
    cpu_seconds
        User and system time of the process and of those children it waited for.
    peak_memory_bytes
        Largest resident size; of the whole group where a cgroup measured it.
    out_of_memory
        Whether the operating system ended it for want of memory.
    crash_traceback
        Python stack at the crash, from `faulthandler`.
    """

    pid: int
    exit_code: int | None = None
    signal_number: int | None = None
    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None
    out_of_memory: bool = False
    crash_traceback: str = ""

    @property
    def return_code(self) -> int:
        """As `subprocess.Popen.returncode` has it: negative for a signal; 255 when nobody knows."""
        if self.signal_number is not None:
            return -self.signal_number
        return 255 if self.exit_code is None else self.exit_code


def exit_from_code(pid: int, code: int) -> ExitReport:
    """What is known of a process of which only `subprocess.Popen.returncode` is."""
    return ExitReport(pid, exit_code=code) if code >= 0 else ExitReport(pid, signal_number=-code)


@dataclass(frozen=True, slots=True)
class Death:
    """Why a kernel ended.

    Attributes
    ----------
    kind
        For programs.
    message
        For people: one sentence, with the figures that matter.
    traceback
        Python stack of a crash; empty otherwise.
    exit
        What the operating system said, where it did.
    """

    kind: DeathKind
    message: str
    traceback: str = ""
    exit: ExitReport | None = None


def explain_exit(
    report: ExitReport,
    *,
    requested: DeathKind | None = None,
    by: str = "",
    cpu_limit_seconds: float | None = None,
) -> Death:
    """Say why a process ended.

    Parameters
    ----------
    report
        What the operating system said.
    requested
        What we asked for before it ended (`restarted`, `culled`, `wall-limit`, …); wins over a signal, not
        over a crash or want of memory, which happened before our request took effect.
    by
        Who asked, for the message.
    cpu_limit_seconds
        The process's bound; one that was killed after using it up reached its limit.

    Returns
    -------
    Death
        The reason, with its message.
    """
    number = report.signal_number
    if report.out_of_memory:
        peak = report.peak_memory_bytes
        figure = f" (it used {peak / _GIBIBYTE:.2f} GiB at its peak)" if peak else ""
        return Death("out-of-memory", f"The kernel ran out of memory{figure}.", exit=report)
    used_up = cpu_limit_seconds is not None and (report.cpu_seconds or 0.0) >= cpu_limit_seconds
    if number == signal.SIGXCPU or (number == signal.SIGKILL and used_up and requested is None):
        used = f" after {report.cpu_seconds:.0f} s" if report.cpu_seconds is not None else ""
        return Death("cpu-limit", f"The kernel reached its limit of CPU time{used}.", exit=report)
    if number is not None and number in _CRASHES:
        return _explain_crash(report, signal.Signals(number))
    if requested is not None:
        return Death(requested, _REQUESTED[requested] + (f" by {by}." if by else "."), exit=report)
    if number is not None:
        return Death("killed", f"The kernel was ended by {_signal_name(number)} from outside.", exit=report)
    if report.exit_code is None:
        return Death("unknown", "The kernel ended, and nothing is left to say why.", exit=report)
    return Death("exited", f"The kernel's process ended itself with code {report.exit_code}.", exit=report)


_REQUESTED: dict[DeathKind, str] = {
    "wall-limit": "The kernel was stopped at its limit of wall time",
    "cpu-limit": "The kernel was stopped at its limit of CPU time",
    "out-of-memory": "The kernel was stopped at its limit of memory",
    "killed": "The kernel was killed",
    "restarted": "The kernel was restarted",
    "culled": "The kernel was culled because it was idle",
    "shutdown": "The kernel was shut down",
    "exited": "The kernel's process ended itself",
    "segmentation-fault": "The kernel crashed",
    "crashed": "The kernel crashed",
    "unknown": "The kernel ended",
}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def python_stack(crash_text: str) -> str:
    """The stack of the code that crashed, out of all that `faulthandler` writes.

    Other threads, the kernel's own frames and the list of extension modules are left out.
    """
    _others, marker, rest = crash_text.partition("Current thread")
    lines = (marker + rest if marker else crash_text).partition("\n\nExtension modules")[0].splitlines()
    kept: list[str] = []
    for line in lines:
        if any(place in line for place in _KERNEL_FRAMES):
            break
        kept.append(line)
    return "\n".join(kept)


_KERNEL_FRAMES = ("/IPython/core/interactiveshell.py", "/ipykernel/", "/kernels/_forked/")


def _explain_crash(report: ExitReport, number: signal.Signals) -> Death:
    if number in (signal.SIGSEGV, signal.SIGBUS):
        message = f"The kernel crashed in compiled code with a segmentation fault ({number.name})."
        return Death("segmentation-fault", message, python_stack(report.crash_traceback), report)
    message = f"The kernel crashed in compiled code ({number.name})."
    return Death("crashed", message, python_stack(report.crash_traceback), report)
