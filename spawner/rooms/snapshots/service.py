"""When snapshots are taken: some time after people saved, and by the clock; beside the event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from spawner.rooms.events import Events
from spawner.rooms.snapshots.store import Limits, Snapshot, SnapshotStore

log = logging.getLogger("collegium.rooms")
TICK_SECONDS = 5.0
QUIET_SECONDS, BURST_SECONDS = 60.0, 600.0
Result = TypeVar("Result")


class Snapshots:
    """Takes snapshots of a project.

    Parameters
    ----------
    store
        Where they are kept.
    root
        The project's files.
    limits
        What is left out.
    interval_seconds
        How often one is taken without saves; 0 for never.
    events
        Where saves are heard of and pages are told.
    """

    def __init__(
        self, store: SnapshotStore, root: Path, limits: Limits, interval_seconds: float, events: Events
    ) -> None:
        self.store = store
        self.root = root
        self._limits = limits
        self._interval_seconds = interval_seconds
        self._events = events
        self._thread = ThreadPoolExecutor(1, "snapshots")
        self._saved: tuple[float, float] | None = None  # first and last save since the last snapshot
        self._task: asyncio.Task[None] | None = None
        events.on_save = self.saved

    def start(self) -> None:
        """Begin to take snapshots."""
        self._task = asyncio.create_task(self._keep_taking())

    def saved(self) -> None:
        """Take in that a document was saved."""
        now = time.monotonic()
        self._saved = (self._saved[0] if self._saved else now, now)

    async def take(self, reason: str, by: str = "") -> Snapshot | None:
        """Take a snapshot now; None when nothing has changed."""
        self._saved = None
        taken = await self.run(lambda: self.store.take(self.root, time.time(), reason, by, self._limits))
        if taken is not None:
            self._events.publish({"type": "snapshot", "snapshot": model(taken)})
        return taken

    async def run(self, function: Callable[[], Result]) -> Result:
        """Run `function` on the thread of snapshots."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def close(self) -> None:
        """Take no more."""
        if self._task is not None:
            self._task.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _keep_taking(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            reason = ""
            if self._saved and (now - self._saved[1] > QUIET_SECONDS or now - self._saved[0] > BURST_SECONDS):
                reason = "saves"
            elif self._interval_seconds and now - last > self._interval_seconds:
                reason = "timer"
            if reason:
                last = now
                try:
                    await self.take(reason)
                except OSError as error:
                    log.error("no snapshot could be taken: %s", error)


def model(snapshot: Snapshot) -> dict[str, object]:
    """Return what pages are told of a snapshot."""
    return asdict(snapshot) | {"skipped": len(snapshot.skipped), "skipped_paths": list(snapshot.skipped)}
