"""Headless runs: the one engine under grading and pipelines."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from .backend import Backend
from .errors import KernelStartError
from .full_kernel import FullKernelBackend
from .limits import Limits
from .parameters import inject_parameters
from .policy import SandboxPolicy, SandboxReport
from .records import CellRun, EventHandler, NotebookRun, RunMode, RunStatus
from .session import NotebookSession
from .short_kernel import ShortKernelBackend

_NO_LIMITS = Limits()
_DEFAULT_KERNEL = "python3"


async def run_notebook(
    notebook: NotebookNode | str | os.PathLike[str],
    *,
    parameters: Mapping[str, object] | None = None,
    limits: Limits = _NO_LIMITS,
    sandbox: SandboxPolicy | None = None,
    on_event: EventHandler | None = None,
    mode: RunMode = "kernel",
    kernel_name: str | None = None,
    cwd: Path | str | None = None,
    environment: Mapping[str, str] | None = None,
    stop_on_error: bool = True,
) -> NotebookRun:
    """Run every cell of a notebook, in order, without a person.

    What goes wrong inside the notebook is in the record; it is not raised.

    Parameters
    ----------
    notebook
        The notebook, or its path. It is not changed.
    parameters
        Values assigned in a cell injected after the one tagged `parameters`, as papermill does.
    limits
        Bounds on the run. A cell over its time is interrupted, then killed.
    sandbox
        Isolation for code of strangers; `None` runs it as this user. In mode `kernel`, the kernelspec must be one
        that is forked.
    on_event
        Called with each `RunEvent` as it happens; may be a coroutine function.
    mode
        `kernel` starts the notebook's kernelspec; `short` forks a child that runs the cells itself, which is
        several times cheaper, for Python notebooks without `input()` and without widgets.
    kernel_name
        Kernelspec, instead of the one the notebook names (`python3` when it names none).
    cwd
        Working folder; that of the notebook's path, or of this process. With a sandbox, its private folder.
    environment
        All variables of the kernel; this process's by default. With a sandbox, see `SandboxPolicy`.
    stop_on_error
        Whether a cell that fails unexpectedly ends the run. A cell tagged `raises-exception` may fail.

    Returns
    -------
    NotebookRun
        The executed copy, and what happened to each cell.

    Raises
    ------
    KernelStartError
        If no kernel could be started.
    SandboxError
        If the machine cannot give the isolation that the policy asks for.
    ParameterError
        If a parameter cannot be written into the notebook.
    OSError
        If the notebook cannot be read.
    """
    started_at, began = datetime.now(UTC), time.monotonic()
    document, folder = _read(notebook)
    document = inject_parameters(document, parameters or {})
    name = kernel_name or document.metadata.get("kernelspec", {}).get("name") or _DEFAULT_KERNEL
    async with open_session(
        limits=limits,
        sandbox=sandbox,
        on_event=on_event,
        mode=mode,
        kernel_name=name,
        cwd=cwd or folder,
        environment=environment,
    ) as session:
        await session.emit("run-started")
        cells = await _run_cells(session, document, stop_on_error)
    death = session.death if any(cell.status in ("died", "timeout") for cell in cells) else None
    end = session.death.exit if session.death else None
    record = NotebookRun(
        status=_status(cells, session),
        notebook=document,
        cells=cells,
        mode=mode,
        forked=session.backend.forked,
        started_at=started_at,
        duration_seconds=time.monotonic() - began,
        startup_seconds=session.startup_seconds,
        cpu_seconds=end.cpu_seconds if end else None,
        peak_memory_bytes=end.peak_memory_bytes if end else None,
        death=death,
        sandbox=session.backend.sandbox,
        parameters=dict(parameters or {}),
    )
    await session.emit("run-finished")
    return record


def run_notebook_sync(
    notebook: NotebookNode | str | os.PathLike[str],
    *,
    parameters: Mapping[str, object] | None = None,
    limits: Limits = _NO_LIMITS,
    sandbox: SandboxPolicy | None = None,
    on_event: EventHandler | None = None,
    mode: RunMode = "kernel",
    kernel_name: str | None = None,
    cwd: Path | str | None = None,
    environment: Mapping[str, str] | None = None,
    stop_on_error: bool = True,
) -> NotebookRun:
    """`run_notebook` for code without an event loop; inside one, await `run_notebook` instead."""
    return asyncio.run(
        run_notebook(
            notebook,
            parameters=parameters,
            limits=limits,
            sandbox=sandbox,
            on_event=on_event,
            mode=mode,
            kernel_name=kernel_name,
            cwd=cwd,
            environment=environment,
            stop_on_error=stop_on_error,
        )
    )


@asynccontextmanager
async def open_session(
    *,
    limits: Limits = _NO_LIMITS,
    sandbox: SandboxPolicy | None = None,
    on_event: EventHandler | None = None,
    mode: RunMode = "kernel",
    kernel_name: str = _DEFAULT_KERNEL,
    cwd: Path | str | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[NotebookSession]:
    """Start a kernel for running cells one by one; it ends with the context, whatever happens.

    Parameters and errors are those of `run_notebook`.
    """
    began = time.monotonic()
    backend = await _start(mode, kernel_name, limits, sandbox, Path(cwd or Path.cwd()), environment)
    try:
        yield NotebookSession(backend, limits, on_event, time.monotonic() - began)
    finally:
        await backend.close()


async def probe_sandbox() -> SandboxReport:
    """Try what this machine permits: enter a sandbox, run nothing, and report the barriers that stood.

    Raises
    ------
    KernelStartError
        If no child can be forked.
    """
    async with open_session(mode="short", sandbox=SandboxPolicy(minimum=frozenset())) as session:
        report = session.backend.sandbox
    if report is None:
        raise KernelStartError("the forked child said nothing about its sandbox")
    return report


async def _start(
    mode: RunMode,
    kernel_name: str,
    limits: Limits,
    sandbox: SandboxPolicy | None,
    cwd: Path,
    environment: Mapping[str, str] | None,
) -> Backend:
    if mode == "short":
        return await ShortKernelBackend.start(limits=limits, sandbox=sandbox, cwd=cwd, environment=environment)
    if mode != "kernel":
        raise ValueError(f"mode must be 'kernel' or 'short', not {mode!r}")
    return await FullKernelBackend.start(
        kernel_name=kernel_name, limits=limits, sandbox=sandbox, cwd=cwd, environment=environment
    )


async def _run_cells(session: NotebookSession, document: NotebookNode, stop_on_error: bool) -> tuple[CellRun, ...]:
    records: list[CellRun] = []
    stopped = False
    for index, cell in enumerate(document.cells):
        if cell.cell_type != "code":
            continue
        if stopped:
            records.append(CellRun(index, str(cell.get("id", "")), "not-run"))
            cell.outputs, cell.execution_count = [], None
            continue
        record = await session.run_cell(cell, index)
        records.append(record)
        failed = record.status in ("error", "timeout") and not record.allowed_error
        ended = not session.alive or session.out_of_time or session.stopped is not None
        stopped = (failed and stop_on_error) or ended
    return tuple(records)


def _status(cells: tuple[CellRun, ...], session: NotebookSession) -> RunStatus:
    statuses = {cell.status for cell in cells if not cell.allowed_error}
    if "timeout" in statuses or (session.out_of_time and "not-run" in statuses):
        return "timeout"
    if "died" in statuses:
        return "died"
    return "error" if "error" in statuses else "ok"


def _read(notebook: NotebookNode | str | os.PathLike[str]) -> tuple[NotebookNode, Path | None]:
    if isinstance(notebook, NotebookNode):
        return notebook, None
    path = Path(notebook)
    document = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return document, path.resolve().parent
