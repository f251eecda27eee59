"""JupyterHub's configuration on Kubernetes: where its parts listen, and what the pods of project servers are like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub import runtime
from hub.cluster import Cluster
from hub.cluster_pods import bytes_of, cpus_of, kernelspec_of
from hub.settings import Settings

if TYPE_CHECKING:
    from traitlets.config import Config

FILES_FOLDER = "/home/collegium/files"
STATE_FOLDER = "/home/collegium/state"


def configure(c: Config, settings: Settings, cluster: Cluster, ports: runtime.Ports) -> None:
    """Replace what is different from one machine."""
    servers = cluster.servers
    c.JupyterHub.bind_url = "http://:8000"
    c.JupyterHub.hub_bind_url = f"http://{ports.bind_address}:{ports.hub}"
    c.JupyterHub.hub_connect_url = f"http://{ports.hub_host}:{ports.hub}"
    c.JupyterHub.spawner_class = "spawner.kubernetes.KubernetesProjectSpawner"
    spawner = c.KubernetesProjectSpawner
    spawner.namespace = cluster.namespace
    spawner.image = cluster.images.server
    spawner.image_pull_policy = cluster.images.pullPolicy
    spawner.image_pull_secrets = cluster.images.pullSecrets
    spawner.cpu_guarantee = cpus_of(servers.cpu)
    spawner.cpu_limit = cpus_of(servers.cpuLimit)
    spawner.mem_guarantee = bytes_of(servers.memory)
    spawner.mem_limit = bytes_of(servers.memoryLimit)
    spawner.node_selector = servers.nodeSelector
    spawner.tolerations = servers.tolerations
    spawner.extra_labels = {
        "app.kubernetes.io/part-of": "collegium",
        "app.kubernetes.io/component": "project-server",
        "app.kubernetes.io/instance": cluster.release,
        "collegium.org/server": "{servername}",
    }
    spawner.platform_api_url = runtime.service_api_url(ports)
    spawner.access_cache_seconds = settings.access_cache_seconds
    spawner.start_timeout = spawner.http_timeout = servers.startSeconds
    spawner.kernelspecs = {kernel.name: kernelspec_of(kernel, cluster) for kernel in cluster.kernels}
    _storage(spawner, settings, cluster)


def _storage(spawner: Any, settings: Settings, cluster: Cluster) -> None:
    storage = cluster.storage
    if storage.perProject:
        spawner.storage_access_modes = ["ReadWriteOnce"]
        spawner.storage_capacity = storage.projectSize
        if storage.className:
            spawner.storage_class = storage.className
        return
    spawner.projects_dir = str(settings.projects_dir)
    spawner.storage_pvc_ensure = False
    spawner.volumes = [
        {"name": "project", "persistentVolumeClaim": {"claimName": cluster.claim}},
        {"name": "scratch", "emptyDir": {}},
    ]
    spawner.volume_mounts = [
        {"name": "project", "mountPath": FILES_FOLDER, "subPath": "projects/{servername}/files"},
        {"name": "project", "mountPath": STATE_FOLDER, "subPath": "projects/{servername}/state"},
        {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108 - of the container
    ]
