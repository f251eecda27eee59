"""The kernel's websocket: without delay, with the reason of a kernel's end, and with outputs of bounded length."""

# Jupyter Server is not typed.
# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from jupyter_client.jsonutil import json_default
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.services.kernels.connection.base import serialize_msg_to_ws_v1
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado import web

from .deaths import Death
from .kept_outputs import COUNTED, CellFlow, KeptOutputs

_MOST_MESSAGES = 1000
_SUBSCRIPTION_SECONDS = 2.0


class PlatformWebsocketConnection(ZMQChannelsWebsocketConnection):
    """A kernel's websocket without Nagle's delay, that tells the user why a kernel ended."""

    _last_execution: dict[str, Any] | None = None
    _cells: dict[str, CellFlow]
    _subscribing = False
    _first_heard: list[bytes] | None = None

    def connect(self) -> Any:
        """Connect; small messages leave at once (`TCP_NODELAY`), which saves 40 ms per round trip."""
        self._cells = {}
        with contextlib.suppress(AttributeError):
            self.websocket_handler.set_nodelay(True)
        connected = super().connect()
        if connected is not None:
            connected.add_done_callback(self._pass_on_first)
        return connected

    def create_stream(self) -> None:
        """Connect to the kernel's channels."""
        super().create_stream()
        self._subscribing = True

    def nudge(self) -> Any:
        """Return a future that is done when what the kernel sends is heard.

        Jupyter asks an idle kernel until it is, and takes a busy one for heard, whose outputs are lost until it is.
        """
        if not self._subscribing or getattr(self.kernel_manager, "execution_state", None) != "busy":
            return super().nudge()
        return asyncio.ensure_future(self._hear())

    async def _hear(self) -> None:
        # A kernel welcomes new subscribers (`iopub_welcome`, version 5.4 of the protocol), busy or not.
        iopub, heard = self.channels["iopub"], asyncio.get_running_loop().create_future()

        def hear(message: list[bytes]) -> None:
            iopub.stop_on_recv()  # what follows waits in the socket for the page's own handler
            heard.set_result(message)

        iopub.on_recv(hear)
        with contextlib.suppress(TimeoutError):  # an older kernel, which says nothing just now
            self._first_heard = await asyncio.wait_for(heard, _SUBSCRIPTION_SECONDS)
        if not iopub.closed():
            iopub.stop_on_recv()

    def _pass_on_first(self, _connected: object) -> None:
        message, self._first_heard = self._first_heard, None
        if message is not None and not self.channels["iopub"].closed():
            self.handle_outgoing_message(self.channels["iopub"], message)

    def handle_incoming_message(self, incoming_msg: Any) -> None:
        """Pass a message on; remember the last cell, to tell it when the kernel ends under it."""
        super().handle_incoming_message(incoming_msg)
        header = _execute_header(incoming_msg, self)
        if header is not None:
            self._last_execution = header

    def on_kernel_restarted(self) -> None:
        """Say why, in the cell that ran, then that the kernel has restarted."""
        self._tell_death()
        super().on_kernel_restarted()

    def on_restart_failed(self) -> None:
        """Say why, in the cell that ran, then that the kernel is dead."""
        self._tell_death()
        super().on_restart_failed()

    def _limit_rate(self, channel: str, msg: dict[str, Any], msg_list: list[bytes]) -> bool:
        """Whether a message is not sent on: the cell has sent too much, or, as Jupyter has it, too fast."""
        if channel == "iopub" and self._hold_back(msg, msg_list):
            return True
        return bool(super()._limit_rate(channel, msg, msg_list))

    def _hold_back(self, msg: dict[str, Any], parts: list[bytes]) -> bool:
        manager = self.multi_kernel_manager
        msg["header"] = self.get_part("header", msg["header"], parts)
        kind = msg["header"]["msg_type"]
        if (kind not in COUNTED and kind not in ("clear_output", "status")) or not hasattr(manager, "kept_outputs"):
            return False
        parent = msg["parent_header"] = self.get_part("parent_header", msg["parent_header"], parts)
        cell = str(parent.get("msg_id", ""))
        flow = self._cells.setdefault(cell, CellFlow()) if kind in COUNTED else self._cells.get(cell)
        if flow is None:
            return False
        if kind == "clear_output":
            flow.clear()
        elif kind == "status":
            self._end_flow(cell, flow, msg, parts)
        elif not flow.passes(sum(map(len, parts[3:])), manager.limits_of(self.kernel_id)):
            msg["content"] = self.get_part("content", msg["content"], parts)
            manager.kept_outputs.keep(self.kernel_id, cell, msg["header"]["msg_id"], kind, msg["content"])
            if flow.held == 1:
                self.write_stderr(
                    "[Output is cut here: the cell has reached its limit. The rest is kept on the server.]", parent
                )
            return True
        return False

    def _end_flow(self, cell: str, flow: CellFlow, msg: dict[str, Any], parts: list[bytes]) -> None:
        msg["content"] = self.get_part("content", msg["content"], parts)
        if msg["content"].get("execution_state") != "idle":
            return
        del self._cells[cell]
        if flow.held:
            size = f"{flow.held_bytes / 1e6:.1f} MB in {flow.held} messages"
            address = f"{self.websocket_handler.base_url}api/kernels/{self.kernel_id}/outputs/{cell}"
            self.write_stderr(f"[{size} were not shown. Fetch them from {address}]", msg["parent_header"])

    def _send_status_message(self, status: str) -> None:
        """Send a status, with the reason when it says that the kernel has ended."""
        death = self._death()
        iopub = self.channels.get("iopub")
        if iopub is not None and not iopub.closed():
            iopub.flush()  # what the kernel has sent comes first
        content = {"execution_state": status} | ({"reason": death.message} if death is not None else {})
        message = self.session.msg("status", content)
        if self.subprotocol == "v1.kernel.websocket.jupyter.org":
            self.write_message(serialize_msg_to_ws_v1(message, "iopub", self.session.pack), binary=True)
        else:
            message["channel"] = "iopub"
            self.write_message(json.dumps(message, default=json_default))

    def _death(self) -> Death | None:
        death_of = getattr(self.multi_kernel_manager, "death_of", None)
        return death_of(self.kernel_id) if death_of is not None else None

    def _tell_death(self) -> None:
        death = self._death()
        if death is None or self._last_execution is None:
            return
        text = f"{death.message}\n{death.traceback}".rstrip() + "\n"
        self.write_stderr(text, self._last_execution)


def _execute_header(incoming: Any, connection: ZMQChannelsWebsocketConnection) -> dict[str, Any] | None:
    """The header of an `execute_request` on the wire, or `None` for any other message."""
    if b"execute_request" not in (incoming if isinstance(incoming, bytes) else str(incoming).encode()):
        return None
    from jupyter_server.services.kernels.connection.base import (
        deserialize_binary_message,
        deserialize_msg_from_ws_v1,
    )

    try:
        if connection.subprotocol == "v1.kernel.websocket.jupyter.org":
            _channel, parts = deserialize_msg_from_ws_v1(incoming)
            header = connection.session.unpack(parts[0])
        elif isinstance(incoming, bytes):
            header = deserialize_binary_message(incoming)["header"]
        else:
            header = connection.session.unpack(incoming)["header"]
    except (KeyError, IndexError, ValueError, TypeError):
        return None
    return dict(header) if header.get("msg_type") == "execute_request" else None


class OutputsHandler(APIHandler):
    """`GET api/kernels/<kernel>/outputs/<message>?offset=&limit=`: what a cell sent beyond its limit."""

    auth_resource = "kernels"

    @web.authenticated
    @authorized
    async def get(self, kernel_id: str, message_id: str) -> None:
        """Return messages that were held back, in order.

        `message_id` is that of the cell's `execute_request`; `offset` counts messages, `next_offset` is null at the
        end.
        """
        try:
            offset = max(int(self.get_query_argument("offset", "0")), 0)
            limit = min(max(int(self.get_query_argument("limit", "100")), 1), _MOST_MESSAGES)
        except ValueError:
            raise web.HTTPError(400, "`offset` and `limit` are numbers of messages.") from None
        kept: KeptOutputs | None = getattr(self.kernel_manager, "kept_outputs", None)
        if kept is None or kernel_id not in self.kernel_manager:
            raise web.HTTPError(404, f"There is no kernel {kernel_id}.")
        try:
            page = await asyncio.to_thread(kept.page, kernel_id, message_id, offset, limit)
        except KeyError:
            raise web.HTTPError(404, f"Nothing is kept of the cell {message_id}: it was within its limit.") from None
        await self.finish(json.dumps(page))
