"""The room of a document with a file: every edit durable, the file saved beside the event loop."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from spawner.rooms.disk import DiskCopy, Opened, Synced
from spawner.rooms.errors import RoomError, StoreDamagedError
from spawner.rooms.events import Events
from spawner.rooms.files import FileFormat, may_be_marked, unmark
from spawner.rooms.protocol import read_clocks, write_raw
from spawner.rooms.room import Batch, Client, Room, edit_interval
from spawner.rooms.store import Edit

log = logging.getLogger("collegium.rooms")
QUIET_SECONDS = 1.0
UNSAVED_SECONDS = 4.0
WATCH_SECONDS = 1.0
RETRY_SECONDS = 1.0
TELL_SECONDS = 0.1
FEW_CLIENTS = 10
Result = TypeVar("Result")


@dataclass(frozen=True)
class Threads:
    """Where a room's blocking work runs: never on the event loop.

    Parameters
    ----------
    store
        One thread that makes edits durable; short tasks only.
    disk
        One thread that reads and writes documents.
    """

    store: Executor
    disk: Executor


class DocumentRoom(Room):
    """A room that keeps its document.

    Parameters
    ----------
    room_id
        Its name in addresses.
    file_format
        How the document is read and written.
    copy
        The document on disk.
    threads
        Where blocking work runs.
    locate
        Returns the document's path in the contents API, as shown to clients, and on disk, which is None after it has
        been deleted.
    events
        Where pages hear of the document.
    """

    def __init__(
        self,
        room_id: str,
        file_format: FileFormat,
        copy: DiskCopy,
        threads: Threads,
        locate: Callable[[], tuple[str, Path | None]],
        events: Events,
    ) -> None:
        super().__init__(room_id)
        self.copy = copy
        self.lineage = ""
        self._opened: Opened | None = None
        self._locate = locate
        self._events = events
        self.path = ""
        self.unsaved_reason = ""
        self._threads = threads
        self.document = file_format.document(self.doc)
        self._author: str | None = None  # None: the server's own notes, and what the store has already
        self._stored = False
        self._pending: list[Edit] = []
        self._received: dict[Client, int] = {}
        self._committing: asyncio.Task[None] | None = None
        self._saving = asyncio.Lock()
        self._unsaved_since: float | None = None
        self._edited_at = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._told = b""
        self._durable_state = b""
        self._durable_batch = Batch(self._tell_durable)
        self._cell_places: dict[str, int] = {}

    async def open(self) -> None:
        """Load the document. It is in memory after `fill`, which is called soon in any case.

        Raises
        ------
        RoomError
            The document cannot be opened.
        """
        self.path, path = self._locate()
        self._opened = await self._run(self._threads.disk, lambda: self.copy.open(path))
        self.lineage = self._opened.lineage
        asyncio.get_running_loop().call_soon(self.fill)

    def fill(self) -> None:
        """Have the document in memory; pages that were told its lineage connect meanwhile."""
        opened = self._opened
        if opened is None:
            return
        self._stored = True
        try:
            self.doc.apply_update(opened.state)
        finally:
            self._stored = False
        self._opened = None
        if not opened.is_new and may_be_marked(opened.state):
            self._forget_running_cells()
        self._note(opened.file_hash)
        if opened.unsaved:
            self._unsaved_since = self._edited_at = asyncio.get_running_loop().time()
        self._tasks = [asyncio.create_task(self._keep_in_step())]

    @property
    def unsaved_since(self) -> float | None:
        """Seconds since the epoch of the first edit that the file lacks; None when it has all."""
        if self._unsaved_since is None:
            return None
        return time.time() - (asyncio.get_running_loop().time() - self._unsaved_since)

    async def clocks(self) -> dict[str, int]:
        """Return how much of each client's edits is durable, which all of them so far are."""
        await self.durable()
        self._durable_state = self._told = self.doc.get_state()
        return {str(client): clock for client, clock in read_clocks(self._told).items()}

    def leave(self, client: Client) -> None:
        """Stop to serve a connection, and tell the others."""
        super().leave(client)
        self._received.pop(client, None)

    def apply(self, client: Client, update: bytes) -> None:
        """Apply a change that `client` made, and have it stored."""
        self._author = client.person.username
        try:
            self.doc.apply_update(update)
        finally:
            self._author = None
        self._received[client] = self._received.get(client, 0) + 1
        self._commit_soon()
        self._events.on_work(client.person.username, "edit", self.path)

    def changed(self, update: bytes) -> None:
        """Pass a change of the document on, and store it."""
        super().changed(update)
        if self._stored:
            return
        self._pending.append(Edit(time.time(), self._author, update))
        self._commit_soon()
        if self._author is not None:
            self._edited_at = asyncio.get_running_loop().time()
            if self._unsaved_since is None:
                self._unsaved_since = self._edited_at

    @contextmanager
    def edit_as(self, author: str) -> Iterator[None]:
        """Gather changes that the server makes for somebody into one edit of theirs."""
        self._author = author
        try:
            with self.doc.transaction():
                yield
        finally:
            self._author = None

    def cell(self, cell_id: str) -> Any:
        """Return the shared cell with an id; None when there is none."""
        cells = getattr(self.document, "ycells", ())
        hint = self._cell_places.get(cell_id, 0)
        if hint < len(cells) and cells[hint].get("id") == cell_id:
            return cells[hint]
        for place in range(len(cells)):
            if cells[place].get("id") == cell_id:
                self._cell_places[cell_id] = place
                return cells[place]
        return None

    async def durable(self) -> None:
        """Wait until all edits so far are durable."""
        while self._pending or self._committing is not None:
            self._commit_soon()
            assert self._committing is not None
            await asyncio.shield(self._committing)

    async def save(self) -> bool:
        """Write the document into its file; return False when that is not possible now."""
        async with self._saving:
            try:
                await self.durable()
                self._unsaved_since = None
                await self._sync_with_file(write=True)
                self._events.on_save()
            except (RoomError, OSError, sqlite3.OperationalError) as error:
                self._unsaved_since = self._edited_at = asyncio.get_running_loop().time()
                self._report(error)
                if isinstance(error, StoreDamagedError):
                    await self._rebuild()
                return False
            self._report(None)
            return True

    async def abandon(self) -> None:
        """Let go of a document that is broken in memory; its edits are made durable, and nothing is read from it."""
        for task in self._tasks:
            task.cancel()
        await self.durable()
        await self._run(self._threads.disk, self.copy.store.close)

    async def close(self) -> None:
        """Save and let go of the document."""
        for task in self._tasks:
            task.cancel()
        await self.durable()
        if self._unsaved_since is not None:
            await self.save()
        self.end()
        await self.durable()
        await self._run(self._threads.disk, self.copy.close)

    async def _rebuild(self) -> bool:
        """Begin a damaged store anew; return whether that worked."""
        whole, lineage = self.doc.get_update(), self.lineage
        try:
            await self._run(self._threads.disk, lambda: self.copy.rebuild(lineage, whole))
        except (RoomError, OSError, sqlite3.Error) as error:
            self._report(error)
            return False
        self._unsaved_since = self._edited_at = asyncio.get_running_loop().time()
        return True

    async def _sync_with_file(self, write: bool) -> None:
        self.path, path = self._locate()
        synced: Synced = await self._run(self._threads.disk, lambda: self.copy.sync(path, write))
        if synced.outside:
            self._stored = True
            try:
                self.doc.apply_update(synced.outside)
            finally:
                self._stored = False
        if not synced.missing:
            self._note(synced.file_hash)

    def _note(self, file_hash: str) -> None:
        """Write what the clients see of the file into the shared document."""
        with self.doc.transaction():
            if self.document.path != self.path:
                self.document.path = self.path
            if self.document.hash != file_hash:
                self.document.hash = file_hash
            if self.document.dirty is not False and self._unsaved_since is None:
                self.document.dirty = False

    def _commit_soon(self) -> None:
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit())

    async def _commit(self) -> None:
        try:
            while self._pending or self._received:
                if len(self.clients) > FEW_CLIENTS:
                    await asyncio.sleep(edit_interval(len(self.clients)))  # one commit for the edits of many
                batch, self._pending = self._pending, []
                state = self.doc.get_state() if self._events.watched(self.room_id) and not self.broken else b""
                received, self._received = self._received, {}
                try:
                    if batch:
                        await self._run(self._threads.store, partial(self.copy.store.append, batch))
                except (sqlite3.OperationalError, OSError, StoreDamagedError) as error:
                    self._pending = batch + self._pending
                    for client, count in received.items():
                        self._received[client] = self._received.get(client, 0) + count
                    self._report(error)
                    if isinstance(error, StoreDamagedError) and await self._rebuild():
                        continue
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    self._acknowledge(received)
                    if state:
                        self._durable_state = state
                        self._durable_batch.request(TELL_SECONDS * (1 + len(self.clients) / 10))
        finally:
            self._committing = None

    def _acknowledge(self, received: dict[Client, int]) -> None:
        for client, count in received.items():
            if client.wants_acknowledgement:
                client.send(write_raw({"type": "durable", "edits": count}))

    def _tell_durable(self) -> None:
        known, now = read_clocks(self._told), read_clocks(self._durable_state)
        self._told = self._durable_state
        clocks = {str(client): clock for client, clock in now.items() if known.get(client) != clock}
        self._events.publish_room(self.room_id, {"type": "durable", "room": self.room_id, "clocks": clocks})

    def _forget_running_cells(self) -> None:
        """Show cells as not running that ran when the server stopped: their kernel is gone."""
        with self.doc.transaction():
            for cell in getattr(self.document, "ycells", ()):
                if cell.get("cell_type") == "code":
                    unmark(cell)

    async def _keep_in_step(self) -> None:
        watched = 0.0
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0.25)
            now = loop.time()
            unsaved = self._unsaved_since
            if unsaved is not None and (now - self._edited_at > QUIET_SECONDS or now - unsaved > UNSAVED_SECONDS):
                await self.save()
            elif now - watched > WATCH_SECONDS:
                watched = now
                await self._look()

    async def _look(self) -> None:
        """Take over what somebody did to the file."""
        async with self._saving:
            try:
                await self.durable()
                await self._sync_with_file(write=False)
            except (RoomError, OSError, sqlite3.OperationalError) as error:
                self._report(error)
                if isinstance(error, StoreDamagedError):
                    await self._rebuild()

    def _report(self, error: Exception | None) -> None:
        reason, before = str(error or ""), self.unsaved_reason
        self.unsaved_reason = reason
        told = {"room": self.room_id, "path": self.path}
        if error is None:
            if before or self._events.watched(self.room_id):
                self._events.publish_room(self.room_id, {"type": "saved", **told, "at": time.time()})
        elif not before:
            log.error("room %s: cannot be saved: %s", self.room_id, error)
            self.send_all(write_raw({"type": "unsaved", "reason": reason}))
            self._events.publish_room(self.room_id, {"type": "unsaved", **told, "reason": reason})

    async def _run(self, executor: Executor, function: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(executor, function)
