"""Large outputs over HTTP; what a program has written never runs as part of our pages."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from spawner.rooms.execution.output_store import OutputStore
from spawner.rooms.members import RESOURCE

MIME = re.compile(r"[\w.+-]+/[\w.+-]+")
PIECE_BYTES = 1_000_000


class KeptHandler(APIHandler):
    """Base of the handlers of what is kept beside the documents."""

    auth_resource = RESOURCE

    def initialize(self, outputs: OutputStore) -> None:
        """Take over the store."""
        self.outputs = outputs

    def protect(self, content_type: str) -> None:
        """Set the headers of an answer that a program has written."""
        self.set_header("Content-Type", content_type)
        self.set_header("Content-Security-Policy", "sandbox allow-scripts")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")


class OutputHandler(KeptHandler):
    """`api/collaboration/outputs/<digest>?type=`."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self, digest: str) -> None:
        """Return one representation of an output."""
        mime = self.get_query_argument("type", "")
        if not MIME.fullmatch(mime):
            raise web.HTTPError(400, f"{mime!r} is no type of content.")
        try:
            value = (await asyncio.to_thread(self.outputs.bundle, digest))[mime]
        except (KeyError, ValueError):
            raise web.HTTPError(404, f"There is no output {digest[:12]}… of type {mime!r}.") from None
        content = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        if isinstance(value, str) and not _is_text(mime):
            try:
                content = base64.b64decode(value)
            except binascii.Error:
                raise web.HTTPError(404, f"The output {digest[:12]}… is no {mime}.") from None
        shown_as = mime + ("; charset=utf-8" if _is_text(mime) else "")
        self.protect(shown_as)
        await self.finish(content, set_content_type=shown_as)


class StreamHandler(KeptHandler):
    """`api/collaboration/streams/<id>?offset=&limit=` or `&download=1`."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self, name: str) -> None:
        """Return a piece of a printed text, or all of it."""
        try:
            offset, limit = int(self.get_query_argument("offset", "0")), int(self.get_query_argument("limit", "0"))
        except ValueError:
            raise web.HTTPError(400, "`offset` and `limit` are numbers of bytes.") from None
        download = bool(self.get_query_argument("download", ""))
        limit = min(limit or PIECE_BYTES, PIECE_BYTES)
        try:
            piece = await asyncio.to_thread(self.outputs.piece, name, max(offset, 0), limit)
            if download:
                await self._send_all(name)
                return
        except KeyError:
            raise web.HTTPError(404, f"There is no text {name[:12]}….") from None
        told = {"text": piece.text, "offset": piece.offset, "next_offset": piece.next_offset}
        await self.finish(json.dumps(told | {"bytes": piece.total, "complete": piece.complete}))

    async def _send_all(self, name: str) -> None:
        self.protect("text/plain; charset=utf-8")
        offset: int | None = 0
        while offset is not None:
            piece = await asyncio.to_thread(self.outputs.piece, name, offset, PIECE_BYTES)
            self.write(piece.text)
            await self.flush()
            offset = piece.next_offset
        await self.finish(set_content_type="text/plain; charset=utf-8")


def _is_text(mime: str) -> bool:
    return mime.startswith("text/") or mime.endswith(("+xml", "json", "javascript"))
