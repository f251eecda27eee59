"""What a page hears of the project: the websocket of events, and the state of one document."""

from __future__ import annotations

import asyncio
import json
import logging

from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.utils import ensure_async
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from spawner.rooms.awareness import Person
from spawner.rooms.document_room import DocumentRoom
from spawner.rooms.errors import RoomError
from spawner.rooms.events import Event, Events
from spawner.rooms.members import RESOURCE, person_of, rights_of
from spawner.rooms.registry import FORMATS, ROOM_ID, Registry

log = logging.getLogger("collegium.rooms")
ROOMS_WATCHED = 200
UNREAD_BYTES = 4_000_000
SIGNED_IN = """<!doctype html>
<html lang="en">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>You are signed in</title>
<style>body { font: 1rem/1.5 system-ui, sans-serif; margin: 4rem auto; max-width: 24rem; padding: 0 1rem }</style>
<h1>You are signed in</h1>
<p>Close this window, and go on where you were.</p>
<script>close()</script>
</html>
"""


class EventsSocket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """One page's connection for events."""

    auth_resource = RESOURCE
    rooms: frozenset[str] = frozenset()
    person: Person
    may_write = False

    def initialize(self, events: Events, registry: Registry, sockets: set[EventsSocket]) -> None:
        """Take over what all connections share."""
        self._events = events
        self._registry = registry
        self._sockets = sockets

    @ws_authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self) -> None:  # type: ignore[override]
        """Open the connection for those who may read the project."""
        self.person = person_of(self)
        await super().get()

    async def open(self) -> None:
        """Say who the page speaks for."""
        self.set_nodelay(True)
        self._sockets.add(self)
        self._events.listeners.add(self)
        await self._greet()

    async def on_message(self, message: bytes | str) -> None:
        """Take the list of documents that the page shows."""
        try:
            told = json.loads(message)
            rooms = told["rooms"] if told["type"] == "watch" else None
        except (ValueError, TypeError, KeyError):
            rooms = None
        if not isinstance(rooms, list) or len(rooms) > ROOMS_WATCHED or not all(isinstance(r, str) for r in rooms):
            self.close(1003, 'send {"type": "watch", "rooms": [...]}')
            return
        new = frozenset(rooms) - self.rooms
        self.rooms = frozenset(rooms)
        for room_id in new:
            room = self._registry.rooms.get(room_id)
            if isinstance(room, DocumentRoom):
                self.tell({"type": "durable", "room": room_id, "clocks": await room.clocks()})

    def on_close(self) -> None:
        """Stop to listen."""
        self._sockets.discard(self)
        self._events.listeners.discard(self)

    def tell(self, event: Event) -> None:
        """Send an event to this page alone."""
        self.hear(json.dumps(event))

    def hear(self, text: str) -> None:
        """Send an event; a page that does not read is disconnected."""
        connection = self.ws_connection
        if connection is None:
            return
        try:
            self.write_message(text)
        except WebSocketClosedError:
            self.ws_connection = None
            return
        if unread_bytes(self) > UNREAD_BYTES:
            self.close(1013, "too much is unread")

    async def recheck(self) -> None:
        """Do what the person's rights are now."""
        rights = await rights_of(self)
        if not rights.read:
            self.close(1003, "You are not a member of this project any more.")
        elif self.may_write != rights.write:
            await self._greet()

    async def _greet(self) -> None:
        rights = await rights_of(self)
        self.may_write = rights.write
        runs = await ensure_async(self.authorizer.is_authorized(self, self.current_user, "execute", "kernels"))
        held = {"read": rights.read, "write": rights.write, "execute": bool(runs)}
        user = {"username": self.person.username, "display_name": self.person.display_name}
        self.tell({"type": "hello", "user": user, "capabilities": [name for name, has in held.items() if has]})


class SignedInHandler(JupyterHandler):
    """`api/collaboration/signed-in`: where a sign-in ends that an open page began in another window."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    def get(self) -> None:
        """Say so, and close the window; whoever is not signed in is led to where they can be."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(SIGNED_IN)


class StatusHandler(APIHandler):
    """`api/collaboration/status/<path>`."""

    auth_resource = RESOURCE

    def initialize(self, registry: Registry) -> None:
        """Take over the rooms."""
        self._registry = registry

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self, path: str) -> None:
        """Return what of a document is durable, and who is there."""
        room = await document_of(self, self._registry, path)
        clocks = await asyncio.wait_for(room.clocks(), 10) if not room.unsaved_reason else {}
        people = {client.person for client in room.clients}
        told = {
            "room": room.room_id,
            "path": room.path,
            "clocks": clocks,
            "unsaved_since": room.unsaved_since,
            "reason": room.unsaved_reason,
            "people": [{"username": each.username, "display_name": each.display_name} for each in people],
            "may_write": (await rights_of(self)).write,
        }
        await self.finish(json.dumps(told))


async def document_of(handler: JupyterHandler, registry: Registry, path: str) -> DocumentRoom:
    """Return the document that a request is about, or answer 404."""
    notebook = path.endswith(".ipynb")
    file_format = handler.get_query_argument("format", "json" if notebook else "text")
    content_type = handler.get_query_argument("type", "notebook" if notebook else "file")
    file_id = handler.settings["file_id_manager"].get_id(path.strip("/"))
    room_id = f"{file_format}:{content_type}:{file_id}"
    if file_id is None or file_format not in FORMATS or not ROOM_ID.fullmatch(room_id):
        raise web.HTTPError(404, f"{path!r} has not been opened as {file_format} yet.")
    try:
        room = await registry.room(room_id)
    except RoomError as error:
        raise web.HTTPError(404, str(error)) from error
    assert isinstance(room, DocumentRoom)
    return room


def unread_bytes(socket: WebSocketHandler) -> int:
    """Return how much a connection has not taken yet."""
    stream = getattr(socket.ws_connection, "stream", None)  # tornado has no public way to ask
    buffer = getattr(stream, "_write_buffer", None)
    return len(buffer) if buffer is not None else 0
