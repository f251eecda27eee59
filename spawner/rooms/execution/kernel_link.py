"""The server's own connection to a kernel, over which cells run whether or not a page is open."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spawner.rooms.execution.requests import Prompt

log = logging.getLogger("collegium.rooms")
CONNECT_SECONDS = 60.0
NUDGE_SECONDS = 0.25
IDLE_SECONDS = 5.0
LOST_SECONDS = 15.0
OnMessage = Callable[[str, Mapping[str, Any]], None]
OnPrompt = Callable[[Prompt | None], None]


class KernelLostError(Exception):
    """The kernel that ran the cell is not there any more; the message says why."""


@dataclass
class _Running:
    message_id: str
    on_message: OnMessage
    on_prompt: OnPrompt
    reply: asyncio.Future[Mapping[str, Any]]
    idle: asyncio.Event = field(default_factory=asyncio.Event)


class KernelLink:
    """Runs one cell at a time in a kernel.

    Parameters
    ----------
    client
        Jupyter's asynchronous client of the kernel, not started yet.
    ending
        Returns whether the kernel is being shut down or restarted.
    """

    def __init__(self, client: Any, ending: Callable[[], bool]) -> None:
        self._client = client
        self._ending = ending
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tasks: list[asyncio.Task[None]] = []
        self._running: _Running | None = None
        self._heard = asyncio.Event()

    async def connect(self) -> None:
        """Open the channels and wait until the kernel's messages arrive.

        Raises
        ------
        KernelLostError
            It does not answer within a minute.
        """
        client = self._client
        client.start_channels(hb=False)
        readers = (
            (client.iopub_channel, self._on_iopub),
            (client.shell_channel, self._on_shell),
            (client.stdin_channel, self._on_stdin),
        )
        self._tasks = [asyncio.create_task(self._read(channel, act)) for channel, act in readers]
        deadline = asyncio.get_running_loop().time() + CONNECT_SECONDS
        while not self._heard.is_set():  # a subscription takes a moment, and what was sent before it is lost
            if asyncio.get_running_loop().time() > deadline:
                raise KernelLostError("The kernel did not answer within a minute.")
            client.control_channel.send(client.session.msg("kernel_info_request"))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), NUDGE_SECONDS)

    async def execute(self, code: str, on_message: OnMessage, on_prompt: OnPrompt) -> Mapping[str, Any]:
        """Run code; return the content of the kernel's reply.

        Raises
        ------
        KernelLostError
            `lose` was called meanwhile.
        """
        client = self._client
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        message = client.session.msg("execute_request", content | {"allow_stdin": True, "stop_on_error": False})
        reply: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._running = running = _Running(message["header"]["msg_id"], on_message, on_prompt, reply)
        client.shell_channel.send(message)
        try:
            answer = await reply
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(running.idle.wait(), IDLE_SECONDS)
            if answer.get("status") != "ok" and self._ending():  # it is interrupted on its way out
                with contextlib.suppress(TimeoutError):
                    raise KernelLostError(await asyncio.wait_for(self._lost, LOST_SECONDS))
            return answer
        finally:
            self._running = None

    def answer(self, value: str) -> None:
        """Answer the program's question."""
        self._client.input(value)

    def lose(self, reason: str) -> None:
        """End the wait for a kernel that has gone."""
        if not self._lost.done():
            self._lost.set_result(reason)
        if self._running is not None and not self._running.reply.done():
            self._running.reply.set_exception(KernelLostError(reason))

    def close(self) -> None:
        """Close the channels."""
        for task in self._tasks:
            task.cancel()
        self._client.stop_channels()
        if getattr(self._client, "_created_context", False):
            self._client.context.destroy(linger=0)

    async def _read(self, channel: Any, act: Callable[[Mapping[str, Any]], None]) -> None:
        receive: Callable[[], Awaitable[Mapping[str, Any]]] = channel.get_msg
        while True:
            try:
                message = await receive()
            except ValueError as error:
                log.warning("a message of a kernel cannot be read: %s", error)
                continue
            self._heard.set()
            act(message)

    def _of_running(self, message: Mapping[str, Any]) -> _Running | None:
        running = self._running
        return running if running and message["parent_header"].get("msg_id") == running.message_id else None

    def _on_iopub(self, message: Mapping[str, Any]) -> None:
        running = self._of_running(message)
        if running is None:
            return
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "status" and content.get("execution_state") == "idle":
            running.idle.set()
        else:
            running.on_message(kind, content)

    def _on_shell(self, message: Mapping[str, Any]) -> None:
        running = self._of_running(message)
        if running is not None and message["header"]["msg_type"] == "execute_reply" and not running.reply.done():
            running.reply.set_result(message["content"])

    def _on_stdin(self, message: Mapping[str, Any]) -> None:
        running = self._of_running(message)
        if running is None:
            return
        header: dict[str, object] = {key: str(value) for key, value in message["header"].items()}
        content = message["content"]
        running.on_prompt(Prompt(str(content.get("prompt", "")), bool(content.get("password")), header))
