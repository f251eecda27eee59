"""Messages between the preloaded parent and those who ask it for children.

A message is a JSON object behind four bytes of length, over a Unix stream socket. Descriptors travel with the
length (`SCM_RIGHTS`), so that a child can write into files, pipes and sockets that its owner has opened.
"""

from __future__ import annotations

import json
import os
import socket
import struct

_LENGTH = struct.Struct("!I")
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
MAX_DESCRIPTORS = 16

Message = dict[str, object]


class WireError(Exception):
    """The other side closed, or sent what is no message."""


def send(sock: socket.socket, message: Message, descriptors: list[int] | None = None) -> None:
    """Send one message, and descriptors with it. Blocks until it is written."""
    body = json.dumps(message).encode()
    head = _LENGTH.pack(len(body))
    if descriptors:
        socket.send_fds(sock, [head], descriptors)
    else:
        sock.sendall(head)
    sock.sendall(body)


def receive(sock: socket.socket) -> tuple[Message, list[int]]:
    """Wait for one message.

    Raises
    ------
    WireError
        If the other side has closed, or the message is too long or not a JSON object. Descriptors that came
        with it are closed.
    """
    head, descriptors, _flags, _address = socket.recv_fds(sock, _LENGTH.size, MAX_DESCRIPTORS)
    try:
        head += _read(sock, _LENGTH.size - len(head)) if head else b""
        if not head:
            raise WireError("the other side closed the connection")
        (length,) = _LENGTH.unpack(head)
        if length > MAX_MESSAGE_BYTES:
            raise WireError(f"a message of {length} bytes is longer than {MAX_MESSAGE_BYTES}")
        message = json.loads(_read(sock, length))
        if not isinstance(message, dict):
            raise WireError("a message must be a JSON object")
    except (WireError, ValueError, OSError) as error:
        for descriptor in descriptors:
            os.close(descriptor)
        raise WireError(str(error)) from error
    return message, descriptors


def _read(sock: socket.socket, count: int) -> bytes:
    parts = []
    while count:
        part = sock.recv(min(count, 1 << 20))
        if not part:
            raise WireError("the other side closed the connection in the middle of a message")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def peer_user_id(sock: socket.socket) -> int:
    """User id of the process on the other side (`SO_PEERCRED`, Linux)."""
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, user_id, _gid = struct.unpack("3i", credentials)
    return int(user_id)
