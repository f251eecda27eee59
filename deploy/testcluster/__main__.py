"""A real one-node Kubernetes without a registry, Docker or systemd, for the tests.

python deploy/testcluster up        build once, make images, start, wait until pods can run
python deploy/testcluster down      end it and leave nothing on the machine but the cache
python deploy/testcluster status    say whether it runs
python deploy/testcluster kubeconfig  print the path of its kubeconfig
python deploy/testcluster cached      say whether it could be started without building it first
python deploy/testcluster images      make the images anew and give them to the running cluster
python deploy/testcluster restart etcd --away 10   end one program, start it again after so many seconds
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import credentials
import images
import node
import processes
import programs
from layout import API_PORT, KUBERNETES_VERSION, NODE_IP, NODE_NAME, Layout, layout

PACKAGES = {
    "/usr/lib/go-1.19/bin/go": "golang-1.19-go",
    "/usr/share/gocode/src/github.com/modern-go/reflect2": "golang-github-modern-go-reflect2-dev",
    "dpkg-source": "dpkg-dev",
    "gcc": "gcc libc6-dev",
    "etcd": "etcd-server",
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "busybox": "busybox-static",
    "openssl": "openssl",
    "ip": "iproute2",
    "iptables": "iptables",
}
BUILD_ONLY = ("golang-1.19-go", "golang-github-modern-go-reflect2-dev", "dpkg-dev", "gcc libc6-dev")
READY_SECONDS = 120
GC_ROOT = "containerd.io/gc.root"


class ClusterError(Exception):
    """The cluster cannot be built, started or reached."""


def install_packages(building: bool) -> None:
    """Install the Debian packages that are missing."""
    missing = [
        package
        for needed, package in PACKAGES.items()
        if (building or package not in BUILD_ONLY)
        and not (Path(needed).exists() if needed.startswith("/") else shutil.which(needed))
    ]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise ClusterError(f"the test cluster needs Debian's packages {', '.join(missing)}; or set KUBECONFIG")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-q", "update"], check=True, env=environment)
    names = [name for package in missing for name in package.split()]
    subprocess.run(["apt-get", "-q", "install", "-y", "--no-install-recommends", *names], check=True, env=environment)


def build(where: Layout) -> None:
    """Build the Kubernetes programs, unless the cache has them."""
    if (where.programs / "version").exists():
        return
    print(f"building Kubernetes {KUBERNETES_VERSION}: about ten CPU-minutes, once", flush=True)
    work = where.root / "build"
    script = Path(__file__).parent / "build.sh"
    partial = where.root / f"{KUBERNETES_VERSION}-partial"
    subprocess.run(["nice", "-n", "15", str(script), str(work), str(partial)], check=True)
    partial.rename(where.programs)
    shutil.rmtree(work)


def ask(where: Layout, path: str, method: str = "GET") -> dict[str, object] | None:
    """Ask the API server as its administrator; None when it does not answer."""
    try:
        token = (where.keys / "tokens.csv").read_text().partition(",")[0]
        context = ssl.create_default_context(cafile=str(where.keys / "ca.crt"))
        request = urllib.request.Request(
            f"https://{NODE_IP}:{API_PORT}{path}", method=method, headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=5, context=context) as answer:  # noqa: S310
            text = answer.read()
    except OSError:
        return None
    with contextlib.suppress(ValueError):
        return dict(json.loads(text))
    return {}


def is_ready(where: Layout) -> bool:
    """Whether pods can be created and scheduled."""
    found = ask(where, f"/api/v1/nodes/{NODE_NAME}")
    if found is None or ask(where, "/api/v1/namespaces/default/serviceaccounts/default") is None:
        return False
    data = json.loads(json.dumps(found))
    conditions = {c["type"]: c["status"] for c in data.get("status", {}).get("conditions", [])}
    return conditions.get("Ready") == "True" and not data["spec"].get("taints")


def up(where: Layout) -> None:
    """Build, start and wait; does nothing when the cluster is already up."""
    if os.geteuid() != 0:
        raise ClusterError("the test cluster makes network bridges and mounts: run it as root, or set KUBECONFIG")
    if is_ready(where):
        print(f"already up: KUBECONFIG={where.kubeconfig}")
        return
    where.root.mkdir(parents=True, exist_ok=True)
    install_packages(building=not (where.programs / "version").exists())
    build(where)
    archives = images.make(where)
    down(where)
    for folder in (where.run, where.logs, where.pids):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    credentials.make(where)
    node.prepare(where)
    began = time.monotonic()
    try:
        for name in programs.ORDER:
            processes.start(where, name, *programs.words(where, name))
            if name == "containerd":
                import_images(where, archives)
            elif name == "apiserver":
                wait(where, lambda: ask(where, "/readyz") is not None, "the API server")
        wait(where, lambda: is_ready(where), "the node")
    except BaseException:
        down(where, keep_logs=True)
        raise
    print(f"up after {time.monotonic() - began:.0f} s: KUBECONFIG={where.kubeconfig}")


def import_images(where: Layout, archives: list[images.Archive]) -> None:
    """Give containerd the layers and images that it does not have in this form yet."""
    wait(where, lambda: "REF" in node.ctr(where, "image", "ls"), "containerd")
    known = node.ctr(where, "image", "ls", "-q").split()
    for archive in archives:
        stamp = where.containerd / f"{archive.path.name}.imported"
        if stamp.exists() and known:
            continue
        given = [_give_layer(where, layer) for layer in archive.layers]
        command = ["ctr", "-a", str(where.socket), "-n", "k8s.io", "images", "import", str(archive.path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for digest in filter(None, given):  # from now on the image holds it
            node.ctr(where, "content", "label", digest, f"{GC_ROOT}=")
        stamp.touch()


def _give_layer(where: Layout, layer: Path) -> str:
    """Put a layer into containerd's store, unless it is there; return its digest if it was not."""
    digest = images.digest_of(layer)
    if digest in node.ctr(where, "content", "ls", "-q").split():
        return ""
    command = [
        "ctr",
        "-a",
        str(where.socket),
        "-n",
        "k8s.io",
        "content",
        "ingest",
        "--expected-digest",
        digest,
        layer.name,
    ]
    with layer.open("rb") as content:
        subprocess.run([*command, layer.name], check=True, stdin=content, stdout=subprocess.DEVNULL)
    node.ctr(where, "content", "label", digest, f"{GC_ROOT}=until-its-image-is-there")
    return digest


def wait(where: Layout, is_true: object, what: str) -> None:
    """Wait for something, or say which program ended instead."""
    deadline = time.monotonic() + READY_SECONDS
    while not is_true():  # type: ignore[operator]
        for name in programs.ORDER:
            if (where.pids / name).exists() and processes.pid_of(where, name) is None:
                raise ClusterError(f"{name} ended:\n{processes.tail(where, name)}")
        if time.monotonic() > deadline:
            raise ClusterError(f"{what} did not get ready in {READY_SECONDS} s; the logs are in {where.logs}")
        time.sleep(0.2)


def down(where: Layout, keep_logs: bool = False) -> None:
    """End everything, in the reverse order, and give the machine back as it was."""
    if not where.run.exists():
        return
    if processes.pid_of(where, "kubelet") and processes.pid_of(where, "apiserver"):
        found = json.loads(json.dumps(ask(where, "/api/v1/namespaces") or {}))
        for item in found.get("items", []):
            ask(where, f"/api/v1/namespaces/{item['metadata']['name']}/pods?gracePeriodSeconds=1", "DELETE")
        node.wait_without_containers(where, 20)
    for name in ("kubelet", "network", "proxy", "scheduler", "controllers", "apiserver", "etcd"):
        processes.stop(where, name)
    if processes.pid_of(where, "containerd"):
        node.remove_containers(where)
    processes.stop(where, "containerd")
    node.restore(where)
    if not keep_logs:
        shutil.rmtree(where.run)


def restart(where: Layout, name: str, away_seconds: float) -> None:
    """End one program and start it again after a while, for tests of bad weather."""
    processes.stop(where, name)
    time.sleep(away_seconds)
    processes.start(where, name, *programs.words(where, name))
    wait(where, lambda: is_ready(where), "the node")


def main() -> int:
    """Run one command; the exit status is 0 when it worked."""
    parser = argparse.ArgumentParser(
        prog="testcluster", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=["up", "down", "status", "kubeconfig", "cached", "images", "restart"])
    parser.add_argument("program", nargs="?", choices=programs.ORDER)
    parser.add_argument("--away", type=float, default=0.0, help="seconds before it is started again")
    arguments = parser.parse_args()
    command, where = arguments.command, layout()
    try:
        if command == "up":
            up(where)
        elif command == "down":
            down(where)
        elif command == "images":
            import_images(where, images.make(where))
        elif command == "restart":
            if arguments.program is None:
                parser.error("restart needs the name of a program")
            restart(where, arguments.program, arguments.away)
        elif command == "kubeconfig":
            print(where.kubeconfig)
        elif command == "cached":
            return 0 if (where.programs / "version").exists() and os.geteuid() == 0 else 1
        else:
            ready = is_ready(where)
            print(f"up: KUBECONFIG={where.kubeconfig}" if ready else "not running")
            return 0 if ready else 1
    except (ClusterError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
