"""The seam between running cells and what runs them: a full kernel, or a forked child without sockets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nbformat import NotebookNode

from .deaths import Death, DeathKind
from .policy import SandboxReport
from .records import CellError, Evaluation

MessageHandler = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Takes the type and the content of a Jupyter message."""


class KernelDiedError(Exception):
    """The kernel ended while it was asked for something."""


@dataclass(frozen=True, slots=True)
class Reply:
    """How a cell ended: its prompt number, and the exception if there was one."""

    execution_count: int | None
    error: CellError | None = None


class Backend(Protocol):
    """Runs one cell at a time.

    `execute` raises `KernelDiedError` when the kernel ends first; `death` is set then. `close` ends the kernel
    and returns only when nothing of it is left.
    """

    @property
    def forked(self) -> bool:
        """Whether it came from a preloaded parent."""

    @property
    def death(self) -> Death | None:
        """Why it ended, once it has."""

    @property
    def sandbox(self) -> SandboxReport | None:
        """What isolates it."""

    async def execute(self, source: str, on_message: MessageHandler) -> Reply:
        """Run a cell; pass on what it sends."""

    async def evaluate(
        self,
        source: str,
        timeout_seconds: float,
        *,
        is_plain: bool = False,
        is_last: bool = False,
        is_expression: bool = False,
    ) -> Evaluation:
        """Run code in a throw-away fork of the present state; see `NotebookSession.evaluate`."""

    async def execute_plainly(
        self, cells: Sequence[tuple[str, bool]], timeout_seconds: float
    ) -> list[list[NotebookNode]] | None:
        """Run plain cells and programs one after the other; see `NotebookSession.run_plainly`."""

    async def interrupt(self) -> None:
        """Raise `KeyboardInterrupt` in the running cell."""

    async def kill(self, kind: DeathKind) -> None:
        """End it at once, for a reason."""

    async def close(self) -> None:
        """End it properly; nothing happens when it has ended."""
