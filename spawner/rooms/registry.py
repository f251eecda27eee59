"""The open rooms of a server."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nbformat.sign import NotebookNotary

from spawner.rooms.disk import DiskCopy
from spawner.rooms.document_room import DocumentRoom, Threads
from spawner.rooms.errors import FolderInUseError
from spawner.rooms.events import Events
from spawner.rooms.files import Aside, FileFormat
from spawner.rooms.room import Client, Room

log = logging.getLogger("collegium.rooms")
Locate = Callable[[str], tuple[str, Path | None]]
FORMATS = ("json", "text", "base64")
ROOM_ID = re.compile(r"[\w.-]+:[\w.-]+(:[\w.-]+)?")


class Registry:
    """Opens rooms at the first need and closes them some time after the last connection has gone.

    Parameters
    ----------
    state_dir
        Where the documents' edits are stored; made when missing.
    locate
        Returns, for a file id, the path in the contents API and on disk.
    idle_seconds
        How long a room without connections stays open.
    events
        Where pages hear of documents.
    large
        Where large outputs go.
    """

    def __init__(
        self, state_dir: Path, locate: Locate, idle_seconds: float, events: Events, large: Aside | None = None
    ) -> None:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.rooms: dict[str, Room] = {}
        self._state_dir = state_dir
        self._locate = locate
        self._idle_seconds = idle_seconds
        self._events = events
        self._large = large
        self._locks: dict[str, asyncio.Lock] = {}
        self._closing: dict[str, asyncio.Task[None]] = {}
        self._threads = Threads(ThreadPoolExecutor(1, "rooms-store"), ThreadPoolExecutor(1, "rooms-disk"))
        self._notary: NotebookNotary | None = None

    async def room(self, room_id: str) -> Room:
        """Return an open room.

        Raises
        ------
        RoomError
            Its document cannot be opened.
        """
        room = await self._open_room(room_id)
        if isinstance(room, DocumentRoom):
            room.fill()
        return room

    async def lineage(self, room_id: str) -> str:
        """Return the identity of a document's history, empty for a topic; what is in the document takes a moment more.

        Raises
        ------
        RoomError
            The document cannot be opened.
        """
        room = await self._open_room(room_id)
        return room.lineage if isinstance(room, DocumentRoom) else ""

    async def _open_room(self, room_id: str) -> Room:
        async with self._locks.setdefault(room_id, asyncio.Lock()):
            room = self.rooms.get(room_id)
            if room is not None and room.broken:
                await _give_up(self.rooms.pop(room_id))
                room = None
            if room is None:
                room = await self._document_room(room_id) if room_id.count(":") >= 2 else Room(room_id)
                self.rooms[room_id] = room
            self._close_when_idle(room)
            return room

    def leave(self, room: Room, client: Client) -> None:
        """Take a connection out of a room."""
        room.leave(client)
        self._close_when_idle(room)

    def hold(self, room: Room, holder: object) -> None:
        """Keep a room open, whoever is connected, until `release`."""
        room.holders.add(holder)
        self._close_when_idle(room)

    def release(self, room: Room, holder: object) -> None:
        """Let a room close when nobody else needs it."""
        room.holders.discard(holder)
        self._close_when_idle(room)

    async def close(self) -> None:
        """Save and close all rooms."""
        for task in self._closing.values():
            task.cancel()
        rooms, self.rooms = list(self.rooms.values()), {}
        results = await asyncio.gather(*(_close(room) for room in rooms), return_exceptions=True)
        for room, result in zip(rooms, results, strict=True):
            if isinstance(result, BaseException):
                log.error("room %s could not be closed: %r; its edits are in the store", room.room_id, result)
        self._threads.store.shutdown(wait=False)
        self._threads.disk.shutdown(wait=False)

    async def _document_room(self, room_id: str) -> DocumentRoom:
        file_format, content_type, file_id = room_id.split(":", 2)
        if self._notary is None:
            self._notary = await asyncio.get_running_loop().run_in_executor(self._threads.disk, NotebookNotary)
        format_ = FileFormat(content_type, file_format, self._notary, self._large)
        copy = DiskCopy(format_, self._state_dir / f"{file_id}-{content_type}-{file_format}.sqlite")
        room = DocumentRoom(room_id, format_, copy, self._threads, lambda: self._locate(file_id), self._events)
        try:
            await room.open()
        except BaseException:
            room.end()
            raise
        return room

    def _close_when_idle(self, room: Room) -> None:
        waiting = self._closing.pop(room.room_id, None)
        if waiting is not None:
            waiting.cancel()
        if not room.clients and not room.holders:
            self._closing[room.room_id] = asyncio.create_task(self._close_later(room))

    async def _close_later(self, room: Room) -> None:
        await asyncio.sleep(self._idle_seconds)
        async with self._locks[room.room_id]:
            if room.clients or room.holders or self.rooms.get(room.room_id) is not room:
                return
            self._closing.pop(room.room_id, None)
            await asyncio.shield(_close(room))
            del self.rooms[room.room_id]


async def _give_up(room: Room) -> None:
    """End a room whose document in memory is broken: what is not in the store yet is made durable, and no more."""
    room.end()
    if isinstance(room, DocumentRoom):
        await room.abandon()


async def _close(room: Room) -> None:
    if room.broken:
        await _give_up(room)
    elif isinstance(room, DocumentRoom):
        await room.close()
    else:
        room.end()


def lock_folder(folder: Path) -> int:
    """Claim a folder for this process until it ends; return the descriptor that holds the claim.

    Raises
    ------
    FolderInUseError
        Another process holds it: two servers on one folder would overwrite each other's documents.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise FolderInUseError(f"another server works on {folder}; stop it first") from None
    return descriptor
