"""Where a cell's output goes in a child without sockets."""

from __future__ import annotations

import base64
import io
import json
import os
import socket
import time
from datetime import date
from typing import Any

from . import wire

_FLUSH_BYTES = 8192
_FLUSH_SECONDS = 0.05


class Channel:
    """Sends Jupyter messages to the owner; messages before `connect` are dropped."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._pid = 0

    def connect(self, sock: socket.socket) -> None:
        """Send to this socket from now on, from this process only."""
        self._socket = sock
        self._pid = os.getpid()

    def send(self, kind: str, content: dict[str, Any]) -> None:
        """Send one message. A process that the cell has forked stays silent, as it does in a full kernel."""
        if self._socket is not None and os.getpid() == self._pid:
            plain = json.loads(json.dumps(content, default=_plain))
            wire.send(self._socket, {"type": kind, "content": plain})


class ChannelStream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` as `stream` messages, buffered for a moment.

    Parameters
    ----------
    name
        `stdout` or `stderr`.
    descriptor
        What subprocesses and compiled code write to instead.
    channel
        Where the messages go.
    """

    def __init__(self, name: str, descriptor: int, channel: Channel) -> None:
        self._name = name
        self._descriptor = descriptor
        self._channel = channel
        self._parts: list[str] = []
        self._size = 0
        self._flushed_at = 0.0

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Text is sent as UTF-8."""
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        """Lone surrogates are kept; JSON escapes them."""
        return "surrogatepass"

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """Never."""
        return False

    def fileno(self) -> int:
        """The descriptor that subprocesses inherit."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Keep the text; send when there is enough of it, or when some time has passed."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._parts.append(text)
        self._size += len(text)
        now = time.monotonic()
        if self._size > _FLUSH_BYTES or ("\n" in text and now - self._flushed_at > _FLUSH_SECONDS):
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Send what is kept."""
        self._flushed_at = time.monotonic()
        if self._parts:
            text = "".join(self._parts)
            self._parts, self._size = [], 0
            self._channel.send("stream", {"name": self._name, "text": text})


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, date):
        return value.isoformat()
    return repr(value)
