"""Gives a warm kernel the variables that a cold one would have been started with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient

from ..errors import KernelStartError

REPLY_SECONDS = 10.0


async def apply_environment(connection: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Set environment variables in a running IPython kernel, without a trace in its history.

    Raises
    ------
    KernelStartError
        The kernel does not answer.
    """
    if not environment:
        return
    client = AsyncKernelClient()
    client.load_connection_info(dict(connection))  # type: ignore[arg-type]
    client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)  # noqa: S604 - a channel
    try:
        code = f"__import__('os').environ.update({dict(environment)!r})"
        message = client.execute(code, silent=True, store_history=False)
        async with asyncio.timeout(REPLY_SECONDS):
            while True:
                reply = await client.get_shell_msg(timeout=REPLY_SECONDS)
                if reply["parent_header"].get("msg_id") == message:
                    return
    except TimeoutError as error:
        raise KernelStartError("The warm kernel does not answer.") from error
    finally:
        client.stop_channels()
