"""What a headless run reports: events while it runs, a record when it has ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from nbformat import NotebookNode

from .deaths import Death
from .policy import SandboxReport

RunMode = Literal["kernel", "short"]
"""`kernel`: a full Jupyter kernel behind sockets. `short`: cells run inside a forked child, without sockets."""

CellStatus = Literal["ok", "error", "timeout", "died", "skipped", "not-run"]
"""`skipped`: tagged `skip-execution` or empty. `not-run`: an earlier cell ended the run."""

RunStatus = Literal["ok", "error", "timeout", "died"]


@dataclass(frozen=True, slots=True)
class CellError:
    """The exception a cell ended with.

    Attributes
    ----------
    name
        Class of the exception, `ename` in Jupyter's messages.
    value
        Its text, `evalue`.
    traceback
        Lines as the kernel sent them, with terminal colours.
    """

    name: str
    value: str
    traceback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CellRun:
    """What happened to one code cell.

    Attributes
    ----------
    index
        Position in `NotebookRun.notebook`, where an injected parameters cell is counted.
    cell_id
        The cell's id, or an empty string in a notebook without ids.
    status
        See `CellStatus`.
    execution_count
        The number in the cell's prompt; `None` when it did not run.
    started_at
        Aware, UTC; `None` when it did not run.
    duration_seconds
        Wall time.
    error
        The exception, for status `error`; also set for `timeout` when the interrupt was seen.
    output_bytes, output_messages
        What the cell sent, kept or not.
    output_truncated
        Whether some of it was not kept, because of `Limits.cell_output_bytes` or `cell_output_messages`.
    allowed_error
        Whether an error was expected (tag `raises-exception`), so that the run went on.
    """

    index: int
    cell_id: str
    status: CellStatus
    execution_count: int | None = None
    started_at: datetime | None = None
    duration_seconds: float = 0.0
    error: CellError | None = None
    output_bytes: int = 0
    output_messages: int = 0
    output_truncated: bool = False
    allowed_error: bool = False


@dataclass(frozen=True, slots=True)
class NotebookRun:
    """The record of a headless run.

    Attributes
    ----------
    status
        `ok` when every cell that had to run did; otherwise what ended the run.
    notebook
        A copy of the notebook with outputs, execution counts and the injected parameters.
    cells
        One record per code cell, in order.
    mode
        The mode that ran it.
    forked
        Whether the kernel came from a preloaded parent; `False` means a cold start.
    started_at
        Aware, UTC.
    duration_seconds, startup_seconds
        Wall time of the run, and of it until the kernel answered.
    cpu_seconds, peak_memory_bytes
        Of the kernel's process, when the operating system reported them.
    death
        Why the kernel ended, when it ended before the run did.
    sandbox
        What isolated the run; `None` without a sandbox.
    parameters
        The values that were injected.
    """

    status: RunStatus
    notebook: NotebookNode
    cells: tuple[CellRun, ...]
    mode: RunMode
    forked: bool
    started_at: datetime
    duration_seconds: float
    startup_seconds: float
    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None
    death: Death | None = None
    sandbox: SandboxReport | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)

    @property
    def failed_cell(self) -> CellRun | None:
        """The cell that ended the run, or the first that failed unexpectedly; `None` when all went well."""
        for cell in self.cells:
            if cell.status in ("error", "timeout", "died") and not cell.allowed_error:
                return cell
        return None


EventKind = Literal["run-started", "cell-started", "output", "cell-finished", "run-finished"]


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One step of a run, as it happens.

    Attributes
    ----------
    kind
        `run-started` comes once the kernel answers; `run-finished` is always the last.
    at
        Aware, UTC.
    index
        Position of the cell, for the kinds about a cell.
    message_type, content
        For `output`: a Jupyter message (`stream`, `display_data`, `execute_result`, `error`,
        `update_display_data`, `clear_output`) and its content.
    cell
        For `cell-finished`.
    """

    kind: EventKind
    at: datetime
    index: int | None = None
    message_type: str | None = None
    content: Mapping[str, object] | None = None
    cell: CellRun | None = None


EventHandler = Callable[[RunEvent], Awaitable[None] | None]
"""Receives each `RunEvent`; may be a coroutine function. What it raises ends the run."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of code that ran in a throw-away fork of a session's state.

    Attributes
    ----------
    status
        `ok`: ended normally. `error`: raised. `timeout`: stopped by the parent's clock. `died`: the process
        ended without an answer. `forged`: an answer came that the parent could not authenticate; never
        trust anything else in the record then. `accompanied`: threads or processes that cells have left behind
        ran meanwhile, so that the answer may be theirs.
    outputs
        Jupyter outputs (nbformat v4), the exception's included.
    value_text
        `text/plain` of the last expression; `None` without one.
    error
        The exception.
    duration_seconds
        Wall time.
    death
        Why the process ended, for `died` and `timeout`.
    """

    status: Literal["ok", "error", "timeout", "died", "forged", "accompanied"]
    outputs: tuple[NotebookNode, ...] = ()
    value_text: str | None = None
    error: CellError | None = None
    duration_seconds: float = 0.0
    death: Death | None = None
