"""A document's past over HTTP: the list of its revisions, and the content at any of them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from spawner.rooms.document_room import DocumentRoom
from spawner.rooms.errors import RoomError
from spawner.rooms.files import FileFormat
from spawner.rooms.history import compact, revisions, state_at
from spawner.rooms.members import RESOURCE
from spawner.rooms.registry import FORMATS, Registry
from spawner.rooms.store import EditStore


class HistoryHandler(APIHandler):
    """`GET history/<path>?format=&type=` lists revisions; with `&revision=n` it returns the content at one of them."""

    auth_resource = RESOURCE

    def initialize(self, registry: Registry) -> None:
        """Take over the rooms."""
        self._registry = registry

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self, path: str) -> None:
        """Answer with a list of revisions, or with one revision's content."""
        file_format = self.get_query_argument("format", "text")
        content_type = self.get_query_argument("type", "file")
        revision = self.get_query_argument("revision", "")
        file_id = self.settings["file_id_manager"].get_id(path)
        if file_id is None or file_format not in FORMATS:
            raise web.HTTPError(404, f"There is no history of {path!r} as {file_format}.")
        if revision and not revision.isdigit():
            raise web.HTTPError(400, f"A revision is a number, not {revision!r}.")
        try:
            room = await self._registry.room(f"{file_format}:{content_type}:{file_id}")
        except RoomError as error:
            raise web.HTTPError(404, str(error)) from error
        assert isinstance(room, DocumentRoom)
        await room.save()
        store = room.copy.store.path
        reader = asyncio.to_thread(_content if revision else _listing, store, content_type, file_format, revision)
        try:
            answer = await reader
        except KeyError as error:
            raise web.HTTPError(404, f"There is no revision {revision} of {path!r}.") from error
        self.finish(answer)


def _listing(path: Path, content_type: str, file_format: str, revision: str) -> str:
    store = EditStore(path)
    try:
        compact(store)
        found = revisions(store)
    finally:
        store.close()
    return json.dumps({"revisions": [vars(each) for each in found]})


def _content(path: Path, content_type: str, file_format: str, revision: str) -> str:
    store = EditStore(path)
    try:
        doc = state_at(store, int(revision))
    finally:
        store.close()
    content = FileFormat(content_type, file_format, None).document(doc).get()
    return json.dumps({"revision": int(revision), "format": file_format, "type": content_type, "content": content})
