"""Carry out orders as Kubernetes Jobs."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kernels.pods import (
    ApiError,
    JobTemplate,
    KubernetesApi,
    Manifest,
    container,
    delete_job,
    job_manifest,
    start_job,
    until_job_ends,
)

from .attempts import known_outcome, prepare
from .orders import Order, Outcome
from .store import Store

log = logging.getLogger("collegium.pipelines")
MAIN, COMPONENT = "step", "step"
SPARE_BYTES = 256 * 1024**2
SPARE_SECONDS = 600
LONGEST_SECONDS = 7 * 24 * 3600
GPU = "nvidia.com/gpu"


@dataclass
class KubernetesLauncher:
    """Jobs on the cluster; see `Launcher`.

    The Job of an order has a name made of it: a restarted service finds the one that runs, or the result that it has
    left in the store. Both see the same folders, on a volume that they share.

    Attributes
    ----------
    store
        Where results are published.
    template
        Image and sizes of Jobs.
    scope
        Tells equal orders of different projects apart.
    environment
        Of the step.
    volumes, mounts
        The folders of the project, as its steps see them: nothing of other projects, and results read-only.
    namespace, kubeconfig
        Of the cluster; by default those of the pod that this runs in.
    """

    store: Store
    template: JobTemplate
    scope: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    volumes: Sequence[Mapping[str, Any]] = ()
    mounts: Sequence[Mapping[str, Any]] = ()
    namespace: str = ""
    kubeconfig: str = ""

    def run(self, order: Order, secrets: Mapping[str, str]) -> Outcome:
        """Carry out an order, or wait for the Job that does; blocks until it has ended."""
        return known_outcome(order, self.store) or asyncio.run(self._run(order, secrets))

    def cancel(self, order: Order) -> None:
        """End the Job of an order."""
        asyncio.run(self._cancel(order))

    def job_name(self, order: Order) -> str:
        """Return the name of an order's Job."""
        text = "\n".join((self.scope, order.key, order.execution, order.attempt_folder))
        return f"step-{hashlib.sha256(text.encode()).hexdigest()[:40]}"

    async def _run(self, order: Order, secrets: Mapping[str, str]) -> Outcome:
        path = await asyncio.to_thread(prepare, order, self.store)
        name = self.job_name(order)
        try:
            async with KubernetesApi(self.namespace, self.kubeconfig) as api:
                given = [_secret(name, secrets)] if secrets else []
                await start_job(api, self._job(name, order, path, bool(secrets)), given)
                end = await until_job_ends(api, name, MAIN, lambda message: log.info("%s waits: %s", name, message))
                known = await asyncio.to_thread(known_outcome, order, self.store)
                if known is None:  # so that the next attempt starts afresh
                    await delete_job(api, name)
        except ApiError as error:
            if error.is_quota:
                return Outcome("error", f"The quota of the namespace is used up: {error}", {"name": "QuotaExceeded"})
            return Outcome("lost", f"The cluster refused the Job, or does not answer: {error}")
        return known or Outcome("lost", end.message or f"The Job ended with code {end.exit_code}.")

    async def _cancel(self, order: Order) -> None:
        async with KubernetesApi(self.namespace, self.kubeconfig) as api:
            await delete_job(api, self.job_name(order))

    def _job(self, name: str, order: Order, path: Path, has_secrets: bool) -> Manifest:
        memory = order.memory_bytes + SPARE_BYTES if order.memory_bytes else 0
        step = container(
            self.template,
            MAIN,
            ["python3", "-m", "pipelines.graph.worker", str(path)],
            environment={"HOME": "/tmp", "JUPYTER_RUNTIME_DIR": "/tmp/runtime", **self.environment},  # noqa: S108
            mounts=[*self.mounts, {"name": "scratch", "mountPath": "/tmp"}],  # noqa: S108 - of the container
            memory_bytes=memory,
            cpus=order.cpu or 0.0,
            resources={GPU: order.gpu} if order.gpu else None,
            secret=name if has_secrets else "",
        )
        seconds = int(order.timeout_seconds + SPARE_SECONDS) if order.timeout_seconds else LONGEST_SECONDS
        scratch = {"name": "scratch", "emptyDir": {"sizeLimit": str(self.template.scratch_bytes)}}
        return job_manifest(self.template, name, COMPONENT, [step], [*self.volumes, scratch], deadline_seconds=seconds)


def _secret(name: str, values: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "collegium", "collegium.org/job": name}},
        "type": "Opaque",
        "stringData": dict(values),
    }
