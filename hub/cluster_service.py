"""What the platform service does on a cluster beside answering: warm pools, orphans, places in the queue."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from tornado import web

from hub.cluster import Cluster
from hub.cluster_pods import template_of
from hub.errors import HubError
from hub.jupyterhub_api import JupyterHubApi
from hub.kernel_gateway import PATH, KernelGateway, KernelGatewayHandler
from hub.runtime import API_PREFIX
from kernels.pods import (
    KERNEL_SELECTOR,
    SERVER_LABEL,
    ApiError,
    KubernetesApi,
    PodWatch,
    WarmPool,
    queue_change,
    queue_places,
    reap_jobs,
    reap_orphans,
)

log = logging.getLogger("collegium.kernels")
REAP_SECONDS = 60.0
KERNEL_GRACE = timedelta(minutes=8)  # ten minutes after a server's end nothing of it is left, however long a look takes
SERVER_GRACE = timedelta(minutes=10)
SERVER_SELECTOR = "app.kubernetes.io/part-of=collegium,app.kubernetes.io/component=project-server"
QUEUE_SECONDS = 2.0


@contextlib.asynccontextmanager
async def on_cluster(app: web.Application, cluster: Cluster, hub: JupyterHubApi) -> AsyncIterator[None]:
    """Connect the service with the cluster that it runs on, for the time of the context."""
    async with KubernetesApi(cluster.namespace) as api:
        gateway = KernelGateway(api, cluster)
        app.add_handlers(r".*", [web.url(API_PREFIX + PATH, KernelGatewayHandler, {"gateway": gateway})])
        task = asyncio.create_task(_look_after_kernels(api, cluster, hub))  # the cluster may be away just now
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _look_after_kernels(api: KubernetesApi, cluster: Cluster, hub: JupyterHubApi) -> None:
    async with looking_after_kernels(api, cluster, hub, lambda: datetime.now(UTC)):
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def looking_after_kernels(
    api: KubernetesApi, cluster: Cluster, hub: JupyterHubApi, now: Callable[[], datetime]
) -> AsyncIterator[None]:
    """Keep pools filled, remove orphans and tell waiting kernels their place, for the time of the context.

    Every copy of the service does it: what they write agrees, and no copy has to be the first.
    """
    async with contextlib.AsyncExitStack() as stack:
        for kernel in cluster.kernels:
            if kernel.warm:
                template, most = template_of(kernel, cluster), max(kernel.warm, kernel.warmMaximum)
                pool = WarmPool(api, kernel.name, template, minimum=kernel.warm, maximum=most)
                await stack.enter_async_context(pool)
        pools = [kernel.name for kernel in cluster.kernels if kernel.warm]
        keep = timedelta(seconds=cluster.jobs.secondsToKeep)
        tasks = [asyncio.create_task(_reap(api, hub, pools, keep, now)), asyncio.create_task(tell_places(api))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _reap(
    api: KubernetesApi, hub: JupyterHubApi, pools: list[str], keep: timedelta, now: Callable[[], datetime]
) -> None:
    unknown: dict[str, datetime] = {}
    kernels: dict[str, datetime] = {}
    while True:
        await asyncio.sleep(REAP_SECONDS)
        try:
            servers = list(await hub.server_states())
            removed = await reap_orphans(api, servers, now(), KERNEL_GRACE, pools=pools, unknown=kernels)
            removed += await reap_servers(api, servers, unknown, now())
            for name in [*removed, *await reap_jobs(api, keep, now())]:
                log.info("removed %s, which nobody owned", name)
        except (ApiError, HubError) as error:
            log.warning("orphans are looked for again in %.0f s: %s", REAP_SECONDS, error)


async def reap_servers(
    api: KubernetesApi, servers: Collection[str], unknown: dict[str, datetime], now: datetime
) -> list[str]:
    """Delete the pods of project servers that the hub has not known for ten minutes, as when its database was restored.

    Parameters
    ----------
    api
        Connected to the namespace of servers.
    servers
        Projects whose servers the hub knows: running, starting or stopping.
    unknown
        When each pod, by its uid, was first seen without being known; kept here from call to call.
    now
        The present.

    Returns
    -------
    list of str
        What was deleted, as `pods/name`.
    """
    found: dict[str, Any] = await api.list("pods", SERVER_SELECTOR)
    orphans = {
        pod["metadata"]["uid"]: pod["metadata"]["name"]
        for pod in found["items"]
        if pod["metadata"]["labels"].get(SERVER_LABEL) not in servers
    }
    for uid in unknown.keys() - orphans.keys():
        del unknown[uid]
    deleted = []
    for uid, name in orphans.items():
        if now - unknown.setdefault(uid, now) >= SERVER_GRACE and await api.delete("pods", name, uid=uid):
            deleted.append(f"pods/{name}")
    return deleted


async def tell_places(api: KubernetesApi) -> None:
    """Write on every pod that waits for something scarce its place in the queue, for ever."""
    watch = PodWatch(api, KERNEL_SELECTOR)
    await watch.start()
    try:
        while True:
            await watch.changed(60.0)
            for state, place in queue_places(watch.states.values()):
                with contextlib.suppress(ApiError):  # it has just got its node, or gone
                    await api.patch("pods", state.name, queue_change(place))
            await asyncio.sleep(QUEUE_SECONDS)
    finally:
        await watch.stop()
