"""Stops project servers that nobody has used for a while, so that their memory is free for others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hub import runtime
from hub.cluster import cluster_of
from hub.errors import HubError
from hub.jupyterhub_api import JupyterHubApi
from hub.settings import load

log = logging.getLogger("collegium.culler")
LOOK_SECONDS = 60.0


def idle_servers(activity: Mapping[str, datetime], now: datetime, idle: timedelta) -> list[str]:
    """Return the servers whose last activity is longer ago than `idle`, the longest first.

    Parameters
    ----------
    activity
        Last activity of each running server: somebody's request, or a kernel at work.
    """
    return sorted((name for name, at in activity.items() if now - at > idle), key=lambda name: activity[name])


async def cull_once(hub: JupyterHubApi, now: datetime, idle: timedelta) -> list[str]:
    """Stop the idle servers and return their projects; raises `HubError` when the hub does not answer."""
    idle_now = idle_servers(await hub.last_activity(), now, idle)
    for project in idle_now:
        await hub.stop_server(project)
    return idle_now


async def main() -> None:
    """Look once a minute, until SIGTERM; the first process of a container has no other way to end in time."""
    looking = asyncio.create_task(_look())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, looking.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await looking


async def _look() -> None:
    settings = load().settings
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel("WARNING")
    cluster = cluster_of(settings)
    idle = timedelta(seconds=cluster.servers.idleSeconds if cluster else 0)
    if not idle:
        log.info("servers.idleSeconds is 0: nothing is stopped")
        await asyncio.Event().wait()
    hub = JupyterHubApi(runtime.hub_api_url(runtime.read_ports(settings)), runtime.tokens(settings).service)
    while True:
        try:
            for project in await cull_once(hub, datetime.now(UTC), idle):
                log.info("stopped the server of %s: nobody used it for %s", project, idle)
        except HubError as error:
            log.warning("looking again in %.0f s: %s", LOOK_SECONDS, error)
        await asyncio.sleep(LOOK_SECONDS)
