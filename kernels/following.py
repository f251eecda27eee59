"""Follow a kernel that was started anew at another address, as one in a pod is.

Jupyter connects once: after a restart of its own accord everything stays with the old address, and the page says
“restarting” for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

from .websocket import PlatformWebsocketConnection

SERVICE_RESTART = 1012  # RFC 6455: pages connect again
ASK_SECONDS = 0.5
ATTEMPTS = 120


async def follow(kernels: Any, kernel_id: str) -> None:
    """Watch the kernel's activity at its new address, and have pages connect to it.

    Parameters
    ----------
    kernels
        Jupyter's manager of all kernels.
    kernel_id
        Of the kernel that runs elsewhere now.
    """
    manager = kernels.get_kernel(kernel_id)
    manager.execution_state = "starting"
    kernels.stop_watching_activity(kernel_id)
    kernels.start_watching_activity(kernel_id)
    for connection in list(PlatformWebsocketConnection._open_sockets):
        if connection.kernel_id == kernel_id:
            connection.websocket_handler.close(SERVICE_RESTART, "the kernel runs elsewhere now")
    shell = manager.connect_shell()
    try:
        # A subscription takes a moment, and what is said before is lost: ask until the answer is heard.
        for _ in range(ATTEMPTS):
            if kernel_id not in kernels or manager.execution_state != "starting":
                return
            manager.session.send(shell, "kernel_info_request")
            await asyncio.sleep(ASK_SECONDS)
    finally:
        shell.close()
