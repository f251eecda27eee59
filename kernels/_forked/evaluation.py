"""Answer what is asked of a throw-away fork of the state that cells have left."""

from __future__ import annotations

import hmac
import json
import os
import socket
from collections.abc import Callable
from typing import Any, NoReturn

from . import wire


def conclude(descriptor: int, execute: Callable[[socket.socket, str], dict[str, Any]]) -> NoReturn:
    """Evaluate in this very process, which ends with it: what a fork costs is saved where nothing runs afterwards.

    Threads that cells have started live on meanwhile, unlike in a fork, and what they have replaced stays: this is
    for cells known to do neither.
    """
    code = 1
    try:
        evaluate(socket.socket(fileno=descriptor), execute)
        code = 0
    finally:
        os._exit(code)


def evaluate(channel: socket.socket, execute: Callable[[socket.socket, str], dict[str, Any]]) -> None:
    """Ask for what is to be evaluated, and answer under the seal of the key that comes with it."""
    wire.send(channel, {"type": "ready", "content": {}})
    greeting, _none = wire.receive(channel)
    seal = hmac.new(bytes.fromhex(str(greeting["key"])), digestmod="sha256")
    source = str(greeting["source"])
    del greeting
    reply = execute(channel, source)
    body = json.dumps(reply, sort_keys=True)
    seal.update(body.encode())
    wire.send(channel, {"type": "execute_reply", "content": reply, "body": body, "seal": seal.hexdigest()})
