"""A room: the people connected to one document or topic, and what is passed between them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

from pycrdt import Doc, merge_updates

from spawner.rooms.awareness import AwarenessBook, Person
from spawner.rooms.protocol import (
    EMPTY_UPDATE,
    Kind,
    ProtocolError,
    Sync,
    read_awareness,
    read_sync,
    write_awareness,
    write_raw,
    write_sync,
)

log = logging.getLogger("collegium.rooms")
EDIT_SECONDS_PER_CLIENT, EDIT_SECONDS_MOST = 0.0005, 0.03
CURSOR_SECONDS, CURSOR_SECONDS_PER_CLIENT, CURSOR_SECONDS_MOST = 0.04, 0.004, 0.3


class Client(Protocol):
    """One open connection."""

    person: Person
    may_write: bool
    wants_acknowledgement: bool

    def send(self, message: bytes) -> None:
        """Send a message; a connection that has closed takes none."""

    def refuse(self, reason: str, reloadable: bool) -> None:
        """Close the connection and tell why."""


class Batch:
    """Calls a function soon after the first request, and then at most once per interval.

    What comes after a quiet time is passed on at once; in a busy time the cost is that of the interval, not of the
    number of requests.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._last = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def request(self, interval_seconds: float) -> None:
        """Have the function called, `interval_seconds` after its last call at the earliest."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(loop.time(), self._last + interval_seconds), self._run)

    def cancel(self) -> None:
        """Drop a call that is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self) -> None:
        self._timer = None
        self._last = asyncio.get_running_loop().time()
        self._flush()


def edit_interval(clients: int) -> float:
    """Return the seconds between two sendings of edits to so many clients."""
    return min(EDIT_SECONDS_PER_CLIENT * clients, EDIT_SECONDS_MOST)


class Room:
    """A topic without a file, such as who is in the project.

    Parameters
    ----------
    room_id
        Its name in addresses.
    """

    def __init__(self, room_id: str) -> None:
        self.room_id = room_id
        self.clients: set[Client] = set()
        self.broken = False
        self.holders: set[object] = set()  # what needs the room though nobody is connected
        self.doc: Doc[Any] = Doc()
        self._book = AwarenessBook()
        self._moved: set[int] = set()
        self._updates: list[bytes] = []
        self._edit_batch = Batch(self._send_edits)
        self._cursor_batch = Batch(self._send_cursors)
        self._subscription = self.doc.observe(lambda event: self.changed(event.update))

    def join(self, client: Client) -> None:
        """Start to serve a connection."""
        self.clients.add(client)
        client.send(write_sync(Sync.STEP1, self.doc.get_state()))
        client.send(write_awareness(self._book.present()))

    def leave(self, client: Client) -> None:
        """Stop to serve a connection, and tell the others."""
        if client in self.clients:
            self.clients.remove(client)
            self._show(self._book.leave(client))

    def receive(self, client: Client, message: bytes) -> None:
        """Act on a sync or an awareness message of `client`.

        Raises
        ------
        ProtocolError
            The message does not follow the protocol.
        """
        if not message:
            raise ProtocolError("an empty message")
        if message[0] == Kind.SYNC:
            self._sync(client, *read_sync(message))
        elif message[0] == Kind.AWARENESS:
            self._show(self._book.tell(client, client.person, read_awareness(message)))

    def changed(self, update: bytes) -> None:
        """Pass a change of the document on."""
        self._updates.append(update)
        self._edit_batch.request(edit_interval(len(self.clients)))

    def send_all(self, message: bytes) -> None:
        """Send a message to everybody."""
        for client in tuple(self.clients):
            client.send(message)

    def end(self) -> None:
        """Stop passing things on."""
        self._edit_batch.cancel()
        self._cursor_batch.cancel()
        self.doc.unobserve(self._subscription)

    def apply(self, client: Client, update: bytes) -> None:
        """Apply a change that `client` made."""
        self.doc.apply_update(update)

    def _sync(self, client: Client, step: Sync, payload: bytes) -> None:
        if step is Sync.STEP1:
            client.send(write_sync(Sync.STEP2, self.doc.get_update(payload or b"\x00")))
        elif payload and payload != EMPTY_UPDATE:
            if not client.may_write:
                client.send(write_raw({"type": "read-only"}))
                return
            try:
                self.apply(client, payload)
            except (RuntimeError, ValueError) as error:
                log.warning("room %s: an update of %s does not fit: %s", self.room_id, client.person.username, error)
                client.send(write_raw({"type": "conflict"}))
            except BaseException as error:
                if type(error).__name__ != "PanicException":  # pycrdt's, which is no Exception
                    raise
                self.break_down(error)

    def break_down(self, error: BaseException) -> None:
        """Give up a document in memory that its library has failed on; pages come back to one read from the store."""
        log.error("room %s: the document in memory is given up: %s", self.room_id, error)
        self.broken = True
        for client in tuple(self.clients):
            client.refuse("The document is loaded again.", reloadable=True)

    def _show(self, client_ids: set[int]) -> None:
        if client_ids:
            self._moved |= client_ids
            interval = CURSOR_SECONDS + CURSOR_SECONDS_PER_CLIENT * len(self.clients)
            self._cursor_batch.request(min(interval, CURSOR_SECONDS_MOST))

    def _send_edits(self) -> None:
        updates, self._updates = self._updates, []
        if self.clients:
            self.send_all(write_sync(Sync.UPDATE, updates[0] if len(updates) == 1 else merge_updates(*updates)))

    def _send_cursors(self) -> None:
        moved, self._moved = self._moved, set()
        entries = self._book.take(moved)
        if entries:
            self.send_all(write_awareness(entries))
