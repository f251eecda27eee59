"""The process that carries out one order: it holds the key's lock, runs the notebook, publishes the result."""

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
from pipelines.notebook_files import notebook_text, read_notebook, write_text
from pipelines.notebook_run import RecordedRun, RunOptions, run_recorded_sync

from .orders import Order, Outcome
from .store import Result, Store

OUTPUT_VARIABLE = "COLLEGIUM_OUTPUT_DIR"
_PROGRESS_SECONDS = 0.5
_LARGEST_FILE_BYTES = 4 * 1024**3


def main(arguments: list[str]) -> None:
    """Carry out the order in the file that the only argument names."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    order = Order.from_json(Path(arguments[0]).read_text(encoding="utf-8"))
    store = Store(Path(order.store_folder))
    with store.lock(order.key):
        store.lock_path(order.key).write_text(str(os.getpid()))
        if store.find(order.key) is None and read_outcome(order) is None:
            outcome = _carry_out(order, store)
            if outcome.status != "lost":
                write_outcome(order, outcome)


def read_outcome(order: Order) -> Outcome | None:
    """How the attempt ended, when it has."""
    try:
        content = json.loads((Path(order.attempt_folder) / "outcome.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Outcome(**content)


def write_outcome(order: Order, outcome: Outcome) -> None:
    """Say how the attempt ended."""
    content = {"status": outcome.status, "message": outcome.message, "error": outcome.error}
    write_text(Path(order.attempt_folder) / "outcome.json", json.dumps(content))


def _carry_out(order: Order, store: Store) -> Outcome:
    output = Path(order.attempt_folder) / "output"
    output.mkdir(parents=True, exist_ok=True)
    try:
        run = _run(order, output)
    except KeyboardInterrupt:
        return Outcome("cancelled", "The run was cancelled.")
    except (PipelinesError, OSError) as error:
        return Outcome("error", str(error), {"name": type(error).__name__, "value": str(error)})
    except Exception as error:
        # The last line of a process of its own: what is not foreseen is said in the outcome, or nobody learns it.
        return Outcome("error", f"{type(error).__name__}: {error}", {"name": type(error).__name__, "value": str(error)})
    if run.death is not None and run.death.kind == "unknown":
        # The kernel went with its preloaded parent, which is no fault of the notebook.
        return Outcome("lost", run.message)
    if run.status != "ok":
        return Outcome(run.status, run.message, _error_of(run))
    result = Result(
        key=order.key,
        parts=order.parts,
        values=run.values,
        files={},
        made_by=order.execution,
        duration_seconds=float(run.notebook.metadata.papermill.duration),
        cpu_seconds=run.cpu_seconds,
        peak_memory_bytes=run.peak_memory_bytes,
    )
    store.publish(result, notebook_text(run.notebook), output)
    return Outcome("ok")


def _run(order: Order, output: Path) -> RecordedRun:
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
        ),
        mode=order.mode,
        kernel_name=order.kernel,
        environment=environment,
        cwd=Path(order.working_folder),
        secrets=[os.environ[name] for name in order.secret_names],
    )
    parameters = dict(order.parameters)
    return run_recorded_sync(
        order.notebook, parameters, order.record, options=options, on_event=_progress_writer(order)
    )


def _progress_writer(order: Order) -> Callable[[RunEvent], None]:
    path = Path(order.attempt_folder) / "progress.json"
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
