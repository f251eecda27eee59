"""What a submission can do from inside its grading pod, and a kernel from inside its own: nothing to anybody else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import client, utils
from kubernetes.client.exceptions import ApiException

from courseware.execution import ExecutorError, Plan, PlannedCell
from courseware.kubernetes_executor import KubernetesExecutor
from hub.deployment import render
from kernels.pods import KERNEL_LABELS, JobTemplate, KubernetesApi

from .installation import VALUES
from .test_kernel_pods import started, value

SERVER_IMAGE = os.environ.get("COLLEGIUM_TEST_SERVER_IMAGE", "localhost/collegium-server:1")
GRADING = "app.kubernetes.io/component=grading"
SERVICE_PORT, HUB_PORT, KUBELET_PORT = 10101, 8081, 10250
LISTEN = "import http.server as h; h.HTTPServer(('', {port}), h.SimpleHTTPRequestHandler).serve_forever()"

ATTACK = """
import glob, json, os, socket
found = {}

def attempt(name, act):
    try:
        found[name] = repr(act())[:200] or "done"
    except BaseException as error:
        found[name] = None

def reach(host, port):
    with socket.create_connection((host, port), 1):
        return "reached"

def ask(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.sendto(bytes.fromhex("abcd01000001000000000000") + b"\\x0akubernetes\\x07default\\x03svc"
                      b"\\x07cluster\\x05local\\x00\\x00\\x01\\x00\\x01", (server, 53))
        return client.recv(500)

for name, (host, port) in TARGETS.items():
    attempt(f"reach {name}", lambda: reach(host, port))
attempt("look a name up", lambda: ask(next(x.split()[1] for x in open("/etc/resolv.conf") if "nameserver" in x)))
attempt("read a token", lambda: open("/var/run/secrets/kubernetes.io/serviceaccount/token").read())
attempt("see a secret variable", lambda: [k for k in os.environ if "TOKEN" in k or "SECRET" in k][0])
attempt("read the plan", lambda: [open(p).read() for p in glob.glob("/plan/*")][0])
others = [p for p in glob.glob("/proc/[0-9]*") if p != f"/proc/{os.getpid()}"]
attempt("read the plan through another process", lambda: next(
    text for p in others for text in [grab(p + "/root/plan/00")] if text))
attempt("read the driver's memory map", lambda: next(
    text for p in others if b"driver" in (grab(p + "/cmdline") or b"") for text in [grab(p + "/maps")] if text))
attempt("write into the driver's log", lambda: next(
    p for p in others if b"driver" in (grab(p + "/cmdline") or b"") for _ in [open(p + "/fd/1", "w").write("x")]))
attempt("write outside of the scratch folder", lambda: open("/etc/mine", "w").write("x"))
attempt("write into the library", lambda: open(os.__file__, "a").write("x"))
attempt("become root", lambda: os.setuid(0))
print(json.dumps(found))
"""
KILL = """
import os, signal
for process in range(1, 400):
    try:
        if process != os.getpid():
            os.kill(process, signal.SIGKILL)
    except OSError:
        pass
"""
GRAB = """
def grab(path):
    try:
        return open(path, "rb").read(4000)
    except OSError:
        return None
"""


@pytest.fixture
def policies(kubeconfig: str, namespace: str) -> None:
    """The chart's network policies, and a quota's worth of nothing else."""
    for manifest in render(VALUES, namespace=namespace, kubernetes_minor=20):
        if manifest["kind"] == "NetworkPolicy":
            utils.create_from_dict(client.ApiClient(), manifest, namespace=namespace)


@pytest.fixture
async def targets(core: client.CoreV1Api, namespace: str, policies: None) -> dict[str, tuple[str, int]]:
    """Addresses that answer, to this machine at least: the service, the hub, a kernel, the node and the cluster."""
    parts = {"service": SERVICE_PORT, "hub": HUB_PORT, "kernel": 52301}
    for part, port in parts.items():
        labels = {"app.kubernetes.io/instance": "collegium", **KERNEL_LABELS, "app.kubernetes.io/component": part}
        container = {
            "name": "main",
            "image": SERVER_IMAGE,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-c", LISTEN.format(port=port)],
        }
        pod = {"metadata": {"name": part, "labels": labels}, "spec": {"containers": [container]}}
        core.create_namespaced_pod(namespace, pod)
    found: dict[str, tuple[str, int]] = {}
    async with asyncio.timeout(180):
        for part, port in parts.items():
            found[part] = await answering(core, namespace, part, port)
    service = core.read_namespaced_service("kubernetes", "default").spec
    node = core.list_node().items[0].status.addresses[0].address
    found |= {"the cluster": (service.cluster_ip, 443), "the node": (node, KUBELET_PORT)}
    assert answers(*found["the cluster"])
    return found | {"metadata": ("169.254.169.254", 80), "the internet": ("1.1.1.1", 443)}


async def answering(core: client.CoreV1Api, namespace: str, pod: str, port: int) -> tuple[str, int]:
    """Address of a pod, once it answers there."""
    while True:
        address = core.read_namespaced_pod(pod, namespace).status.pod_ip
        if address and answers(address, port):
            return address, port
        await asyncio.sleep(0.2)


def answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), 2):
            return True
    except OSError:
        return False


def executor(
    api: KubernetesApi, probes: dict[str, tuple[str, int]], network_seconds: float = 300.0
) -> KubernetesExecutor:
    probe = "{}:{}".format(*probes["service"])
    return KubernetesExecutor(api, JobTemplate(SERVER_IMAGE), [probe], network_seconds=network_seconds)


class Seen:
    """The pods that graded, even those that are gone by now."""

    def __init__(self, core: client.CoreV1Api, namespace: str) -> None:
        self.core, self.namespace = core, namespace
        self.pods: set[str] = set()

    def look(self) -> str:
        """Note the pods that are there, and return what their drivers say."""
        names = [
            pod.metadata.name for pod in self.core.list_namespaced_pod(self.namespace, label_selector=GRADING).items
        ]
        self.pods.update(names)
        said = []
        for name in names:
            with contextlib.suppress(ApiException):  # its containers are not there yet, or no more
                said.append(self.core.read_namespaced_pod_log(name, self.namespace, container="driver"))
        return "\n".join(said)


def printed(outputs: Any) -> str:
    return "".join(str(output.get("text", "")) for output in outputs)


@pytest.mark.slow
async def test_submission_reaches_nothing_and_reads_nothing_that_is_not_its_own(
    api: KubernetesApi, targets: dict[str, tuple[str, int]]
) -> None:
    cells = [
        PlannedCell(f"TARGETS = {targets!r}\n{GRAB}\n{ATTACK}"),
        PlannedCell("assert 1 + 1 == 2", is_test=True),
        PlannedCell("assert 1 + 1 == 3  # a secret of the plan", is_test=True),
    ]
    attack, right, wrong = await executor(api, targets).run(Plan(cells))
    assert not attack.failure
    found = json.loads(printed(attack.outputs))
    assert len(found) > 12
    assert {name: got for name, got in found.items() if got is not None} == {}
    assert (right.failure, right.suspicion, right.outputs) == ("", "", ())
    assert wrong.outputs[0]["ename"] == "AssertionError"


@pytest.mark.slow
async def test_submission_that_ends_its_judge_gets_no_result_and_no_points(
    api: KubernetesApi, targets: dict[str, tuple[str, int]]
) -> None:
    plan = Plan([PlannedCell(KILL), PlannedCell("assert 1 + 1 == 3", is_test=True)])
    try:
        outcomes = await executor(api, targets).run(plan)
    except ExecutorError:
        return
    assert outcomes[1].failure or outcomes[1].outputs[0]["output_type"] == "error"


@pytest.mark.slow
async def test_nothing_is_graded_where_a_rule_lets_the_pod_out(
    api: KubernetesApi, targets: dict[str, tuple[str, int]], namespace: str, core: client.CoreV1Api
) -> None:
    """The pod waits as long as it is told to, and no second one is made to wait as well."""
    seen = Seen(core, namespace)
    selector = {"matchLabels": {"app.kubernetes.io/component": "grading"}}
    opening = {"podSelector": selector, "policyTypes": ["Egress"], "egress": [{}]}
    ingress = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
    for name, spec in {"out": opening, "in": ingress}.items():
        client.NetworkingV1Api().create_namespaced_network_policy(namespace, {"metadata": {"name": name}, "spec": spec})
    refused = asyncio.create_task(executor(api, targets, network_seconds=10.0).run(Plan([PlannedCell("1")])))
    while not refused.done():
        await asyncio.to_thread(seen.look)
        await asyncio.sleep(0.5)
    with pytest.raises(ExecutorError, match="after 10 s: network policies are not enforced for it"):
        await refused
    assert len(seen.pods) == 1


@pytest.mark.slow
async def test_pod_waits_until_its_policies_are_in_force_and_then_grades(
    api: KubernetesApi, targets: dict[str, tuple[str, int]], namespace: str, core: client.CoreV1Api
) -> None:
    """As on a busy node, where the rules for a new pod come late; the reason is told while it waits."""
    network, seen = client.NetworkingV1Api(), Seen(core, namespace)
    opening = {"podSelector": {}, "policyTypes": ["Egress", "Ingress"], "egress": [{}], "ingress": [{}]}
    network.create_namespaced_network_policy(namespace, {"metadata": {"name": "open"}, "spec": opening})
    grading = asyncio.create_task(executor(api, targets).run(Plan([PlannedCell("1")])))
    async with asyncio.timeout(180):
        while "not yet in force" not in await asyncio.to_thread(seen.look):
            assert not grading.done()
            await asyncio.sleep(0.5)
    network.delete_namespaced_network_policy("open", namespace)
    outcomes = await asyncio.wait_for(grading, 180)
    assert not outcomes[0].failure
    assert len(seen.pods) == 1


async def test_kernel_reaches_neither_the_platform_nor_other_kernels_nor_the_cluster(
    targets: dict[str, tuple[str, int]], make_kernelspec: Callable[..., str]
) -> None:
    async with started(make_kernelspec()) as (_, connected):
        reach = "[n for n, (h, p) in {!r}.items() if __import__('socket').socket().connect_ex((h, p)) == 0]"
        own = {name: target for name, target in targets.items() if name != "the internet"}
        await value(connected, "__import__('socket').setdefaulttimeout(2)")
        assert await value(connected, reach.format(own)) == "[]"
        mounted = "__import__('os').path.exists('/var/run/secrets/kubernetes.io/serviceaccount/token')"
        assert await value(connected, mounted) == "False"
