"""Target: cells of a notebook, run in the child itself, without sockets and threads.

The kernel and its shell are built once, in the parent (`prepare`); a child only connects them with its owner's
channel and runs what it is sent. Everything that a full kernel would publish is sent as the same message.
"""

from __future__ import annotations

import asyncio
import builtins
import ctypes
import functools
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from . import child, evaluation, plain_cells, pristine, sealed, warden, wire
from .kernel import choose_plot_backend
from .streams import ChannelStream

_kernel: Any = None
_channel: Any = None
_loop: asyncio.AbstractEventLoop | None = None
_loop_pid = 0
_own_runner: Any = None
_restore: Callable[[], None] | None = None
_libc = ctypes.CDLL(None)
_ASKS_FOR_LOOP = ("await", "async", "%", "!")


def prepare() -> None:
    """Build the kernel, in the parent; its messages have nowhere to go yet."""
    global _kernel, _channel, _own_runner, _restore
    from .short_kernel import build_kernel

    os.environ["IPYTHONDIR"] = "/nonexistent"
    _kernel, _channel = build_kernel()
    _own_runner = _kernel.shell.loop_runner
    _restore = pristine.remember(_kernel)
    _choose_plot_backend()


def rehearse() -> None:
    """Run some first cells in a throw-away child."""
    from .kernel import first_cells

    _rehearse(first_cells())


def rehearse_plainly() -> None:
    """Run some first cells that import no scientific library."""
    from .kernel import first_cells

    _rehearse(source for source in first_cells() if "matplotlib" not in source and "pandas" not in source)


def _rehearse(cells: Iterable[str]) -> None:
    prepare()
    mine, other = socket.socketpair()
    mine.setblocking(False)
    _channel.connect(other)
    _connect_streams()
    for source in cells:
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
    _choose_plot_backend()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    entry = child.sandbox_entry
    isolation = None if entry is None else {"reached": entry.reached, "missing": entry.missing}
    _channel.send("ready", {"sandbox": isolation})
    sealed.server(sock, _run_order, _evaluate_in_fork, _watcher())()


def _watcher() -> Callable[[], None] | None:
    """Return what begins to watch cells; only that holds what an evaluation puts back."""
    global _restore
    restore, _restore = _restore, None
    return None if restore is None else functools.partial(warden.watch, restore, _kernel.shell.user_ns)


def _run_order(operation: str, message: dict[str, Any], descriptors: list[int]) -> None:
    if operation == "execute":
        _channel.send("execute_reply", _execute(str(message["source"])))
    elif operation == "execute-plainly":
        _execute_plainly(message["cells"])
    elif operation == "conclude":
        evaluation.conclude(descriptors[0], _become_plain_evaluator)


def _evaluate_in_fork(operation: str, descriptor: int) -> None:
    ways = {"evaluate": _become_evaluator, "judge": _become_judge, "evaluate-plainly": _become_plain_evaluator}
    execute = ways[operation]
    evaluation.evaluate(socket.socket(fileno=descriptor), execute)


def _choose_plot_backend() -> None:
    """Choose the backend for plots, unless it is chosen: checking its name costs more than most cells."""
    chosen = os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib is not None and dict.__getitem__(matplotlib.rcParams, "backend") != chosen:
        choose_plot_backend()


def _event_loop() -> asyncio.AbstractEventLoop:
    """Return this process's loop, made at its first cell that may ask for one."""
    global _loop, _loop_pid
    if _loop is None or _loop_pid != os.getpid():
        from tornado.ioloop import IOLoop

        _loop, _loop_pid = asyncio.new_event_loop(), os.getpid()
        asyncio.set_event_loop(_loop)
        _kernel.io_loop = IOLoop.current()
    return _loop


def _connect_streams() -> None:
    sys.stdout = ChannelStream("stdout", 1, _channel)
    sys.stderr = ChannelStream("stderr", 2, _channel)


def _become_evaluator(sock: socket.socket, source: str) -> dict[str, Any]:
    """In a fork: run code as it is written, with everything it sends going to another channel; return the reply."""
    _channel.connect(sock)
    return _execute(source)


def _become_judge(sock: socket.socket, source: str) -> dict[str, Any]:
    """In a fork: show the value of an expression as text, without a shell, which cells may have changed."""
    _channel.connect(sock)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    shell = _kernel.shell
    names = {"__builtins__": builtins, "get_ipython": lambda: shell}
    try:
        text = repr(eval(compile(source, "<judge>", "eval"), names))  # noqa: S307 - as a cell's code is run
        shown = {"data": {"text/plain": text}, "metadata": {}, "execution_count": 1}
        _flush()
        wire.send(sock, {"type": "execute_result", "content": shown})
    except BaseException as error:  # whatever the code raises is its answer
        return {"status": "error", "ename": type(error).__name__, "evalue": "", "traceback": []}
    return {"status": "ok"}


def _become_plain_evaluator(sock: socket.socket, source: str) -> dict[str, Any]:
    """As `_become_evaluator`, for Python without magics, and without what a shell does around a cell."""
    _channel.connect(sock)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    reply = plain_cells.run_program(_kernel.shell, source)
    _flush()
    return reply


def _execute_plainly(cells: Any) -> None:
    """Run consecutive cells that `plain_cells` can run; a message goes before the outputs of each."""
    for number, (source, is_program) in enumerate(cells):
        _channel.send("cell", {"number": number})
        if is_program:
            reply = plain_cells.run_program(_kernel.shell, source)
            _channel.send("program_reply", reply)
        elif plain_cells.needs_shell(source):
            _execute(source)
        else:
            plain_cells.run_cell(_kernel.shell, _channel, source)
        _flush()
    _channel.send("execute_reply", {"status": "ok"})


def _execute(source: str) -> dict[str, Any]:
    """Run one cell and return the content of its `execute_reply`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _kernel.set_parent([], {"header": {"msg_id": "cell", "msg_type": "execute_request"}})
        reply = _run(_kernel.do_execute(source, silent=False, store_history=True), source)
    except KeyboardInterrupt:
        reply = {"status": "error", "ename": "KeyboardInterrupt", "evalue": "", "traceback": []}
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _flush()
    return dict(json.loads(json.dumps(reply, default=repr)))


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    _libc.fflush(None)


def _run(execution: Coroutine[Any, Any, dict[str, Any]], source: str) -> dict[str, Any]:
    """Run a cell to its end; without an event loop, which costs as much as a small cell, where none is asked for."""
    shell = _kernel.shell
    if _loop_pid == os.getpid() or any(mark in source for mark in _ASKS_FOR_LOOP):
        shell.loop_runner = _own_runner
        return _event_loop().run_until_complete(execution)
    shell.loop_runner = _no_runner
    try:
        execution.send(None)
    except StopIteration as end:
        return dict(end.value)
    raise RuntimeError("a cell without a loop waited for one")


def _no_runner(_execution: object) -> None:
    raise RuntimeError("this cell has no event loop")
