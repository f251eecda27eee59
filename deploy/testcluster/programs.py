"""The command lines of a one-node Kubernetes, and the order in which they start and end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from layout import (
    API_PORT,
    ETCD_PEER_PORT,
    ETCD_PORT,
    NODE_IP,
    NODE_NAME,
    POD_NETWORK,
    SERVICE_NETWORK,
    Layout,
)

ORDER = ("containerd", "etcd", "apiserver", "controllers", "scheduler", "proxy", "network", "kubelet")

KUBELET = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "cgroupDriver": "cgroupfs",
    "failSwapOn": False,
    "address": NODE_IP,
    "healthzBindAddress": "127.0.0.1",
    "readOnlyPort": 0,
    # Reachable only from this machine and its pods.
    "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
    "authorization": {"mode": "AlwaysAllow"},
    # The usual -999 needs CAP_SYS_RESOURCE.
    "oomScoreAdj": 0,
    "enforceNodeAllocatable": ["pods"],
    "makeIPTablesUtilChains": False,
    # An image that is collected here cannot be pulled again.
    "imageGCHighThresholdPercent": 100,
    "evictionHard": {
        "memory.available": "100Mi",
        "nodefs.available": "1%",
        "imagefs.available": "1%",
        "nodefs.inodesFree": "1%",
    },
    "resolvConf": "/etc/resolv.conf",
    "clusterDNS": [NODE_IP],
    "clusterDomain": "cluster.local",
    "rotateCertificates": False,
    "serverTLSBootstrap": False,
    "syncFrequency": "10s",
    "nodeStatusReportFrequency": "10s",
}


def minor_version(where: Layout) -> int:
    """Of the kubelet; newer ones take some options in their file instead of on the command line."""
    text = subprocess.run([where.programs / "kubelet", "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"v1\.(\d+)", text)
    if found is None:
        raise RuntimeError(f"the kubelet says its version is {text!r}")
    return int(found[1])


def command(where: Layout, name: str) -> list[str | Path]:
    """The command line of one program."""
    etcd = f"http://127.0.0.1:{ETCD_PORT}"
    keys, run = where.keys, where.run
    if name == "containerd":
        return ["containerd", "--config", run / "containerd.toml"]
    if name == "etcd":
        peer = f"http://127.0.0.1:{ETCD_PEER_PORT}"
        return [
            "etcd",
            f"--name=n --data-dir={run}/etcd --listen-client-urls={etcd} --advertise-client-urls={etcd}",
            f"--listen-peer-urls={peer} --initial-advertise-peer-urls={peer} --initial-cluster=n={peer}",
            "--unsafe-no-fsync",
        ]
    if name == "apiserver":
        return [
            where.programs / "kube-apiserver",
            f"--etcd-servers={etcd} --bind-address={NODE_IP} --secure-port={API_PORT} --advertise-address={NODE_IP}",
            f"--tls-cert-file={keys}/api.crt --tls-private-key-file={keys}/api.key --client-ca-file={keys}/ca.crt",
            f"--cert-dir={keys} --token-auth-file={keys}/tokens.csv --authorization-mode=Node,RBAC",
            f"--service-cluster-ip-range={SERVICE_NETWORK} --allow-privileged=true",
            "--endpoint-reconciler-type=master-count",
            "--service-account-issuer=https://kubernetes.default.svc --kubelet-preferred-address-types=InternalIP",
            f"--service-account-key-file={keys}/accounts.pub --service-account-signing-key-file={keys}/accounts.key",
        ]
    if name == "controllers":
        # Without credentials of their own for each controller, the node stays tainted.
        return [
            where.programs / "kube-controller-manager",
            f"--kubeconfig={run}/controllers.conf --root-ca-file={keys}/ca.crt --leader-elect=false",
            f"--service-account-private-key-file={keys}/accounts.key --use-service-account-credentials=true",
            "--bind-address=127.0.0.1",
        ]
    if name == "scheduler":
        return [
            where.programs / "kube-scheduler",
            f"--kubeconfig={run}/scheduler.conf --leader-elect=false --bind-address=127.0.0.1",
        ]
    if name == "proxy":
        return [
            where.programs / "kube-proxy",
            f"--kubeconfig={run}/proxy.conf --proxy-mode=iptables --cluster-cidr={POD_NETWORK}",
            f"--hostname-override={NODE_NAME} --healthz-bind-address=127.0.0.1:12381",
            "--metrics-bind-address=127.0.0.1:12382",
            "--conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0",
        ]
    if name == "network":
        program = Path(__file__).parent / "network.py"
        return [sys.executable, program, f"https://{NODE_IP}:{API_PORT}", keys / "tokens.csv", keys / "ca.crt"]
    return _kubelet(where)


def _kubelet(where: Layout) -> list[str | Path]:
    minor, settings = minor_version(where), dict(KUBELET)
    socket, options = f"unix://{where.socket}", ""
    if minor >= 31:
        settings["failCgroupV1"] = False
    if minor >= 27:
        settings["containerRuntimeEndpoint"] = socket
    else:
        options = f"--container-runtime=remote --container-runtime-endpoint={socket}"
    (where.run / "kubelet.json").write_text(json.dumps(settings, indent=1))
    return [
        where.programs / "kubelet",
        f"--config={where.run}/kubelet.json --kubeconfig={where.run}/kubelet.conf --root-dir={where.run}/kubelet",
        f"--cert-dir={where.run}/kubelet/keys --hostname-override={NODE_NAME} --node-ip={NODE_IP} {options}",
    ]


def words(where: Layout, name: str) -> list[str]:
    """The command line split into its words."""
    first, *rest = command(where, name)
    return [str(first), *(word for part in rest for word in str(part).split())]
