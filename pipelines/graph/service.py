"""Pipelines of one folder of state: run, plan, resume, retry, cancel, list."""

from __future__ import annotations

import fcntl
import json
import logging
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .driver import Driver
from .engine import DbosEngine
from .errors import RunStateError, UnknownRunError
from .history import History, ItemRow, RunRow
from .item_execution import execute_item
from .local_launcher import LocalLauncher
from .model import Retry, Step
from .orders import Launcher, Order
from .pipeline_file import read_pipeline
from .store import Store
from .validation import validate

log = logging.getLogger("collegium.pipelines")
ChangeHandler = Callable[[ItemRow], None]


class PipelineService:
    """What is known of pipelines in one folder, and what runs them.

    The engine starts with `open`; without it, everything that only looks works.

    Parameters
    ----------
    folder
        Results, records of attempts, locks, and by default the database.
    database_url
        As SQLAlchemy spells it; a SQLite file in the folder by default.
    launcher
        Carries out the items; worker processes of this machine by default.
    on_change
        Told of every row of a run in this process that changes; from any thread.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str | None = None,
        *,
        launcher: Launcher | None = None,
        on_change: ChangeHandler | None = None,
    ) -> None:
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.store = Store(folder)
        self._url = database_url or f"sqlite:///{folder / 'pipelines.sqlite'}"
        self.history = History(self._url)
        self._launcher = launcher or LocalLauncher(self.store)
        self._on_change = on_change
        self._engine: DbosEngine | None = None
        self._drivers: dict[str, Driver] = {}
        self._guard = threading.Lock()

    @contextmanager
    def open(self, executor_id: str) -> Iterator[PipelineService]:
        """Start the engine for the time of the context.

        What a crashed process of the same `executor_id` had begun goes on. A second process of that id is refused.

        Raises
        ------
        RunStateError
            If a process of this id lives.
        """
        lock_path = self.folder / "locks" / f"executor-{executor_id}.lock"
        with lock_path.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunStateError(
                    f"another process is at work on {executor_id}; wait for it, or cancel it"
                ) from error
            handlers = {"run": self._handle_run, "item": self._handle_item}
            self._engine = DbosEngine(self._url, handlers, executor_id=executor_id)
            try:
                yield self
            finally:
                self._engine.close()
                self._engine = None

    def create(self, file: Path, parameters: Mapping[str, Any] | None = None, force: Sequence[str] = ()) -> RunRow:
        """Enter a new run, checked as a whole; it begins with `begin` or `enqueue`.

        Raises
        ------
        PipelineFileError
            If the pipeline, or a value, is wrong.
        """
        pipeline = read_pipeline(file)
        values = validate(pipeline, parameters)
        unknown = [name for name in force if name not in pipeline.steps]
        if unknown:
            raise RunStateError(f"there is no step {unknown[0]!r}; known: {', '.join(pipeline.steps)}")
        now = datetime.now(UTC)
        run_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        run = RunRow(run_id, pipeline.name, pipeline.file, "queued", values, 1, force, False, "", now, None)
        self.history.add_run(run)
        return run

    def begin(self, run_id: str) -> None:
        """Begin a run in this process."""
        run = self.get(run_id)
        self._engine_or_fail().start("run", f"{run.id}.g{run.generation}", {"run_id": run.id})

    def enqueue(self, run_id: str) -> None:
        """Begin a run when a place is free."""
        run = self.get(run_id)
        self._engine_or_fail().enqueue("run", f"{run.id}.g{run.generation}", {"run_id": run.id})

    def wait(self, run_id: str) -> RunRow:
        """Wait until a run has ended."""
        run = self.get(run_id)
        self._engine_or_fail().result(f"{run.id}.g{run.generation}")
        return self.get(run_id)

    def prepare_resume(self, run_id: str) -> RunRow:
        """Make a run that did not end well ready to be begun again; what ended well is kept.

        Raises
        ------
        RunStateError
            If it ended well.
        """
        run = self.get(run_id)
        if run.status == "ok":
            raise RunStateError(f"run {run.id} ended well; there is nothing to resume. To run it again: retry")
        if run.status in ("failed", "cancelled"):
            validate(read_pipeline(Path(run.file)), run.parameters)
            self.history.reset_items(run.id)
            self.history.update_run(
                run.id,
                status="queued",
                generation=run.generation + 1,
                cancel_requested=False,
                message="",
                ended_at=None,
            )
        return self.get(run.id)

    def cancel(self, run_id: str) -> RunRow:
        """Ask a run to stop; whoever drives it ends its items within seconds."""
        run = self.get(run_id)
        if run.status in ("ok", "failed", "cancelled"):
            raise RunStateError(f"run {run.id} has ended ({run.status}); there is nothing to cancel")
        self.history.update_run(run.id, cancel_requested=True)
        if run.status == "queued":
            self.history.update_run(run.id, status="cancelled", ended_at=datetime.now(UTC))
        return self.get(run.id)

    def get(self, run_id: str) -> RunRow:
        """One run; `latest` is the newest, and the beginning of an id will do.

        Raises
        ------
        UnknownRunError
            If there is none, or several.
        """
        exact = self.history.run(run_id)
        if exact is not None:
            return exact
        runs = self.history.runs(limit=1000)
        found = runs[:1] if run_id == "latest" else [run for run in runs if run.id.startswith(run_id)]
        if len(found) != 1:
            known = ", ".join(run.id for run in runs[:5]) or "none"
            raise UnknownRunError(f"there is no single run {run_id!r}; the last ones are: {known}")
        return found[0]

    def purge(self, older_than: timedelta) -> int:
        """Forget ended runs that are older, with the records of their attempts; results stay. Returns how many."""
        limit, count = datetime.now(UTC) - older_than, 0
        for run in self.history.runs(limit=100_000):
            if run.ended_at is not None and run.ended_at < limit:
                shutil.rmtree(self.folder / "runs" / run.id, ignore_errors=True)
                self.history.delete_run(run.id)
                count += 1
        return count

    def _handle_run(self, payload: dict[str, Any]) -> str:
        run = self.get(payload["run_id"])
        if run.status == "cancelled":
            return run.status
        self.history.update_run(run.id, status="running")
        try:
            pipeline = read_pipeline(Path(run.file))
            driver = Driver(
                pipeline, run, self.history, self.store, self.folder / "runs", self._start_item, self._on_change
            )
            with self._guard:
                self._drivers[run.id] = driver
            status, message = driver.drive(), ""
            if status == "cancelled":
                self._cancel_items(driver, run)
        except Exception as error:
            # Whatever it is, the run must not stay "running" for ever; the history keeps the reason.
            log.exception("run %s cannot go on", run.id)
            status, message = "failed", f"{type(error).__name__}: {error}"
        finally:
            with self._guard:
                self._drivers.pop(run.id, None)
        self.history.update_run(run.id, status=status, message=message, ended_at=datetime.now(UTC))
        return status

    def _start_item(self, order: Order, step: Step, row: ItemRow) -> None:
        payload = {
            "order": order.to_json(),
            "retry": asdict(step.retry),
            "secrets": dict(step.secrets),
            "where": [row.run_id, row.step, row.index],
        }
        self._engine_or_fail().start("item", order.execution, payload)

    def _handle_item(self, payload: dict[str, Any]) -> str:
        run_id, step, index = payload["where"]
        order = Order.from_json(payload["order"])
        retry = Retry(**payload["retry"])
        where = (run_id, step, index)
        try:
            return execute_item(order, retry, payload["secrets"], where, self.history, self.store, self._launcher)
        finally:
            with self._guard:
                driver = self._drivers.get(run_id)
            if driver is not None:
                driver.ended(step, index)

    def _cancel_items(self, driver: Driver, run: RunRow) -> None:
        for (step, index), order in list(driver.orders.items()):
            self._launcher.cancel(order)
            row = self.history.item(run.id, step, index)
            if row is not None and row.status == "running":
                self.history.put_item(_cancelled(row))

    def _engine_or_fail(self) -> DbosEngine:
        if self._engine is None:
            raise RunStateError("the engine is not open")
        return self._engine


def _cancelled(row: ItemRow) -> ItemRow:
    content = {name: getattr(row, name) for name in ItemRow.__dataclass_fields__}
    return ItemRow(**content | {"status": "cancelled", "ended_at": datetime.now(UTC)})


def progress_of(service: PipelineService, row: ItemRow) -> dict[str, Any] | None:
    """How far a running item is: `cell` and `at`; `None` when it has not begun."""
    folder = service.folder / "runs" / row.run_id / row.step / str(row.index)
    found = sorted(folder.glob("*/progress.json"), key=lambda path: path.stat().st_mtime)
    if not found:
        return None
    content: dict[str, Any] = json.loads(found[-1].read_text(encoding="utf-8"))
    return content
