"""ipykernel's own kernel, with its session and streams replaced by a channel; imported in the parent only."""

from __future__ import annotations

import inspect
import logging
import sys
import threading
from types import SimpleNamespace
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.history import HistoryManager
from jupyter_client.session import Session
from traitlets.config import Config

from .streams import Channel


class ChannelSession(Session):
    """A session that hands messages to a channel instead of a socket."""

    def __init__(self, channel: Channel, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._channel = channel

    def send(self, stream: Any, msg_or_type: Any, content: Any = None, *_args: Any, **_kwargs: Any) -> dict[str, Any]:
        """Send a message, given whole or as type and content."""
        if isinstance(msg_or_type, str):
            kind, body = msg_or_type, content or {}
        else:
            kind, body = msg_or_type["header"]["msg_type"], msg_or_type["content"]
        if kind in ("display_data", "update_display_data", "execute_result", "error", "clear_output", "stream"):
            self._channel.send(kind, body)
        return {"header": {"msg_type": kind}, "content": body, "parent_header": {}, "metadata": {}}


class ChannelShell(ZMQInteractiveShell):
    """A shell without event loops of graphical toolkits: plots are images in the notebook."""

    def enable_gui(self, gui: str | None = None) -> None:
        """Remember the toolkit; there is no loop to integrate."""
        self.active_eventloop = gui


def build_kernel() -> tuple[IPythonKernel, Channel]:
    """A kernel without sockets, threads, history file and user's configuration, and where it sends."""
    channel = Channel()
    config = Config()
    config.HistoryManager.enabled = False
    HistoryManager.enabled.default_value = False
    session = ChannelSession(channel, key=b"unused")
    log = logging.getLogger("ipykernel")
    kernel = IPythonKernel(  # type: ignore[no-untyped-call]
        session=session, iopub_socket=channel, config=config, user_ns={}, log=log, shell_class=ChannelShell
    )
    kernel._allow_stdin = False
    # Cells with a top-level await ask which thread is the kernel's: here it is the only one.
    kernel.shell_channel_thread = SimpleNamespace(parent_thread=threading.main_thread())
    _name_cells(kernel.shell)
    _warm(kernel.shell)
    return kernel, channel


def _name_cells(shell: Any) -> None:
    """Note with each cell that it belongs to `__main__`.

    For a file that it does not know, `inspect` looks at every module there is; in a child this copies thousands of
    pages, for the first traceback alone.
    """
    compiler = shell.compile
    stock = compiler.cache

    def cache(*args: Any, **kwargs: Any) -> str:
        name: str = stock(*args, **kwargs)
        inspect.modulesbyfile[name] = "__main__"
        return name

    compiler.cache = cache


def _warm(shell: Any) -> None:
    """Fill the caches of what formats tracebacks and values, in the parent, once for all children."""
    inspect.getmodule(compile("", "<nowhere>", "exec"))
    shell.display_formatter.format(1)
    try:
        eval(compile("1 / 0", "<cell>", "eval"))  # noqa: S307
    except ZeroDivisionError:
        shell.InteractiveTB.structured_traceback(*sys.exc_info())
        shell.InteractiveTB.etype = shell.InteractiveTB.value = shell.InteractiveTB.tb = None
