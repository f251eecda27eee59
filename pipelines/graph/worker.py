"""The process that carries out one order: it runs the notebook and says how that ended.

It holds the lock of the order's key, which it has inherited. What it writes lies in the folder of the attempt; whoever
gave the order takes the result from there (`attempts`).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from kernels import Limits, RunEvent
from pipelines.errors import PipelinesError
from pipelines.notebook_files import read_notebook, write_text
from pipelines.notebook_run import RecordedRun, RunOptions, run_recorded_sync

from .attempts import OUTPUT, PROGRESS, Ending, read_ending, write_ending
from .disk import MOST_BYTES, DiskWatch
from .orders import Order, Outcome

OUTPUT_VARIABLE = "COLLEGIUM_OUTPUT_DIR"
_PROGRESS_SECONDS = 0.5
_LARGEST_FILE_BYTES = 4 * 1024**3
_MOST_PRINTED_BYTES = 64 * 1024**2


def main(arguments: list[str], processes: int | None = None) -> None:
    """Carry out the order in the file that the first argument names; the second is the descriptor of the lock.

    Parameters
    ----------
    arguments
        Path of the order, descriptor.
    processes
        Bound on the processes and threads of the user that this is.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if len(arguments) > 1:
        _sign(int(arguments[1]))
    order = Order.from_json(Path(arguments[0]).read_text(encoding="utf-8"))
    folder = Path(order.attempt_folder)
    if read_ending(folder) is None:
        ending = _carry_out(order, processes)
        if ending.outcome.status != "lost":
            write_ending(folder, ending)


def _sign(lock: int) -> None:
    """Write into the lock who holds it, so that it can be told to stop."""
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())


def _carry_out(order: Order, processes: int | None) -> Ending:
    output = Path(order.attempt_folder) / OUTPUT
    try:
        output.mkdir(parents=True, exist_ok=True)
        run = _run(order, output, processes)
    except KeyboardInterrupt:
        return Ending(Outcome("cancelled", "The run was cancelled."))
    except (PipelinesError, OSError) as error:
        return Ending(Outcome("error", str(error), {"name": type(error).__name__, "value": str(error)}))
    except Exception as error:
        # The last line of a process of its own: what is not foreseen is said in the outcome, or nobody learns it.
        told = {"name": type(error).__name__, "value": str(error)}
        return Ending(Outcome("error", f"{type(error).__name__}: {error}", told))
    if run.death is not None and run.death.kind == "unknown":
        # The kernel went with its preloaded parent, which is no fault of the notebook.
        return Ending(Outcome("lost", run.message))
    if run.status != "ok":
        return Ending(Outcome(run.status, run.message, _error_of(run)))
    return Ending(
        Outcome("ok"),
        values=run.values,
        duration_seconds=float(run.notebook.metadata.papermill.duration),
        cpu_seconds=run.cpu_seconds,
        peak_memory_bytes=run.peak_memory_bytes,
    )


def _run(order: Order, output: Path, processes: int | None) -> RecordedRun:
    environment = dict(os.environ) | dict(order.environment) | {OUTPUT_VARIABLE: str(output)}
    if order.cpu is not None:
        threads = str(max(1, int(order.cpu)))
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
    options = RunOptions(
        limits=Limits(
            memory_bytes=order.memory_bytes,
            cell_timeout_seconds=order.cell_timeout_seconds,
            notebook_timeout_seconds=order.timeout_seconds,
            file_bytes=_LARGEST_FILE_BYTES,
            processes=processes,
            cell_sent_bytes=_MOST_PRINTED_BYTES,
        ),
        mode=order.mode,
        kernel_name=order.kernel,
        environment=environment,
        cwd=Path(order.working_folder),
        secrets=[os.environ[name] for name in order.secret_names],
        excess=_disk_watch(order, output),
    )
    parameters = dict(order.parameters)
    return run_recorded_sync(
        order.notebook, parameters, order.record, options=options, on_event=_progress_writer(order)
    )


def _disk_watch(order: Order, output: Path) -> DiskWatch:
    name = order.disk_limit_name or "the limit of the step (resources, disk_mebibytes)"
    limit = order.disk_bytes if order.disk_bytes is not None else MOST_BYTES
    return DiskWatch(output, Path(order.working_folder), limit, name, [Path(order.store_folder)])


def _progress_writer(order: Order) -> Callable[[RunEvent], None]:
    path = Path(order.attempt_folder) / PROGRESS
    last, total = 0.0, 0

    def note(event: RunEvent) -> None:
        nonlocal last, total
        now = time.monotonic()
        if event.index is not None and now - last >= _PROGRESS_SECONDS:
            last = now
            total = total or len(read_notebook(order.notebook).cells) + bool(order.parameters)
            write_text(path, json.dumps({"cell": event.index + 1, "of": total, "at": event.at.isoformat()}))

    return note


def _error_of(run: RecordedRun) -> dict[str, object]:
    cell = run.failed_cell
    name, value = ("TimeoutError" if run.status == "timeout" else "Error"), run.message
    if cell is not None and cell.error is not None and run.status == "error":
        name, value = cell.error.name, run.message.partition(": ")[2]
    # The record has papermill's note on top and its link target before the failing cell.
    position = cell.index + 2 if cell is not None else None
    return {"name": name, "value": value, "cell": position, "cell_id": cell.cell_id if cell else None}


if __name__ == "__main__":
    main(sys.argv[1:])
