"""What a kernel uses now: memory that is its own, and processor time."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_FRESH_SECONDS = 2.0
_PRIVATE = ("Private_Clean:", "Private_Dirty:", "SwapPss:")


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a kernel and all processes it started.

    Attributes
    ----------
    memory_bytes
        Not shared with the preloaded parent or other kernels.
    cpu_seconds
        User and system time so far.
    cpu_percent
        Of one processor, since the previous measurement; 0 at the first.
    processes
        How many.
    """

    memory_bytes: int
    cpu_seconds: float
    cpu_percent: float
    processes: int


@dataclass
class UsageMeter:
    """Measures one kernel; asked more often than every two seconds, it repeats itself."""

    pid: int
    _last: Usage | None = field(default=None, init=False)
    _measured_at: float = field(default=0.0, init=False)

    def measure(self) -> Usage | None:
        """The usage, or `None` when the kernel has ended."""
        now = time.monotonic()
        if self._last is not None and now - self._measured_at < _FRESH_SECONDS:
            return self._last
        try:
            kernel = psutil.Process(self.pid)
            family = [kernel, *kernel.children(recursive=True)]
        except psutil.NoSuchProcess:
            return None
        memory, cpu = 0, 0.0
        for process in family:
            with contextlib.suppress(psutil.Error, OSError):
                memory += private_bytes(process.pid)
                times = process.cpu_times()
                cpu += times.user + times.system
        percent = 0.0
        if self._last is not None:
            percent = max(cpu - self._last.cpu_seconds, 0.0) / (now - self._measured_at) * 100
        self._last, self._measured_at = Usage(memory, cpu, percent, len(family)), now
        return self._last


def private_bytes(pid: int) -> int:
    """Memory of one process that nobody shares, swapped out or not (`smaps_rollup`, Linux 4.14)."""
    total = 0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(_PRIVATE):
            total += int(line.split()[1]) * 1024
    return total
