"""The owner's side of a child's channel and of its standard output, on an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import socket
import struct
from codecs import getincrementaldecoder

from ._forked import wire
from .backend import MessageHandler

_LENGTH = struct.Struct("!I")
_READ_BYTES = 1 << 16


class AsyncWire:
    """Messages over a socket, as `_forked.wire` frames them."""

    def __init__(self, sock: socket.socket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.socket = sock
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, sock: socket.socket) -> AsyncWire:
        """Take over a connected socket."""
        # The transport closes its own copy; descriptors are sent through the original.
        reader, writer = await asyncio.open_unix_connection(sock=sock.dup())
        sock.setblocking(True)
        return cls(sock, reader, writer)

    async def send(self, message: wire.Message) -> None:
        """Send one message; raises `OSError` when the other side is gone."""
        body = json.dumps(message).encode()
        self._writer.write(_LENGTH.pack(len(body)) + body)
        await self._writer.drain()

    async def receive(self) -> wire.Message:
        """Wait for one message; raises `WireError` when there is none to come."""
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            if length > wire.MAX_MESSAGE_BYTES:
                raise wire.WireError(f"a message of {length} bytes is longer than {wire.MAX_MESSAGE_BYTES}")
            message = json.loads(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ValueError) as error:
            raise wire.WireError(str(error)) from error
        if not isinstance(message, dict):
            raise wire.WireError("a message must be a JSON object")
        return message

    async def close(self) -> None:
        """Close both ends of this side."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
        self.socket.close()


class RawOutput:
    """What subprocesses and compiled code write to a standard descriptor of the child, as `stream` messages."""

    def __init__(self, name: str, descriptor: int) -> None:
        self._name = name
        self._descriptor = descriptor
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._task: asyncio.Task[None] | None = None
        self._handler: MessageHandler | None = None
        os.set_blocking(descriptor, False)

    def start(self, handler: MessageHandler) -> None:
        """Pass on what comes, from now on."""
        self._handler = handler
        self._task = asyncio.create_task(self._pump())

    async def drain(self) -> None:
        """Pass on what has come already."""
        while (data := self._read()) and self._handler is not None:
            await self._handler("stream", {"name": self._name, "text": self._decoder.decode(data)})

    def has_more(self) -> bool:
        """Whether something has come that was not passed on."""
        return bool(select.select([self._descriptor], [], [], 0)[0])

    def stop(self) -> None:
        """Pass on nothing more; what comes waits."""
        if self._task is not None:
            self._task.cancel()
        self._task = self._handler = None

    def close(self) -> None:
        """Close the descriptor."""
        self.stop()
        os.close(self._descriptor)

    def _read(self) -> bytes:
        try:
            return os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return b""

    async def _pump(self) -> None:
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self._descriptor, readable.set)
        try:
            while True:
                await readable.wait()
                readable.clear()
                data = self._read()
                if not data:
                    return
                if self._handler is not None:
                    await self._handler("stream", {"name": self._name, "text": self._decoder.decode(data)})
        finally:
            loop.remove_reader(self._descriptor)
