"""What the node needs of the machine: bridges, containerd's configuration, and taking all of it away again."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
import time
from pathlib import Path

import network
from layout import CNI_PROGRAMS, NODE_BRIDGE, NODE_IP, POD_BRIDGE, POD_NETWORK, Layout

# Packets between pods on the one bridge pass the firewall only so: services and policies are made of its rules.
BRIDGED = "net/bridge/bridge-nf-call-iptables"
# The kubelet and kube-proxy write these; they are put back at the end.
KERNEL_SETTINGS = (
    "vm/overcommit_memory",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/route_localnet",
    BRIDGED,
)


def _quiet(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def prepare(where: Layout) -> None:
    """Give the node its address on a bridge that nobody else uses, and the pods theirs."""
    settings = {
        name: Path("/proc/sys", name).read_text().strip()
        for name in KERNEL_SETTINGS
        if Path("/proc/sys", name).exists()
    }
    (where.run / "sysctl.json").write_text(json.dumps(settings))
    if BRIDGED in settings:
        Path("/proc/sys", BRIDGED).write_text("1")
    _quiet("ip", "link", "add", NODE_BRIDGE, "type", "bridge")
    subprocess.run(["ip", "address", "replace", f"{NODE_IP}/32", "dev", NODE_BRIDGE], check=True)
    subprocess.run(["ip", "link", "set", NODE_BRIDGE, "up"], check=True)
    (where.run / "cni").mkdir(exist_ok=True)
    bridge = {
        "type": "bridge",
        "bridge": POD_BRIDGE,
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": POD_NETWORK}]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": str(where.run / "addresses"),
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    (where.run / "cni" / "10-pods.conflist").write_text(
        json.dumps({"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, ports]})
    )
    where.containerd.mkdir(parents=True, exist_ok=True)
    (where.run / "containerd.toml").write_text(containerd_configuration(where))


def containerd_configuration(where: Layout) -> str:
    """containerd's file in its version 2, which 1.6, 1.7 and 2.x read."""
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    runc = f"{cri}.containerd.runtimes.runc"
    return f"""version = 2
root = "{where.containerd}"
state = "{where.run}/ctrd"
[grpc]
  address = "{where.socket}"
[{cri}]
  sandbox_image = "localhost/pause:1"
  # Where CAP_SYS_RESOURCE is missing, nothing may be given a lower score than its parent has.
  restrict_oom_score_adj = true
  disable_apparmor = true
  # So that all of them are found under the folder when the cluster goes down.
  netns_mounts_under_state_dir = true
[{cri}.containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"
[{runc}]
  runtime_type = "io.containerd.runc.v2"
[{runc}.options]
  SystemdCgroup = false
[{cri}.cni]
  bin_dir = "{CNI_PROGRAMS}"
  conf_dir = "{where.run}/cni"
"""


def ctr(where: Layout, *arguments: str) -> str:
    """Ask containerd."""
    return _quiet("ctr", "-a", str(where.socket), "-n", "k8s.io", *arguments)


def wait_without_containers(where: Layout, seconds: float) -> None:
    """Give the kubelet time to take the pods down, addresses and all."""
    deadline = time.monotonic() + seconds
    while ctr(where, "container", "ls", "-q").strip() and time.monotonic() < deadline:
        time.sleep(0.2)


def remove_containers(where: Layout) -> None:
    """Remove what the kubelet did not."""
    for task in ctr(where, "task", "ls", "-q").split():
        ctr(where, "task", "kill", "-s", "SIGKILL", task)
        ctr(where, "task", "rm", "-f", task)
    for container in ctr(where, "container", "ls", "-q").split():
        ctr(where, "container", "rm", container)


def restore(where: Layout) -> None:
    """Take away mounts, cgroups, firewall chains and bridges, and put the kernel's settings back."""
    folder = f"{where.root}/"
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(folder)), reverse=True):
        _quiet("umount", "-l", mount)
    for group in [*Path("/sys/fs/cgroup").glob("*/kubepods"), Path("/sys/fs/cgroup/kubepods")]:
        for inner in sorted(group.rglob("*"), reverse=True) if group.is_dir() else ():
            if inner.is_dir():
                _remove(inner)
        _remove(group)
    _remove_firewall_chains()
    network.remove()
    _quiet(str(where.programs / "kube-proxy"), "--cleanup")
    _quiet("ip", "link", "del", POD_BRIDGE)
    _quiet("ip", "link", "del", NODE_BRIDGE)
    settings = where.run / "sysctl.json"
    if settings.exists():
        for name, value in json.loads(settings.read_text()).items():
            Path("/proc/sys", name).write_text(value)


def _remove(group: Path) -> None:
    with contextlib.suppress(OSError):
        group.rmdir()


def _remove_firewall_chains() -> None:
    """Remove the address translation of sandboxes that were killed before their plugin could."""
    rules = _quiet("iptables", "-t", "nat", "-S", "POSTROUTING").splitlines()
    for rule in rules:
        found = re.search(r'name: \\"pods\\".* -j (CNI-[0-9a-f]+)$', rule)
        if found:
            _quiet("iptables", "-t", "nat", *shlex.split(rule.replace("-A", "-D", 1)))
            _quiet("iptables", "-t", "nat", "-F", found[1])
            _quiet("iptables", "-t", "nat", "-X", found[1])
