"""How much a kernel may use."""

from __future__ import annotations

from dataclasses import dataclass, fields

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one kernel or one headless run; `None` means unbounded.

    Attributes
    ----------
    memory_bytes
        Memory beyond what is shared with the preloaded parent. In each process an allocation that goes beyond
        fails with `MemoryError`; the kernel and everything it starts, together, are ended as out of memory.
    cpu_seconds
        CPU time, user and system, of the kernel; each process it starts has the same bound.
    cpu_cores
        Processors that the kernel and all it starts may use at one time, 0.5 for half of one; where control groups
        can be made, without effect elsewhere.
    processes
        Processes and threads at one time: of the kernel where control groups can be made, or in a sandbox; of the
        user elsewhere.
    open_files
        Descriptors per process.
    file_bytes
        Size of the largest single file that may be written.
    disk_bytes
        Everything written to the private folder of a sandboxed run; has no effect without a sandbox.
    cell_output_bytes, cell_output_messages
        Output kept per cell. What is beyond is counted, not kept, and the record says so.
    cell_sent_bytes
        Output of one cell in all, kept or not. A cell that sends more is stopped.
    cell_timeout_seconds
        Wall time of one cell. The cell is interrupted first, and killed when it does not stop.
    notebook_timeout_seconds
        Wall time of the whole run, start of the kernel included.
    startup_timeout_seconds
        Wall time until the kernel answers for the first time.
    interrupt_grace_seconds
        Time an interrupted cell has to stop before the kernel is killed.
    idle_seconds
        A kernel that has been idle for longer is culled by the server; a busy one never is.

    Raises
    ------
    ValueError
        If a bound is not positive.
    """

    memory_bytes: int | None = None
    cpu_seconds: float | None = None
    cpu_cores: float | None = None
    processes: int | None = None
    open_files: int | None = None
    file_bytes: int | None = None
    disk_bytes: int | None = None
    cell_output_bytes: int | None = 4_000_000
    cell_output_messages: int | None = 10_000
    cell_sent_bytes: int | None = None
    cell_timeout_seconds: float | None = None
    notebook_timeout_seconds: float | None = None
    startup_timeout_seconds: float = 60.0
    interrupt_grace_seconds: float = 3.0
    idle_seconds: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and value <= 0:
                raise ValueError(f"Limits.{field.name} must be positive or None, not {value!r}")
