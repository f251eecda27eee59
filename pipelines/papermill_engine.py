"""The engine behind `papermill --engine collegium`: forked kernels, and saving on a timer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any

from nbformat import NotebookNode
from papermill.engines import Engine, NotebookExecutionManager

from kernels import Limits, open_session

from .papermill_record import is_failure, is_normal_exit

SAVE_INTERVAL_SECONDS = 1.0


class TimedExecutionManager(NotebookExecutionManager):  # type: ignore[misc] # papermill is untyped
    """papermill's keeper of the record; of the two saves per cell it makes one a second at most."""

    last_written = -SAVE_INTERVAL_SECONDS
    running = False

    def save(self, **kwargs: Any) -> None:
        """Write the record, unless it was written less than a second ago and more is to come."""
        if self.running and time.monotonic() - self.last_written < SAVE_INTERVAL_SECONDS:
            return
        super().save(**kwargs)
        self.last_written = time.monotonic()


class CollegiumEngine(Engine):  # type: ignore[misc]
    """Runs notebooks for papermill through the platform's own runner."""

    @classmethod
    def execute_notebook(
        cls,
        nb: NotebookNode,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool | dict[str, Any] = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        **kwargs: Any,
    ) -> NotebookNode:
        """Run the notebook; the parameters are papermill's."""
        manager = TimedExecutionManager(nb, output_path, log_output, progress_bar, autosave_cell_every)
        manager.notebook_start()
        manager.running = True
        try:
            cls.execute_managed_notebook(manager, kernel_name, log_output=log_output, **kwargs)
        finally:
            manager.running = False
            manager.cleanup_pbar()
            manager.notebook_complete()
        executed: NotebookNode = manager.nb
        return executed

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        start_timeout: float = 60,
        execution_timeout: float | None = None,
        **_unused: Any,
    ) -> None:
        """Run the cells, and tell papermill about each.

        Parameters
        ----------
        nb_man
            papermill's keeper of the record.
        kernel_name
            Kernelspec.
        start_timeout, execution_timeout
            Seconds for the start of the kernel, and for each cell.
        """
        limits = Limits(startup_timeout_seconds=start_timeout, cell_timeout_seconds=execution_timeout)
        _run_to_end(_run_cells(nb_man, kernel_name, limits))


async def _run_cells(manager: NotebookExecutionManager, kernel_name: str, limits: Limits) -> None:
    async def autosave(_event: object) -> None:
        manager.autosave_cell()

    async with open_session(limits=limits, kernel_name=kernel_name, on_event=autosave) as session:
        for index, cell in enumerate(manager.nb.cells):
            manager.cell_start(cell, index)
            failed = stopped = False
            if cell.cell_type == "code":
                run = await session.run_cell(cell, index)
                failed = is_failure(run)
                stopped = failed or is_normal_exit(run) or not session.alive
            if failed:
                manager.cell_exception(cell, cell_index=index)
            manager.cell_complete(cell, cell_index=index)
            if stopped:
                return


def _run_to_end(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine from plain code, also where an event loop already runs, as it does in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    failure: list[BaseException] = []

    def target() -> None:
        try:
            asyncio.run(work)
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=target, name="papermill-engine")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
