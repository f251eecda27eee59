"""The websocket of a room and the request that comes before it, as jupyter-collaboration's front end makes them."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Awaitable
from typing import Any

from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.utils import ensure_async
from tornado import web
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketHandler

from spawner.rooms.awareness import Person
from spawner.rooms.document_room import DocumentRoom
from spawner.rooms.errors import DocumentNotFoundError, DocumentUnreadableError, RoomError
from spawner.rooms.members import RESOURCE, person_of, rights_of
from spawner.rooms.page_handlers import unread_bytes
from spawner.rooms.protocol import Kind, ProtocolError, read_raw, write_raw
from spawner.rooms.registry import FORMATS, ROOM_ID, Registry
from spawner.rooms.room import Room
from spawner.rooms.talk.service import Talk

log = logging.getLogger("collegium.rooms")
UNREAD_CURSOR_BYTES = 256 * 1024
UNREAD_BYTES = 64 * 1024 * 1024
MAX_MESSAGE_BYTES = 256 * 1024 * 1024
RAW = bytes([Kind.RAW])
BINARY = 2  # the kind of frame, in WebSocket's numbers
REFUSED_CODE = 1003  # the front end tells the reason to the user
NOT_FOUND_CODE, UNREADABLE_CODE, FAILED_CODE = 4404, 4400, 4500


class RoomSocket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """One person's connection to one room."""

    auth_resource = RESOURCE
    room: Room | None = None
    person: Person
    may_write = False
    wants_acknowledgement = False

    def initialize(self, registry: Registry, sockets: set[RoomSocket], talk: Talk) -> None:
        """Take over what all connections share."""
        self._registry = registry
        self._sockets = sockets
        self._talk = talk

    @property
    def max_message_size(self) -> int:
        """Bytes of the largest message that is taken."""
        return MAX_MESSAGE_BYTES

    @ws_authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self, room_id: str) -> None:  # type: ignore[override]
        """Open the connection for those who may read the project's documents."""
        if not ROOM_ID.fullmatch(room_id):
            raise web.HTTPError(404, f"There is no room {room_id!r}.")
        self.person = person_of(self)
        self.may_write = (await rights_of(self)).write
        self.wants_acknowledgement = self.get_query_argument("acknowledge", "") == "1"
        await super().get(room_id)

    async def open(self, room_id: str) -> None:
        """Join the room, or close and say why not."""
        try:
            room = await self._registry.room(room_id)
        except DocumentNotFoundError as error:
            return self._close(NOT_FOUND_CODE, str(error))
        except DocumentUnreadableError as error:
            return self._close(UNREADABLE_CODE, str(error))
        except (RoomError, OSError) as error:
            log.exception("room %s cannot be opened", room_id)
            return self._close(FAILED_CODE, str(error))
        if isinstance(room, DocumentRoom) and self.get_query_argument("sessionId", "") != room.lineage:
            return self.refuse("unknown_session", reloadable=True)
        if self.ws_connection is not None:
            self.set_nodelay(True)
            self.room = room
            self._sockets.add(self)
            room.join(self)
            try:
                await self._talk.meet(self.person)
            except sqlite3.Error as error:  # a full disk, say: the document matters more than a name
                log.warning("how %s is called could not be noted: %s", self.person.username, error)

    def on_message(self, message: bytes | str) -> Awaitable[None] | None:
        """Pass a message to the room; return what takes longer. Edits take no task each: there are many."""
        room = self.room
        if room is None or isinstance(message, str):
            return None
        try:
            if message[:1] == RAW:
                return self._act(room, *read_raw(message))
            room.receive(self, message)
        except ProtocolError as error:
            log.warning("room %s: %s sent %s", room.room_id, self.person.username, error)
            self.refuse(str(error), reloadable=True)
        return None

    def on_close(self) -> None:
        """Leave the room."""
        self._sockets.discard(self)
        if self.room is not None:
            self._registry.leave(self.room, self)
            self.room = None

    def send(self, message: bytes) -> None:
        """Send a message; a connection that has closed takes none."""
        connection: Any = self.ws_connection
        if connection is None or connection.is_closing():
            return
        unread = unread_bytes(self)
        if unread > UNREAD_CURSOR_BYTES and message[0] == Kind.AWARENESS:
            return  # who reads slowly sees cursors late
        if unread > UNREAD_BYTES:
            log.warning("room: %s does not read, and is disconnected", self.person.username)
            self.abort()
            return
        try:
            connection._write_frame(True, BINARY, message)  # `write_message` would make a task of each message
        except StreamClosedError:
            self.ws_connection = None

    def abort(self) -> None:
        """Let go of a connection at once; its page connects again and asks for what it lacks."""
        connection, self.ws_connection = self.ws_connection, None
        if connection is not None:
            connection.on_connection_close()
            connection._abort()

    def refuse(self, reason: str, reloadable: bool) -> None:
        """Close the connection and tell why."""
        told = {"reason": reason, "sessionId": "", "reloadable": reloadable, "errorReason": reason}
        self._close(REFUSED_CODE, json.dumps(told))

    async def recheck(self) -> None:
        """Do what the person's rights are now: end the connection, or let them only read."""
        rights = await rights_of(self)
        if not rights.read:
            self.refuse("You are not a member of this project any more.", reloadable=False)
        elif self.may_write != rights.write:
            self.may_write = rights.write
            self.send(write_raw({"type": "read-write" if rights.write else "read-only"}))

    async def _act(self, room: Room, word: str, number: int) -> None:
        if word != "save":
            return
        saved = self.may_write and isinstance(room, DocumentRoom) and await room.save()
        self.send(write_raw({"type": "save", "responseTo": number, "status": "success" if saved else "failed"}))

    def _close(self, code: int, reason: str) -> None:
        self.close(code, reason.encode()[:120].decode(errors="ignore"))


class SessionHandler(APIHandler):
    """Tells the address of a document's room."""

    auth_resource = RESOURCE

    def initialize(self, registry: Registry) -> None:
        """Take over the rooms."""
        self._registry = registry

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def put(self, path: str) -> None:
        """Return the file id of a document, and the identity of its history."""
        contents: Any = self.contents_manager
        body = self.get_json_body() or {}
        file_format, content_type = str(body.get("format")), str(body.get("type"))
        if file_format not in FORMATS:
            raise web.HTTPError(400, f"format is one of {', '.join(FORMATS)}, not {file_format!r}")
        if not await ensure_async(contents.file_exists(path)):
            raise web.HTTPError(404, f"There is no file {path!r}.")
        manager = self.settings["file_id_manager"]
        known = manager.get_id(path)
        file_id = known if known is not None else manager.index(path)
        room_id = f"{file_format}:{content_type}:{file_id}"
        if not ROOM_ID.fullmatch(room_id):
            raise web.HTTPError(400, f"{content_type!r} is no type of document")
        try:
            session = await self._registry.lineage(room_id)
        except DocumentNotFoundError as error:
            raise web.HTTPError(404, str(error)) from error
        except RoomError as error:
            log.warning("room %s: %s", room_id, error)
            session = ""  # the websocket tells the reason where the front end shows it
        self.set_status(200 if known is not None else 201)
        self.finish(json.dumps({"format": file_format, "type": content_type, "fileId": file_id, "sessionId": session}))
