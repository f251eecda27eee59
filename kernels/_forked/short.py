"""Target: cells of a notebook, run in the child itself, without sockets and threads.

The kernel and its shell are built once, in the parent (`prepare`); a child only connects them with its owner's
channel and runs what it is sent. Everything that a full kernel would publish is sent as the same message.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import socket
import sys
from typing import Any

from . import child, evaluation, wire
from .kernel import choose_plot_backend
from .streams import ChannelStream

_kernel: Any = None
_channel: Any = None


def prepare() -> None:
    """Build the kernel, in the parent; its messages have nowhere to go yet."""
    global _kernel, _channel
    from .short_kernel import build_kernel

    os.environ["IPYTHONDIR"] = "/nonexistent"
    _kernel, _channel = build_kernel()


def rehearse() -> None:
    """Run some first cells in a throw-away child."""
    from .kernel import first_cells

    prepare()
    mine, other = socket.socketpair()
    mine.setblocking(False)
    _channel.connect(other)
    _connect_loop()
    _connect_streams()
    choose_plot_backend()
    for source in first_cells():
        _execute(source)
        while True:
            try:
                mine.recv(1 << 20)
            except BlockingIOError:
                break


def main(arguments: list[str]) -> None:
    """Serve the channel whose descriptor is the first argument, until it closes."""
    if _kernel is None:
        prepare()
    sock = socket.socket(fileno=int(arguments[0]))
    _channel.connect(sock)
    _connect_streams()
    choose_plot_backend()
    _connect_loop()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    entry = child.sandbox_entry
    isolation = None if entry is None else {"reached": entry.reached, "missing": entry.missing}
    _channel.send("ready", {"sandbox": isolation})
    while True:
        try:
            message, descriptors = wire.receive(sock)
        except wire.WireError:
            return
        if message["operation"] == "stop":
            return
        if message["operation"] == "execute":
            _channel.send("execute_reply", _execute(str(message["source"])))
        elif message["operation"] == "evaluate":
            evaluation.perform(sock, descriptors[0], str(message["source"]), _become_evaluator)


def _connect_loop() -> None:
    from tornado.ioloop import IOLoop

    asyncio.set_event_loop(asyncio.new_event_loop())
    _kernel.io_loop = IOLoop.current()


def _connect_streams() -> None:
    sys.stdout = ChannelStream("stdout", 1, _channel)
    sys.stderr = ChannelStream("stderr", 2, _channel)


def _become_evaluator(sock: socket.socket, source: str) -> dict[str, Any]:
    """In a fork: run code with everything it sends going to another channel; return the reply."""
    _connect_loop()
    _channel.connect(sock)
    return _execute(source)


def _execute(source: str) -> dict[str, Any]:
    """Run one cell and return the content of its `execute_reply`."""
    loop = asyncio.get_event_loop_policy().get_event_loop()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _kernel.set_parent([], {"header": {"msg_id": "cell", "msg_type": "execute_request"}})
        reply = loop.run_until_complete(_kernel.do_execute(source, silent=False, store_history=True))
    except KeyboardInterrupt:
        reply = {"status": "error", "ename": "KeyboardInterrupt", "evalue": "", "traceback": []}
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout.flush()
    sys.stderr.flush()
    ctypes.CDLL(None).fflush(None)
    return dict(json.loads(json.dumps(reply, default=repr)))
