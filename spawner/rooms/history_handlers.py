"""A document's past over HTTP: its revisions, differences, authors of lines; and going back to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TypeVar

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_ydoc import YNotebook
from tornado import web

from spawner.rooms import past
from spawner.rooms.document_room import DocumentRoom
from spawner.rooms.members import RESOURCE
from spawner.rooms.merge import merge_content
from spawner.rooms.page_handlers import document_of
from spawner.rooms.registry import Registry
from spawner.rooms.talk.service import Talk

Result = TypeVar("Result")


class PastHandler(APIHandler):
    """Base of the handlers of a document's past."""

    auth_resource = RESOURCE

    def initialize(self, registry: Registry, talk: Talk) -> None:
        """Take over the rooms."""
        self._registry = registry
        self.talk = talk

    async def document(self, path: str) -> DocumentRoom:
        """Return the document with everything so far in its store."""
        room = await document_of(self, self._registry, path)
        await room.save()
        return room

    async def read(self, function: Callable[[], Result]) -> Result:
        """Run `function` beside the event loop; answer 404 for a revision that is not there."""
        try:
            return await asyncio.to_thread(function)
        except KeyError as error:
            raise web.HTTPError(404, f"There is no revision {error}.") from error

    def number(self, name: str) -> int:
        """Return a number from the query, or answer 400."""
        value = self.get_query_argument(name, "")
        if not value.isdigit():
            raise web.HTTPError(400, f"`{name}` is the number of a revision, not {value!r}.")
        return int(value)


class HistoryHandler(PastHandler):
    """`GET history/<path>` lists revisions; with `?revision=n` it returns the content at one of them."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self, path: str) -> None:
        """Answer with a list of revisions, or with one revision's content."""
        revision = self.number("revision") if self.get_query_argument("revision", "") else None
        room = await self.document(path)
        store, file_format = room.copy.store.path, room.copy.format
        if revision is None:
            found = await self.read(lambda: past.listing(store))
            users = await asyncio.to_thread(self.talk.store.names)
            answer: dict[str, object] = {"revisions": [vars(each) for each in found], "users": users}
        else:
            content = await self.read(lambda: past.content_at(store, file_format, revision))
            kind = {"format": file_format.file_format, "type": file_format.content_type}
            answer = {"revision": revision, **kind, "content": content}
        await self.finish(json.dumps(answer))


class DiffHandler(PastHandler):
    """`GET diff/<path>?from=n&to=m`."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self, path: str) -> None:
        """Answer with what changed."""
        start, end = self.number("from"), self.number("to")
        room = await self.document(path)
        found = await self.read(lambda: past.difference(room.copy.store.path, room.copy.format, start, end))
        await self.finish(json.dumps(found))


class BlameHandler(PastHandler):
    """`GET blame/<path>`."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self, path: str) -> None:
        """Answer with the author of each line."""
        cell = self.get_query_argument("cell", "")
        room = await self.document(path)
        await self.finish(json.dumps(await self.read(lambda: past.blame(room.copy.store.path, room.copy.format, cell))))


class ExportHandler(PastHandler):
    """`GET export/<path>?revision=n` or `?what=history`."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self, path: str) -> None:
        """Send the file as it was, or all its revisions."""
        everything = self.get_query_argument("what", "") == "history"
        revision = 0 if everything else self.number("revision")
        room, name = await self.document(path), PurePosixPath(path).name
        store, file_format = room.copy.store.path, room.copy.format.unsigned()
        if everything:
            data = await self.read(lambda: past.exported(store, file_format, name))
            name = f"{PurePosixPath(path).stem}-history.zip"
        else:
            data = await self.read(lambda: file_format.write(past.content_at(store, file_format, revision)))
        self.set_attachment_header(name)
        await self.finish(data, set_content_type="application/octet-stream")


class RestoreHandler(PastHandler):
    """`POST restore/<path>`: what was comes back as a new edit, so that nothing is lost."""

    @web.authenticated
    @authorized("write", RESOURCE)  # type: ignore[untyped-decorator]
    async def post(self, path: str) -> None:
        """Restore the document, or one cell."""
        body = self.get_json_body() or {}
        revision, cell_id = body.get("revision"), str(body.get("cell") or "")
        if not isinstance(revision, int):
            raise web.HTTPError(400, "`revision` is the number of a revision.")
        room = await self.document(path)
        store, by = room.copy.store.path, self.current_user.username
        content = await self.read(lambda: past.content_at(store, room.copy.format, revision))
        with room.edit_as(by):
            if not cell_id:
                merge_content(room.document, content)
            elif not restore_cell(room, content, cell_id):
                raise web.HTTPError(404, f"Revision {revision} has no cell {cell_id!r}.")
        await room.save()
        newest = (await self.read(lambda: past.listing(store)))[-1].n
        detail = f"cell of revision {revision}" if cell_id else f"revision {revision}"
        await self.talk.note(by, "restore", room.path, detail)
        await self.finish(json.dumps({"revision": newest}))


def restore_cell(room: DocumentRoom, content: object, cell_id: str) -> bool:
    """Bring one cell to what it was; put it behind the cell it stood behind when it was deleted since."""
    cells = content["cells"] if isinstance(content, dict) else []
    names = [cell.get("id") for cell in cells]
    if cell_id not in names:
        return False
    document = room.document
    if not isinstance(document, YNotebook):
        return False
    now = [cell.get("id") for cell in document.ycells]
    place = names.index(cell_id)
    if cell_id in now:
        document.set_cell(now.index(cell_id), source=cells[place]["source"])
        return True
    before = [now.index(name) for name in names[:place] if name in now]
    document.ycells.insert(before[-1] + 1 if before else 0, document.create_ycell(cells[place]))
    return True
