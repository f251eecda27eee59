"""Drive one run: start what is ready, note what has ended, until nothing is left to do.

Nothing here has to survive a crash: whatever is decided follows from the pipeline, the rows of the history and the
published results, so that a second drive of the same run continues where the first was cut off.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from pipelines.errors import PipelinesError

from .expansion import Item, Surroundings, foreach_values, is_wanted, make_item, surroundings
from .history import DONE_WELL, FINAL, History, ItemRow, ItemStatus, RunRow, RunStatus
from .keys import explain_miss, short_keys
from .model import Pipeline, Step
from .orders import Order
from .store import Store
from .validation import dependencies, order
from .views import SkippedStepError, StepView

_CHECK_SECONDS = 1.0
StartItem = Callable[[Order, Step, ItemRow], None]
"""Begins the durable execution of an item; the driver is told of its end through `Driver.ended`."""


@dataclass
class _StepState:
    """How far a step is; of its items only keys and counts are kept."""

    status: str = "waiting"  # waiting, running, ok, skipped, failed, blocked, cancelled
    values: list[Any] | None = None
    around: Surroundings | None = None
    remaining: Iterator[int] = field(default_factory=lambda: iter(()))
    keys: dict[int, str] = field(default_factory=dict)
    open_items: int = 0
    exhausted: bool = False
    bad: set[str] = field(default_factory=set)


class Driver:
    """One drive of one run.

    Parameters
    ----------
    pipeline, run
        What is driven.
    history, store
        Where rows and results are.
    runs_folder
        Attempts keep their records in `runs_folder/RUN/STEP/INDEX/`.
    start_item
        Begins an item.
    on_change
        Told of every row that changes.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        run: RunRow,
        history: History,
        store: Store,
        runs_folder: Path,
        start_item: StartItem,
        on_change: Callable[[ItemRow], None] | None = None,
    ) -> None:
        self._pipeline, self._run = pipeline, run
        self._history, self._store, self._runs_folder = history, store, runs_folder
        self._start_item, self._on_change = start_item, on_change
        self._order = order(pipeline)
        self._steps = {name: _StepState() for name in self._order}
        self._ready: deque[str] = deque()
        self._running: dict[tuple[str, int], Item] = {}
        self._ended: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
        self._forced = self._with_descendants(set(run.force))
        self.orders: dict[tuple[str, int], Order] = {}

    def ended(self, step: str, index: int) -> None:
        """Tell that the execution of an item has ended; from any thread."""
        self._ended.put((step, index))

    def drive(self) -> RunStatus:
        """Run until nothing is left; return how the run ended."""
        while True:
            self._advance()
            self._fill()
            if not self._running and not self._ready and not self._advance():
                break
            if self._running and not self._wait():
                return "cancelled"
        statuses = {state.status for state in self._steps.values()}
        return "failed" if statuses & {"failed", "blocked"} else "ok"

    def _advance(self) -> bool:
        """Expand every step whose dependencies are done; say whether there was one."""
        moved = False
        for name in self._order:
            state = self._steps[name]
            if state.status != "waiting":
                continue
            needed = dependencies(self._pipeline.steps[name])
            if all(self._steps[other].status not in ("waiting", "running") for other in needed):
                self._expand(name, needed)
                moved = True
        return moved

    def _expand(self, name: str, needed: set[str]) -> None:
        step, state = self._pipeline.steps[name], self._steps[name]
        failed = [other for other in sorted(needed) if self._steps[other].status in ("failed", "blocked")]
        if failed:
            self._close_step(name, "blocked", f"waits for step {', '.join(failed)}, which did not end well")
            return
        names = {
            "parameters": self._run.parameters,
            "steps": {other: self._view(other) for other in needed},
            "run": {"id": self._run.id, "scheduled_for": (self._run.origin or {}).get("scheduled_for")},
        }
        try:
            # `when` of a step with `foreach` may look at the item; then it is asked per item.
            per_item = step.foreach is not None and step.when is not None and "item" in step.when
            if not per_item and not is_wanted(step, names):
                self._close_step(name, "skipped", f"skipped because “{step.when}” is false")
                return
            state.values = foreach_values(step, names)
            upstream = {other: short_keys(list(self._steps[other].keys.values())) for other in sorted(needed)}
            salt = "" if step.cache else f"{self._run.id}.{self._run.generation}"
            state.around = surroundings(self._pipeline, step, names, upstream, salt)
        except SkippedStepError as error:
            self._close_step(name, "skipped", f"skipped because {error}")
            return
        except PipelinesError as error:
            self._close_step(name, "failed", str(error))
            return
        count = 1 if state.values is None else len(state.values)
        state.status, state.remaining = "running", iter(range(count))
        self._ready.append(name)

    def _fill(self) -> None:
        """Start items, in the order of the steps, while there is room."""
        while self._ready and len(self._running) < self._pipeline.parallel:
            name = self._ready[0]
            state = self._steps[name]
            index = next(state.remaining, None)
            if index is None:
                self._ready.popleft()
                state.exhausted = True
                self._finish_step(name)
            else:
                self._begin(name, index)

    def _begin(self, name: str, index: int) -> None:
        state, step = self._steps[name], self._pipeline.steps[name]
        assert state.around is not None
        value = None if state.values is None else state.values[index]
        known = self._history.item(self._run.id, name, index)
        try:
            if state.values is not None and not is_wanted(step, {**state.around.names, "item": value, "index": index}):
                self._put(ItemRow(self._run.id, name, index, "skipped", item=value, reason="“when” is false"))
                return
            item = make_item(state.around, index, value)
        except PipelinesError as error:
            problem = {"name": type(error).__name__, "value": str(error), "cell": None}
            self._note(ItemRow(self._run.id, name, index, "failed", item=value, error=problem, ended_at=_now()))
            return
        if known is not None and known.status in FINAL and known.key == item.key:
            self._note(known, announce=False)
            return
        self._begin_item(step, item, known)

    def _begin_item(self, step: Step, item: Item, known: ItemRow | None) -> None:
        execution = f"{self._run.id}.g{self._run.generation}/{item.step}/{item.index}"
        result = self._store.find(item.key)
        mine = result is not None and result.made_by.startswith(f"{self._run.id}.")
        if result is not None and item.step in self._forced and not mine:
            self._store.forget(item.key)
            result = None
        if result is not None and not mine:
            reason = f"reused the result of {result.made_by.partition('.g')[0]}"
            row = self._row(item, "reused", reason, record=str(result.record), values=result.values)
            self._history.note_last_key(self._pipeline.name, item.step, item.label, item.key)
            self._note(row)
            return
        if known is not None and known.key == item.key and known.reason:
            reason = known.reason
        elif item.step in self._forced:
            reason = "ran because it was asked for"
        elif not step.cache:
            reason = "ran because its results are not reused"
        else:
            reason = explain_miss(item.parts, self._earlier_parts(item))
        folder = self._runs_folder / self._run.id / item.step / str(item.index)
        order_ = self._order_of(step, item, execution, folder)
        attempts = known.attempts if known is not None and known.key == item.key else 0
        row = self._row(item, "running", reason, record=None, values=None, attempts=attempts)
        self._running[item.step, item.index] = item
        self.orders[item.step, item.index] = order_
        self._steps[item.step].open_items += 1
        self._put(row)
        self._start_item(order_, step, row)

    def _wait(self) -> bool:
        """Wait for an end; `False` when the run is to be cancelled."""
        try:
            ended = {self._ended.get(timeout=_CHECK_SECONDS)}
        except queue.Empty:
            run = self._history.run(self._run.id)
            if run is not None and run.cancel_requested:
                return False
            # An end that another process noted, or this one before it was asked to listen, is found in the rows.
            ended = set(islice(self._running, 1000))
        for which in ended:
            if which not in self._running:
                continue
            row = self._history.item(self._run.id, *which)
            if row is not None and row.status in FINAL:
                item = self._running.pop(which)
                self.orders.pop(which, None)
                if row.status == "ok":
                    self._history.note_last_key(self._pipeline.name, item.step, item.label, item.key)
                self._steps[which[0]].open_items -= 1
                self._note(row, put=False)
        return True

    def _note(self, row: ItemRow, *, put: bool = True, announce: bool = True) -> None:
        """Take a final row into account."""
        state = self._steps[row.step]
        if row.status in ("ok", "reused") and row.key is not None:
            state.keys[row.index] = row.key
        if row.status not in DONE_WELL:
            state.bad.add(row.status)
        if put and announce:
            self._put(row)
        elif self._on_change is not None:
            self._on_change(row)
        self._finish_step(row.step)

    def _finish_step(self, name: str) -> None:
        state = self._steps[name]
        if not state.exhausted or state.open_items:
            return
        state.keys = dict(sorted(state.keys.items()))
        if state.bad:
            state.status = "failed"
        elif not state.keys and (state.values is None or state.values):
            state.status = "skipped"
        else:
            state.status = "ok"

    def _close_step(self, name: str, status: ItemStatus, reason: str) -> None:
        self._steps[name].status = status
        error = {"name": "PipelineError", "value": reason, "cell": None} if status == "failed" else None
        self._put(ItemRow(self._run.id, name, 0, status, reason=reason, error=error, ended_at=_now()))

    def _put(self, row: ItemRow) -> None:
        self._history.put_item(row)
        if self._on_change is not None:
            self._on_change(row)

    def _row(
        self, item: Item, status: ItemStatus, reason: str, *, record: str | None, values: Any, **more: Any
    ) -> ItemRow:
        ended = _now() if status in FINAL else None
        return ItemRow(
            self._run.id,
            item.step,
            item.index,
            status,
            key=item.key,
            reason=reason,
            item=item.value,
            record=record,
            values=values,
            started_at=_now(),
            ended_at=ended,
            **more,
        )

    def _order_of(self, step: Step, item: Item, execution: str, folder: Path) -> Order:
        return Order(
            execution=execution,
            key=item.key,
            parts=item.parts,
            notebook=str(self._pipeline.folder / step.notebook),
            parameters=item.parameters,
            working_folder=str(self._pipeline.folder),
            attempt_folder=str(folder),
            store_folder=str(self._store.folder),
            environment=item.environment,
            secret_names=tuple(step.secrets),
            kernel=step.kernel,
            mode=step.mode,
            cell_timeout_seconds=step.cell_timeout_seconds,
            timeout_seconds=step.timeout_seconds,
            memory_bytes=step.resources.memory_bytes,
            cpu=step.resources.cpu,
            gpu=step.resources.gpu,
            disk_bytes=step.resources.disk_bytes,
        )

    def _earlier_parts(self, item: Item) -> Any:
        key = self._history.last_key(self._pipeline.name, item.step, item.label)
        earlier = self._store.find(key) if key is not None else None
        return earlier.parts if earlier is not None else None

    def _view(self, name: str) -> StepView:
        state = self._steps[name]
        return StepView(name, list(state.keys.values()), state.values, self._store, skipped=state.status == "skipped")

    def _with_descendants(self, names: set[str]) -> set[str]:
        reached = set(names)
        for name in self._order:
            if dependencies(self._pipeline.steps[name]) & reached:
                reached.add(name)
        return reached


def _now() -> datetime:
    return datetime.now(UTC)
