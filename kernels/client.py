"""Clients of Jupyter's that notice at once when their kernel is ready."""

from __future__ import annotations

import time
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.client import KernelClient
from jupyter_core.utils import ensure_async, run_sync

_REPLY_SECONDS = 1.0
_SUBSCRIPTION_SECONDS = 0.2


async def wait_until_ready(client: KernelClient, timeout: float | None = None) -> None:
    """Wait until the kernel has answered and its output channel is empty and subscribed to.

    Jupyter's own clients know that the channel is empty when it has been silent for 0.2 s. Here the kernel is known
    to be idle when it says so, in answer to a request of ours.

    Raises
    ------
    RuntimeError
        If the kernel ends, or does not answer within `timeout` seconds.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        request = client.kernel_info()
        if await _answered(client, request):
            return
        if not await client._async_is_alive():
            raise RuntimeError("Kernel died before replying to kernel_info")
        if deadline is not None and time.monotonic() > deadline:
            raise RuntimeError(f"Kernel didn't respond in {timeout:.0f} seconds")


async def _answered(client: KernelClient, request: str) -> bool:
    try:
        reply = await _message_about(client.shell_channel, request, _REPLY_SECONDS)
        client._handle_kernel_info_reply(reply)
        while True:
            message = await _message_about(client.iopub_channel, request, _SUBSCRIPTION_SECONDS)
            if message["content"].get("execution_state") == "idle":
                return True
    except Empty:
        return False  # it is slow to start, or its first messages came before the subscription


async def _message_about(channel: Any, request: str, seconds: float) -> dict[str, Any]:
    """The next message that answers a request; what else comes is dropped. Raises `Empty`."""
    deadline = time.monotonic() + seconds
    while True:
        message: dict[str, Any] = await ensure_async(channel.get_msg(timeout=max(deadline - time.monotonic(), 0)))
        if message["parent_header"].get("msg_id") == request:
            return message


class PromptKernelClient(BlockingKernelClient):
    """Jupyter's blocking client, without the fixed wait at the start."""

    async def _async_wait_for_ready(self, timeout: float | None = None) -> None:
        await wait_until_ready(self, timeout)

    wait_for_ready = run_sync(_async_wait_for_ready)


class PromptAsyncKernelClient(AsyncKernelClient):
    """Jupyter's asynchronous client, without the fixed wait at the start."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel is ready; see `wait_until_ready`."""
        await wait_until_ready(self, timeout)


_PROMPT = {BlockingKernelClient: PromptKernelClient, AsyncKernelClient: PromptAsyncKernelClient}


def prompt_client(factory: type[KernelClient]) -> type[KernelClient]:
    """The prompt twin of one of Jupyter's clients; any other class is left as it is."""
    return _PROMPT.get(factory, factory)
