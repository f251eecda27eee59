"""Where the test cluster keeps its things, and the addresses that it uses."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

NODE_NAME = "node1"
NODE_BRIDGE = "kube-node0"
POD_BRIDGE = "kube-pods0"
NODE_IP = "10.246.255.1"
POD_NETWORK = "10.244.0.0/24"
SERVICE_NETWORK = "10.245.0.0/24"
SERVICE_IP = "10.245.0.1"
API_PORT = 16443
ETCD_PORT = 12379
ETCD_PEER_PORT = 12380
CNI_PROGRAMS = Path("/usr/lib/cni")
KUBERNETES_VERSION = "1.20.2"


def cache() -> Path:
    """Folder that outlives checkouts, by its true path: programs by version, images, and the running cluster."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("COLLEGIUM_TEST_CLUSTER_DIR") or Path(root) / "collegium" / "testcluster").resolve()


@dataclass(frozen=True)
class Layout:
    """Folders of one cluster. The path must be short: containerd's socket has at most 107 bytes."""

    root: Path

    @property
    def programs(self) -> Path:
        """The built Kubernetes programs."""
        return self.root / KUBERNETES_VERSION

    @property
    def run(self) -> Path:
        """Everything that belongs to the running cluster, except containerd's images."""
        return self.root / "run"

    @property
    def keys(self) -> Path:
        """Certificates and tokens."""
        return self.run / "keys"

    @property
    def logs(self) -> Path:
        """One log per program."""
        return self.run / "logs"

    @property
    def pids(self) -> Path:
        """One file per program: process id and time of start."""
        return self.run / "pids"

    @property
    def containerd(self) -> Path:
        """Kept between runs, because importing a large image takes 16 s."""
        return self.root / "containerd"

    @property
    def socket(self) -> Path:
        """Of containerd."""
        return self.root / "ctrd.sock"

    @property
    def kubeconfig(self) -> Path:
        """Of the administrator."""
        return self.run / "admin.conf"

    @property
    def images(self) -> Path:
        """OCI archives that are imported at the start."""
        return self.root / "images"


def layout() -> Layout:
    """The one cluster of this machine."""
    return Layout(cache())
