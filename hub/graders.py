"""What runs notebooks of courses: on this machine, or in Jobs of the cluster."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from courseware.execution import Executor, KernelExecutor
from hub.cluster import cluster_of
from hub.settings import Settings


@contextlib.asynccontextmanager
async def executor_of(settings: Settings) -> AsyncIterator[Executor]:
    """Open the executor of this installation."""
    cluster = cluster_of(settings)
    if cluster is None:
        yield KernelExecutor("short")
        return
    from hub.cluster_jobs import grading_executor  # the library of Kubernetes is not for one machine
    from kernels.pods import KubernetesApi

    async with KubernetesApi(cluster.namespace) as api:
        yield grading_executor(api, settings, cluster)
