"""From what an operator sets to the Jobs of grading and pipelines."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from courseware.kubernetes_executor import KubernetesExecutor
from hub import runtime
from hub.cluster import Cluster
from hub.cluster_kernels import bytes_of, cpus_of
from hub.settings import Settings
from kernels.pods import JobTemplate, KubernetesApi
from pipelines.graph.kubernetes_launcher import KubernetesLauncher

if TYPE_CHECKING:
    from pipelines.graph import Store


def job_template(cluster: Cluster) -> JobTemplate:
    """Return what the pods of Jobs have in common."""
    jobs = cluster.jobs
    return JobTemplate(
        image=jobs.image or cluster.images.server,
        pull_policy=cluster.images.pullPolicy,
        pull_secrets=tuple(cluster.images.pullSecrets),
        memory_bytes=bytes_of(jobs.memory),
        cpus=cpus_of(jobs.cpu),
        scratch_bytes=bytes_of(jobs.scratch),
        node_selector=dict(cluster.servers.nodeSelector),
        tolerations=tuple(dict(found) for found in cluster.servers.tolerations),
        queue=jobs.queue,
        seconds_to_keep=jobs.secondsToKeep,
        backoff_limit=jobs.backoffLimit,
    )


def grading_executor(api: KubernetesApi, settings: Settings, cluster: Cluster) -> KubernetesExecutor:
    """Return the executor of a grading worker; raises `OSError` when the service's name is not known yet."""
    ports = runtime.read_ports(settings)
    probe = f"{socket.gethostbyname(ports.service_host)}:{ports.service}"
    return KubernetesExecutor(api, job_template(cluster), [probe])


def step_launcher(settings: Settings, cluster: Cluster, project_id: str, store: Store) -> KubernetesLauncher:
    """Return the launcher of a project's pipelines: its steps see the project's files and results, and no others."""
    folders = (f"projects/{project_id}", f"pipelines/state/{project_id}")
    return KubernetesLauncher(
        store,
        job_template(cluster),
        scope=project_id,
        environment={"COLLEGIUM_PROJECT": project_id},
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": cluster.claim}}],
        mounts=[
            {"name": "data", "mountPath": str(settings.data_dir / folder), "subPath": folder} for folder in folders
        ],
        namespace=cluster.namespace,
    )
