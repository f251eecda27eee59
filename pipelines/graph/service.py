"""Pipelines of one folder of state: run, plan, resume, retry, cancel, list."""

from __future__ import annotations

import fcntl
import logging
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.file_access import ALL_FILES

from . import no_follow
from .attempts import newest_record, progress_in
from .confinement import Confinement
from .disk import Room, within_room
from .driver import Driver
from .engine import DbosEngine, Engine
from .errors import RunStateError, UnknownRunError
from .history import FINAL, History, ItemRow, RunRow
from .item_execution import execute_item
from .local_launcher import LocalLauncher
from .model import Pipeline, Retry, Step
from .orders import Launcher, Order
from .pipeline_file import read_pipeline
from .store import Store
from .validation import dependencies, validate

log = logging.getLogger("collegium.pipelines")
ChangeHandler = Callable[[ItemRow | RunRow], None]


class PipelineService:
    """What is known of pipelines in one folder, and what runs them.

    The engine starts with `open`; without it, everything that only looks works.

    Parameters
    ----------
    folder
        Results, orders, locks, and by default the database.
    database_url
        As SQLAlchemy spells it; a SQLite file in the folder by default.
    launcher
        Carries out the items; worker processes of this machine by default.
    attempts_folder
        Where the notebooks of runs leave records and files, below `runs`; `folder` by default. Whoever the notebooks
        run as writes there, and must not write into `folder`.
    on_change
        Told of every row of a run in this process that changes, and of the run itself; from any thread.
    history
        Where one database serves several services: the part that this one sees, instead of `database_url`.
    confinement
        What pipelines may name; everything by default.
    most_parallel
        Bound on the items of one run that run at one time, whatever its pipeline asks for.
    scope
        Which of the services that share an engine this one is.
    room
        What a further item may still add to the disk; no bound but the step's own by default.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str | None = None,
        *,
        launcher: Launcher | None = None,
        attempts_folder: Path | None = None,
        on_change: ChangeHandler | None = None,
        history: History | None = None,
        confinement: Confinement | None = None,
        most_parallel: int = 1000,
        scope: str = "",
        room: Callable[[], Room | None] | None = None,
    ) -> None:
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.store = Store(folder)
        self.runs_folder = (attempts_folder.resolve() if attempts_folder is not None else folder) / "runs"
        self._url = database_url or f"sqlite:///{folder / 'pipelines.sqlite'}"
        self.history = history or History(self._url)
        self._confinement = confinement
        self._most_parallel = most_parallel
        self._scope = scope
        self._room = room
        self._launcher = launcher or LocalLauncher(self.store)
        self._on_change = on_change
        self._engine: Engine | None = None
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
            handlers = {"run": self.handle_run, "item": self.handle_item}
            engine = DbosEngine(self._url, handlers, executor_id=executor_id)
            self.use(engine)
            try:
                yield self
            finally:
                engine.close()
                self.use(None)

    def use(self, engine: Engine | None) -> None:
        """Begin executions with an engine that is open; with `None`, with none."""
        self._engine = engine

    def read(self, file: Path, values: Mapping[str, Any] | None = None) -> Pipeline:
        """Read a pipeline, or a notebook as one, as far as this service may.

        Raises
        ------
        PipelineFileError
            If it is wrong, or names what it must not.
        """
        pipeline = read_pipeline(file, values, self._confinement or ALL_FILES)
        pipeline = replace(pipeline, parallel=min(pipeline.parallel, self._most_parallel))
        return self._confinement.apply(pipeline) if self._confinement is not None else pipeline

    def create(
        self,
        file: Path,
        parameters: Mapping[str, Any] | None = None,
        force: Sequence[str] = (),
        *,
        origin: Mapping[str, Any] | None = None,
        run_id: str | None = None,
    ) -> RunRow:
        """Enter a new run, checked as a whole; it begins with `begin` or `enqueue`.

        Parameters
        ----------
        file, parameters
            Pipeline or notebook, and values for it.
        force
            Steps that must not be reused.
        origin
            What began it, for people.
        run_id
            Its id, where the same request may come twice: then the run is there already, and is returned.

        Raises
        ------
        PipelineFileError
            If the pipeline, or a value, is wrong.
        """
        known = self.history.run(run_id) if run_id is not None else None
        if known is not None:
            return known
        pipeline = self.read(file, parameters)
        values = validate(pipeline, parameters)
        unknown = [name for name in force if name not in pipeline.steps]
        if unknown:
            raise RunStateError(f"there is no step {unknown[0]!r}; known: {', '.join(pipeline.steps)}")
        now = datetime.now(UTC)
        run_id = run_id or f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
        run = RunRow(run_id, pipeline.name, pipeline.file, "queued", values, 1, force, False, "", now, None)
        run = replace(run, scope=self._scope, origin={**(origin or {}), "steps": _graph_of(pipeline)})
        self.history.add_run(run)
        self._tell(run)
        return run

    def begin(self, run_id: str) -> None:
        """Begin a run in this process."""
        run = self.get(run_id)
        self._engine_or_fail().start("run", f"{run.id}.g{run.generation}", self._payload(run))

    def enqueue(self, run_id: str) -> None:
        """Begin a run when a place is free."""
        run = self.get(run_id)
        self._engine_or_fail().enqueue("run", f"{run.id}.g{run.generation}", self._payload(run), share=self._scope)

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
            validate(self.read(Path(run.file), run.parameters), run.parameters)
            self.history.reset_items(run.id)
            self.history.update_run(
                run.id,
                status="queued",
                generation=run.generation + 1,
                cancel_requested=False,
                message="",
                ended_at=None,
            )
        return self._tell(self.get(run.id))

    def cancel(self, run_id: str) -> RunRow:
        """Ask a run to stop; whoever drives it ends its items within seconds."""
        run = self.get(run_id)
        if run.status in ("ok", "failed", "cancelled"):
            raise RunStateError(f"run {run.id} has ended ({run.status}); there is nothing to cancel")
        self.history.update_run(run.id, cancel_requested=True)
        if run.status == "queued":
            self.history.update_run(run.id, status="cancelled", ended_at=datetime.now(UTC))
        return self._tell(self.get(run.id))

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
        """Forget ended runs that are older, the records of their attempts, and results that nothing names any more.

        Returns
        -------
        int
            How many runs.
        """
        limit, count = datetime.now(UTC) - older_than, 0
        for run in self.history.runs(limit=100_000, with_trials=True):
            if run.ended_at is not None and run.ended_at < limit:
                no_follow.remove_tree(self.runs_folder / run.id)
                self.history.delete_run(run.id)
                count += 1
        self.store.expire(limit, self.history.keys())
        return count

    def handle_run(self, payload: dict[str, Any]) -> str:
        """Drive a run to its end; what the engine calls."""
        run = self.get(payload["run_id"])
        if run.status == "cancelled":
            return run.status
        self.history.update_run(run.id, status="running")
        self._tell(replace(run, status="running"))
        try:
            pipeline = self.read(Path(run.file), run.parameters)
            driver = Driver(
                pipeline, run, self.history, self.store, self.runs_folder, self._start_item, self._on_change
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
        self._tell(self.get(run.id))
        return status

    def _start_item(self, order: Order, step: Step, row: ItemRow) -> None:
        payload = {
            "order": order.to_json(),
            "retry": asdict(step.retry),
            "secrets": dict(step.secrets),
            "where": [row.run_id, row.step, row.index],
            "scope": self._scope,
        }
        self._engine_or_fail().start("item", order.execution, payload)

    def handle_item(self, payload: dict[str, Any]) -> str:
        """Carry out one item; what the engine calls."""
        run_id, step, index = payload["where"]
        order, retry = Order.from_json(payload["order"]), Retry(**payload["retry"])
        where = (run_id, step, index)
        try:
            order = within_room(order, self._room() if self._room is not None else None)
            resolve = self._confinement.resolve if self._confinement is not None else None
            return execute_item(
                order, retry, payload["secrets"], where, self.history, self.store, self._launcher, resolve
            )
        except Exception as error:
            # Whatever it is, the item must not stay "running" for ever.
            log.exception("item %s of run %s cannot go on", step, run_id)
            row = self.history.item(*where)
            if row is not None and row.status not in FINAL:
                self.history.put_item(_failed(row, error))
            return "failed"
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

    def _payload(self, run: RunRow) -> dict[str, Any]:
        return {"run_id": run.id, "scope": self._scope}

    def _tell(self, run: RunRow) -> RunRow:
        if self._on_change is not None:
            self._on_change(run)
        return run

    def _engine_or_fail(self) -> Engine:
        if self._engine is None:
            raise RunStateError("the engine is not open")
        return self._engine


def _graph_of(pipeline: Pipeline) -> dict[str, Any]:
    """What a page draws, also when the file has changed since."""
    return {
        name: {"notebook": step.notebook, "after": sorted(dependencies(step)), "maps": step.foreach is not None}
        for name, step in pipeline.steps.items()
    }


def _cancelled(row: ItemRow) -> ItemRow:
    return replace(row, status="cancelled", ended_at=datetime.now(UTC))


def _failed(row: ItemRow, error: Exception) -> ItemRow:
    told = {"name": type(error).__name__, "value": str(error), "cell": None}
    return replace(row, status="failed", error=told, ended_at=datetime.now(UTC))


def progress_of(service: PipelineService, row: ItemRow) -> dict[str, int] | None:
    """How far a running item is: `cell` and `of`; `None` when it has not begun."""
    return progress_in(_attempts_of(service, row))


def record_of(service: PipelineService, row: ItemRow, limit_bytes: int) -> bytes | None:
    """The record of an item, as it grows or as it was kept; `None` when there is none, or it is larger.

    Parameters
    ----------
    service, row
        Which.
    limit_bytes
        Bound on its size.
    """
    path = Path(row.record) if row.record else newest_record(_attempts_of(service, row))
    return no_follow.content(path, limit_bytes) if path is not None else None


def _attempts_of(service: PipelineService, row: ItemRow) -> Path:
    return service.runs_folder / row.run_id / row.step / str(row.index)
