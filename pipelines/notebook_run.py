"""Run a notebook with parameters and keep the record that shows what went in and how far it got."""

from __future__ import annotations

import asyncio
import errno
import inspect
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from nbformat import NotebookNode
from nbformat.v4 import new_output

from kernels import (
    CellError,
    CellRun,
    Death,
    EventHandler,
    Limits,
    NotebookSession,
    RunEvent,
    RunMode,
    SandboxPolicy,
    inject_parameters,
    open_session,
)

from . import papermill_record
from .masking import Mask
from .notebook_files import notebook_text, parse_notebook, read_notebook
from .parameters import inspect_notebook, language_of
from .record_file import RecordFile
from .scraps import read_scraps
from .values import check_values

RunOutcome = Literal["ok", "error", "timeout", "died"]
_NO_LIMITS = Limits()
_EXCESS_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """The record of one run of a notebook.

    Attributes
    ----------
    status
        `ok`, or what ended the run: an exception, a limit of time, the end of the kernel.
    notebook
        As it was written.
    cells
        What happened to each code cell that was reached.
    values
        What the notebook recorded with `record`.
    failed_cell
        The cell that ended the run; `None` when all went well.
    message
        For status other than `ok`: one sentence for people.
    death
        Why the kernel ended, when it ended before the notebook did.
    forked
        Whether the kernel came from a preloaded parent.
    cpu_seconds, peak_memory_bytes
        Of the kernel, where the operating system told.
    saves
        How often the record was written.
    """

    status: RunOutcome
    notebook: NotebookNode
    cells: tuple[CellRun, ...]
    values: Mapping[str, Any]
    failed_cell: CellRun | None
    message: str
    death: Death | None
    forked: bool
    cpu_seconds: float | None
    peak_memory_bytes: int | None
    saves: int


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a notebook is run.

    Attributes
    ----------
    limits, mode, sandbox, kernel_name, environment
        As `kernels.run_notebook` takes them.
    cwd
        Working folder; that of the notebook by default.
    secrets
        Values that must not appear in the record; they reach the notebook through `environment`.
    save_interval_seconds
        Least time between two saves of the record while the notebook runs.
    excess
        Asked about once a second and after each cell, in a thread; the run is stopped with the error that it returns.
    """

    limits: Limits = _NO_LIMITS
    mode: RunMode = "kernel"
    sandbox: SandboxPolicy | None = None
    kernel_name: str | None = None
    environment: Mapping[str, str] | None = None
    cwd: Path | None = None
    secrets: Collection[str] = field(default=(), repr=False)
    save_interval_seconds: float = 1.0
    excess: Callable[[], CellError | None] | None = None


async def run_recorded(
    notebook: Path | str | NotebookNode,
    parameters: Mapping[str, object] | None = None,
    output: Path | str | None = None,
    *,
    options: RunOptions | None = None,
    on_event: EventHandler | None = None,
) -> RecordedRun:
    """Run a notebook with parameters; its record grows in `output` while it runs.

    What goes wrong inside the notebook is in the record; it is not raised.

    Parameters
    ----------
    notebook
        Path of a notebook or of a percent-format `.py`, or the notebook itself.
    parameters
        Checked against the notebook's parameters cell before anything starts.
    output
        Path of the record; without one, it is only returned.
    options
        Limits, working folder, environment and the like.
    on_event
        Called with each `kernels.RunEvent`, secrets masked; may be a coroutine function.

    Raises
    ------
    NotebookFileError, ParameterCellError, ParameterValueError
        If the notebook or the values are wrong; nothing has run then.
    kernels.KernelsError
        If no kernel could be started.
    OSError
        If the record cannot be written.
    """
    options = options or RunOptions()
    source_name = "the notebook" if isinstance(notebook, NotebookNode) else str(notebook)
    document = notebook if isinstance(notebook, NotebookNode) else read_notebook(notebook)
    values = checked_values(document, parameters or {}, source_name)
    document = inject_parameters(document, values)
    papermill_record.prepare(document, source_name, str(output) if output else None, values)
    if options.cwd is None and not isinstance(notebook, NotebookNode):
        options = replace(options, cwd=Path(os.path.abspath(notebook)).parent)  # noqa: ASYNC240, PTH100 - no I/O
    return await _Run(document, Path(output) if output else None, options, on_event).run()


def run_recorded_sync(
    notebook: Path | str | NotebookNode,
    parameters: Mapping[str, object] | None = None,
    output: Path | str | None = None,
    *,
    options: RunOptions | None = None,
    on_event: EventHandler | None = None,
) -> RecordedRun:
    """`run_recorded` for code without an event loop."""
    return asyncio.run(run_recorded(notebook, parameters, output, options=options, on_event=on_event))


def checked_values(notebook: NotebookNode, values: Mapping[str, object], name: str) -> dict[str, Any]:
    """The values as they will be written; those for a notebook in another language than Python are not checked."""
    if language_of(notebook) != "python":
        return dict(values)
    return check_values(inspect_notebook(notebook, name), values, name)


class _Run:
    """One run: the document that grows, its file, and who is told."""

    def __init__(
        self, document: NotebookNode, output: Path | None, options: RunOptions, on_event: EventHandler | None
    ) -> None:
        self._document = document
        self._options = options
        self._mask = Mask(options.secrets)
        self._file = RecordFile(document, output, self._mask, options.save_interval_seconds)
        self._on_event = on_event
        self._cells: list[CellRun] = []
        self._message = ""

    async def run(self) -> RecordedRun:
        options = self._options
        kernel = options.kernel_name or self._document.metadata.get("kernelspec", {}).get("name") or "python3"
        async with self._file.kept():
            try:
                async with open_session(
                    limits=options.limits,
                    sandbox=options.sandbox,
                    on_event=self._tell,
                    mode=options.mode,
                    kernel_name=kernel,
                    cwd=options.cwd,
                    environment=options.environment,
                ) as session:
                    await session.emit("run-started")
                    await self._run_cells(session)
            finally:
                papermill_record.finish(self._document)
        record = self._record(session)
        await session.emit("run-finished")
        return record

    async def _run_cells(self, session: NotebookSession) -> None:
        for index, cell in enumerate(self._document.cells):
            papermill_record.cell_started(cell)
            self._file.changed = True
            if cell.cell_type != "code":
                papermill_record.cell_finished(cell)
                continue
            run = await self._run_cell(session, cell, index)
            self._cells.append(run)
            if papermill_record.is_failure(run):
                self._explain(cell, run, session)
            papermill_record.cell_finished(cell, run)
            stopped = papermill_record.is_failure(run) or papermill_record.is_normal_exit(run)
            if stopped or not session.alive:
                return
            if session.stopped:
                self._message = f"{session.stopped.name}: {session.stopped.value}"
                return
            if session.out_of_time:
                self._message = f"The notebook reached its limit of {self._options.limits.notebook_timeout_seconds} s."
                return

    async def _run_cell(self, session: NotebookSession, cell: NotebookNode, index: int) -> CellRun:
        if self._options.excess is None:
            return await session.run_cell(cell, index)
        running = asyncio.ensure_future(session.run_cell(cell, index))
        try:
            while not running.done():
                await asyncio.wait({running}, timeout=_EXCESS_SECONDS)
                found = await asyncio.to_thread(self._options.excess)
                if found is not None:
                    session.stop(found)
                    break
            run = await running
        finally:
            running.cancel()
        if session.stopped and run.status == "ok":  # it had ended just before
            run = replace(run, status="error", error=session.stopped)
        return run

    def _explain(self, cell: NotebookNode, run: CellRun, session: NotebookSession) -> None:
        """Put into the record what no exception in the cell says: a limit of time, the end of the kernel."""
        if run.status == "error" and run.error is not None:
            if run.error is session.stopped:
                cell.outputs.append(_error_output(run.error.name, run.error.value))
            self._message = (
                f"{run.error.name}: {run.error.value}{_limit_reached(run.error.value, self._options.limits)}"
            )
            return
        if run.status == "timeout":
            limits = self._options.limits
            used_up = "notebook" if session.out_of_time else "cell"
            bound = limits.notebook_timeout_seconds if session.out_of_time else limits.cell_timeout_seconds
            name, self._message = "TimeoutError", f"The {used_up} reached its limit of {bound} s and was stopped."
        else:
            name = "DeadKernelError"
            self._message = session.death.message if session.death else "The kernel ended."
        cell.outputs.append(_error_output(name, self._message))

    def _record(self, session: NotebookSession) -> RecordedRun:
        failed = next((cell for cell in self._cells if papermill_record.is_failure(cell)), None)
        status: RunOutcome = "ok"
        if failed is not None and failed.status in ("error", "timeout", "died"):
            status = failed.status
        elif self._message:
            status = "error" if session.stopped else "timeout"
        notebook = self._document
        if self._mask:
            notebook = parse_notebook(self._mask(notebook_text(notebook)), Path("record.ipynb"))
        end = session.death.exit if session.death else None
        return RecordedRun(
            status=status,
            notebook=notebook,
            cells=tuple(self._cells),
            values=read_scraps(notebook),
            failed_cell=failed,
            message=self._mask(self._message),
            death=session.death if status == "died" else None,
            forked=session.backend.forked,
            cpu_seconds=end.cpu_seconds if end else None,
            peak_memory_bytes=end.peak_memory_bytes if end else None,
            saves=self._file.saves,
        )

    async def _tell(self, event: RunEvent) -> None:
        self._file.changed = True
        if self._on_event is None:
            return
        if self._mask and event.content is not None:
            event = replace(event, content=cast("dict[str, object]", self._mask.deep(dict(event.content))))
        told = self._on_event(event)
        if inspect.isawaitable(told):
            await told


def _error_output(name: str, message: str) -> NotebookNode:
    output: NotebookNode = new_output("error", ename=name, evalue=message, traceback=[f"{name}: {message}"])  # type: ignore[no-untyped-call]
    return output


def _limit_reached(error: str, limits: Limits) -> str:
    """Which limit is behind what the operating system has refused."""
    if f"[Errno {errno.EFBIG}]" in error and limits.file_bytes is not None:
        return f" (the limit is {limits.file_bytes // 1024**2} MiB for each file)"
    if f"[Errno {errno.EAGAIN}]" in error and limits.processes is not None:
        return f" (the limit is {limits.processes} processes and threads)"
    return ""


def environment_with(variables: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with some variables added, for `RunOptions.environment`."""
    return dict(os.environ) | dict(variables)
