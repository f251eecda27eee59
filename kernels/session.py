"""Run single cells, under limits, and keep the record."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from nbformat import NotebookNode

from .backend import Backend, KernelDiedError, Reply
from .deaths import Death
from .limits import Limits
from .outputs import CellOutputs
from .records import CellError, CellRun, CellStatus, Evaluation, EventHandler, EventKind, RunEvent

RAISES_TAG = "raises-exception"
SKIP_TAG = "skip-execution"


class NotebookSession:
    """A kernel under limits, for whoever wants to run cells one by one.

    Use it through `open_session`, which ends the kernel on the way out. One cell at a time.

    Attributes
    ----------
    startup_seconds
        Wall time until the kernel answered.
    """

    def __init__(self, backend: Backend, limits: Limits, on_event: EventHandler | None, startup_seconds: float) -> None:
        self._backend = backend
        self._limits = limits
        self._on_event = on_event
        self._displays: dict[str, list[NotebookNode]] = {}
        self._handler_error: Exception | None = None
        self._deadline = _deadline(limits.notebook_timeout_seconds, startup_seconds)
        self._stopped: asyncio.Future[CellError] = asyncio.get_running_loop().create_future()
        self.startup_seconds = startup_seconds

    @property
    def backend(self) -> Backend:
        """What runs the cells."""
        return self._backend

    @property
    def alive(self) -> bool:
        """Whether cells can be run."""
        return self._backend.death is None

    @property
    def death(self) -> Death | None:
        """Why the kernel ended, if it has."""
        return self._backend.death

    @property
    def out_of_time(self) -> bool:
        """Whether the time of the whole notebook is used up."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    @property
    def stopped(self) -> CellError | None:
        """Why `stop` was called, if it was; no further cell is to be run then."""
        return self._stopped.result() if self._stopped.done() else None

    def stop(self, reason: CellError) -> None:
        """Have the running cell interrupted, and killed when it does not stop; it ends with this error.

        Parameters
        ----------
        reason
            Which limit was reached; of several reasons the first counts.
        """
        if not self._stopped.done():
            self._stopped.set_result(reason)

    async def run_cell(self, cell: NotebookNode, index: int = 0) -> CellRun:
        """Run a code cell; its outputs and its execution count are replaced.

        An exception in the cell, a timeout and the end of the kernel are results, not errors.
        """
        tags = cell.metadata.get("tags", [])
        cell_id = str(cell.get("id", ""))
        if SKIP_TAG in tags or not str(cell.source).strip():
            return CellRun(index, cell_id, "skipped")
        cell.outputs = []
        cell.execution_count = None
        started_at, began = datetime.now(UTC), time.monotonic()
        await self.emit("cell-started", index=index)
        outputs = CellOutputs(cell.outputs, self._limits, self._displays)
        status, reply = await self._execute_within_limits(cell.source, outputs, index)
        cell.execution_count = reply.execution_count
        record = CellRun(
            index=index,
            cell_id=cell_id,
            status=status,
            execution_count=reply.execution_count,
            started_at=started_at,
            duration_seconds=time.monotonic() - began,
            error=reply.error,
            output_bytes=outputs.sent_bytes,
            output_messages=outputs.sent_messages,
            output_truncated=outputs.truncated,
            allowed_error=status == "error" and RAISES_TAG in tags and self.stopped is None,
        )
        await self.emit("cell-finished", index=index, cell=record)
        return record

    async def run_plainly(self, cells: Sequence[tuple[str, bool]]) -> list[list[NotebookNode]] | None:
        """Run consecutive cells without asking after each; return the outputs of each.

        They together have the time of one cell.

        Parameters
        ----------
        cells
            Source, and whether it is a program: code that shows what is to be seen by itself, and must not fail. The
            others are plain Python, without magics, history and `await`.

        Returns
        -------
        list of list of NotebookNode, or None
            `None` when something went wrong: the time was up, the kernel ended, a program failed, there was too much
            output, or some of it came from elsewhere than Python. The session is not to be used then.

        Raises
        ------
        KernelsError
            In mode `kernel`.
        """
        seconds = self._limits.cell_timeout_seconds or 60.0
        if self._deadline is not None:
            seconds = min(seconds, max(self._deadline - time.monotonic(), 0.001))
        return await self._backend.execute_plainly(cells, seconds)

    async def evaluate(
        self,
        source: str,
        *,
        timeout_seconds: float | None = None,
        is_plain: bool = False,
        is_last: bool = False,
        is_expression: bool = False,
    ) -> Evaluation:
        """Run code in a throw-away fork of the session's present state.

        What the code does to variables, modules and open files is gone afterwards. Only mode `short` can do
        it; see `Evaluation` for what is authenticated.

        Parameters
        ----------
        source
            Cell source; magics work.
        timeout_seconds
            Wall time; `Limits.cell_timeout_seconds` by default, and 60 s without one.
        is_plain
            No cell can have replaced functions or left threads behind, so that nothing is put back first; the
            code is Python without magics, and runs without what a shell does around a cell.
        is_last
            Besides being plain, nothing runs afterwards: the code runs in the kernel itself, which ends with it.
            A fork costs more than most tests.
        is_expression
            The code is one expression, without names but those of Python and `get_ipython`, whose value is shown as
            text: it runs without the shell, which cells may have changed.

        Raises
        ------
        KernelsError
            In mode `kernel`.
        """
        seconds = timeout_seconds or self._limits.cell_timeout_seconds or 60.0
        if self._deadline is not None:
            seconds = min(seconds, max(self._deadline - time.monotonic(), 0.001))
        try:
            return await self._backend.evaluate(
                source, seconds, is_plain=is_plain, is_last=is_last, is_expression=is_expression
            )
        except KernelDiedError:
            return Evaluation("died", death=self.death)

    async def emit(
        self,
        kind: EventKind,
        *,
        index: int | None = None,
        message_type: str | None = None,
        content: Mapping[str, Any] | None = None,
        cell: CellRun | None = None,
    ) -> None:
        """Tell the handler, if there is one."""
        if self._on_event is None:
            return
        result = self._on_event(RunEvent(kind, datetime.now(UTC), index, message_type, content, cell))
        if inspect.isawaitable(result):
            await result

    async def _execute_within_limits(self, source: str, outputs: CellOutputs, index: int) -> tuple[CellStatus, Reply]:
        async def on_message(kind: str, content: Mapping[str, Any]) -> None:
            if outputs.add(kind, content):
                await self.emit("output", index=index, message_type=kind, content=content)
            bound = self._limits.cell_sent_bytes
            if bound is not None and outputs.sent_bytes > bound:
                self.stop(CellError("OutputLimitError", f"The cell printed more than its limit of {bound} bytes."))

        execution = asyncio.ensure_future(self._backend.execute(source, on_message))
        try:
            ends: set[asyncio.Future[Reply] | asyncio.Future[CellError]] = {execution, self._stopped}
            done, _ = await asyncio.wait(ends, timeout=self._seconds_left(), return_when=asyncio.FIRST_COMPLETED)
            if execution in done:
                reply = execution.result()
                return ("error" if reply.error else "ok"), reply
            reply = await self._stop_cell(execution)
            return ("error", replace(reply, error=self.stopped)) if self.stopped else ("timeout", reply)
        except KernelDiedError:
            return "died", Reply(None, _death_as_error(self.death))
        finally:
            if not execution.done():
                execution.cancel()
                await asyncio.gather(execution, return_exceptions=True)

    async def _stop_cell(self, execution: asyncio.Future[Reply]) -> Reply:
        """Interrupt a cell that took too long; kill the kernel when that does not help."""
        await self._backend.interrupt()
        done, _ = await asyncio.wait({execution}, timeout=self._limits.interrupt_grace_seconds)
        if not done:
            await self._backend.kill("wall-limit")
            return Reply(None, CellError("TimeoutError", "The cell did not stop when it was interrupted."))
        try:
            return execution.result()
        except KernelDiedError:
            return Reply(None, _death_as_error(self.death))

    def _seconds_left(self) -> float | None:
        bounds = [self._limits.cell_timeout_seconds]
        if self._deadline is not None:
            bounds.append(max(self._deadline - time.monotonic(), 0.0))
        finite = [bound for bound in bounds if bound is not None]
        return min(finite) if finite else None


def _deadline(seconds: float | None, used: float) -> float | None:
    return None if seconds is None else time.monotonic() + max(seconds - used, 0.0)


def _death_as_error(death: Death | None) -> CellError:
    return CellError("DeadKernelError", death.message if death else "The kernel ended.")
