"""One connection and one watch for all kernels that a process has in one namespace."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from .api import Gateway, KubernetesApi
from .watch import PodWatch


@dataclass
class Cluster:
    """A connection with its watch, and how many use them."""

    api: KubernetesApi
    watch: PodWatch
    users: int = 0
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_open: bool = False


_gateways: list[Gateway] = []
_Key = tuple[asyncio.AbstractEventLoop, str, str, str]
_clusters: dict[_Key, Cluster] = {}


def use_gateway(url: str, token: str) -> None:
    """Have all kernels of this process go through the platform's service rather than to the API server."""
    _gateways[:] = [Gateway(url, token)]


async def join(namespace: str, kubeconfig: str, selector: str) -> Cluster:
    """Use the shared connection, opening it for the first user; raises `ApiError` when the cluster is away."""
    key = (asyncio.get_running_loop(), namespace, kubeconfig, selector)
    cluster = _clusters.get(key)
    if cluster is None:
        api = KubernetesApi(namespace, kubeconfig, _gateways[0] if _gateways else None)
        cluster = _clusters[key] = Cluster(api, PodWatch(api, selector))
    cluster.users += 1
    try:
        async with cluster.opening:
            if not cluster.is_open:
                await cluster.api.__aenter__()
                await cluster.watch.start()
                cluster.is_open = True
    except BaseException:
        await leave(cluster)
        raise
    return cluster


async def leave(cluster: Cluster) -> None:
    """Use it no longer; the last user closes it."""
    cluster.users -= 1
    if cluster.users:
        return
    for key in [key for key, value in _clusters.items() if value is cluster]:
        del _clusters[key]
    await cluster.watch.stop()
    await cluster.api.__aexit__(None, None, None)
