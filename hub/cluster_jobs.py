"""What runs grading and pipelines as Jobs of the cluster."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from courseware.kubernetes_executor import KubernetesExecutor
from hub import runtime
from hub.cluster import PROXY_API_PORT, Cluster
from hub.cluster_pods import job_template
from hub.settings import Settings
from kernels.pods import KubernetesApi
from pipelines.graph.kubernetes_launcher import KubernetesLauncher

if TYPE_CHECKING:
    from pipelines.graph import Store


def grading_executor(api: KubernetesApi, settings: Settings, cluster: Cluster) -> KubernetesExecutor:
    """Return the executor of a grading worker; raises `OSError` when the service's name is not known yet."""
    ports = runtime.read_ports(settings)
    probe = f"{socket.gethostbyname(ports.service_host)}:{ports.service}"
    # Only the hub may speak to the proxy's own API.
    forbidden = f"{socket.gethostbyname(cluster.host('proxy-api'))}:{PROXY_API_PORT}"
    seconds = float(cluster.jobs.networkSeconds)
    return KubernetesExecutor(api, job_template(cluster), [probe], [forbidden], seconds)


def step_launcher(
    settings: Settings, cluster: Cluster, project_id: str, store: Store, folders: Sequence[Path]
) -> KubernetesLauncher:
    """Return the launcher of a project's pipelines, whose steps see these folders, and results without changing them.

    Parameters
    ----------
    settings, cluster
        Of the platform.
    project_id
        Whose steps they are.
    store
        Of the project's results.
    folders
        Of the project: its files, and where runs leave their records. All lie on the volume of the platform.
    """

    def mount(folder: Path, **more: bool) -> dict[str, object]:
        return {
            "name": "data",
            "mountPath": str(folder),
            "subPath": str(folder.relative_to(settings.data_dir)),
            **more,
        }

    return KubernetesLauncher(
        store,
        job_template(cluster),
        scope=project_id,
        environment={"COLLEGIUM_PROJECT": project_id},
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": cluster.claim}}],
        mounts=[*map(mount, folders), mount(store.folder, readOnly=True)],
        namespace=cluster.namespace,
    )
