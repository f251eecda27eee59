"""From what an operator sets to the pods of kernels and Jobs, and to kernelspecs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypedDict

from hub.cluster import Cluster
from hub.deployment.values import Jobs, Kernel
from hub.settings import SettingsError
from kernels.pods import JobTemplate, PodTemplate

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def bytes_of(quantity: str) -> int:
    """Return a quantity of Kubernetes, such as `4Gi`, in bytes."""
    match = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", quantity)
    if match is None or match[2] not in _UNITS:
        raise SettingsError(f"{quantity!r} is not a quantity of memory such as 4Gi")
    return int(float(match[1]) * _UNITS[match[2]])


def cpus_of(quantity: str) -> float:
    """Return a quantity of Kubernetes, such as `500m`, in CPUs."""
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


class _Common(TypedDict):
    """What pods of kernels and pods of Jobs are told alike."""

    image: str
    pull_policy: str
    pull_secrets: tuple[str, ...]
    memory_bytes: int
    cpus: float
    scratch_bytes: int
    node_selector: dict[str, str]
    tolerations: tuple[dict[str, object], ...]


def _common(
    cluster: Cluster,
    of: Kernel | Jobs,
    node_selector: dict[str, str] | None = None,
    tolerations: Sequence[dict[str, object]] = (),
) -> _Common:
    return {
        "image": of.image or cluster.images.server,
        "pull_policy": cluster.images.pullPolicy,
        "pull_secrets": tuple(cluster.images.pullSecrets),
        "memory_bytes": bytes_of(of.memory),
        "cpus": cpus_of(of.cpu),
        "scratch_bytes": bytes_of(of.scratch),
        "node_selector": dict(node_selector or cluster.servers.nodeSelector),
        "tolerations": tuple(dict(found) for found in tolerations or cluster.servers.tolerations),
    }


def job_template(cluster: Cluster) -> JobTemplate:
    """Return what the pods of Jobs have in common."""
    jobs = cluster.jobs
    return JobTemplate(
        **_common(cluster, jobs),
        queue=jobs.queue,
        seconds_to_keep=jobs.secondsToKeep,
        backoff_limit=jobs.backoffLimit,
    )


def template_of(kernel: Kernel, cluster: Cluster) -> PodTemplate:
    """Return what the pods of a kernel are made of; the project's files come in addition."""
    return PodTemplate(
        **_common(cluster, kernel, kernel.nodeSelector, kernel.tolerations),
        memory_request_bytes=bytes_of(kernel.memoryRequest),
        cpu_request=cpus_of(kernel.cpuRequest),
        resources=dict(kernel.resources),
        deadline_seconds=kernel.deadlineSeconds,
        preload=tuple(kernel.preload) if kernel.warm else (),
    )


def kernelspec_of(kernel: Kernel, cluster: Cluster) -> dict[str, object]:
    """Return the kernelspec with which a project's server starts such kernels."""
    template = template_of(kernel, cluster)
    profile = {
        name: getattr(template, name)
        for name in ("memory_bytes", "memory_request_bytes", "cpus", "cpu_request", "scratch_bytes", "resources")
    }
    profile |= {"node_selector": template.node_selector, "tolerations": [dict(t) for t in template.tolerations]}
    profile |= {"deadline_seconds": template.deadline_seconds, "pull_secrets": list(template.pull_secrets)}
    config = {
        "image": template.image,
        "pull_policy": template.pull_policy,
        "profile": profile,
        "profile_name": kernel.name,
        "warm": bool(kernel.warm),
        "preload": list(template.preload),
        "start_seconds": float(cluster.servers.startSeconds),
    }
    metadata: dict[str, object] = {
        "supported_encryption": "curve",
        "kernel_provisioner": {"provisioner_name": "collegium-pod", "config": config},
    }
    if kernel.idleSeconds:  # what is scarce is not kept by a page that somebody left open
        metadata |= {"cull_idle_timeout": kernel.idleSeconds, "cull_connected": bool(kernel.resources)}
    return {
        "argv": ["python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": kernel.displayName,
        "language": "python",
        "interrupt_mode": "message",
        "metadata": metadata,
    }
