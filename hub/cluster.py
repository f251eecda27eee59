"""The platform on Kubernetes, as the chart describes it to its parts: names, images, kernels."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from hub.deployment.values import Images, Jobs, Kernel, Servers, Storage
from hub.settings import Settings, SettingsError

HUB_PORT = 8081
PROXY_API_PORT = 8001
SERVICE_PORT = 10101


class Cluster(BaseModel):
    """What the chart writes for hub, service and workers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    release: str
    namespace: str
    claim: str
    images: Images
    storage: Storage
    servers: Servers
    jobs: Jobs
    kernels: list[Kernel]

    def host(self, part: str) -> str:
        """Name of a part's Service: hub, proxy-api, service."""
        return f"{self.release}-{part}"


def cluster_of(settings: Settings) -> Cluster | None:
    """Return the cluster that the platform runs on; None on one machine.

    Raises
    ------
    SettingsError
        The file that `cluster_file` names cannot be read.
    """
    return None if settings.cluster_file is None else _read(settings.cluster_file)


@cache
def _read(path: Path) -> Cluster:
    try:
        return Cluster.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise SettingsError(f"{path} does not describe a cluster: {error}") from error
