"""The platform, installed on the cluster from the chart's objects."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from kubernetes import client, utils
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream

from hub.deployment import render
from tests.platform_under_test import WEB_HEADERS

NODE_ADDRESS = "10.246.255.1"
PORT = 30800
KERNEL_IMAGE = os.environ.get("COLLEGIUM_TEST_KERNEL_IMAGE", "localhost/collegium-kernel:1")
VALUES: dict[str, Any] = {
    "images": {"hub": "localhost/collegium-hub:1", "server": "localhost/collegium-server:1"},
    "storage": {"className": "manual", "size": "1Gi"},
    "servers": {"memory": "128Mi", "cpu": "10m"},
    "jobs": {"memory": "1Gi", "cpu": "1"},
    "kernels": [
        {
            "name": "pod",
            "displayName": "Python in a pod",
            "image": KERNEL_IMAGE,
            "memory": "1Gi",
            "memoryRequest": "128Mi",
            "cpuRequest": "10m",
        },
        {
            "name": "gpu",
            "displayName": "Python with a GPU",
            "image": KERNEL_IMAGE,
            "memoryRequest": "128Mi",
            "resources": {"nvidia.com/gpu": 1},
        },
    ],
}


class ToNode(httpx.HTTPTransport):
    """Connects to the node, whatever the name; the Host header and the cookies are those of the name."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        address = request.url.copy_with(host=NODE_ADDRESS)
        return super().handle_request(
            httpx.Request(request.method, address, headers=request.headers, stream=request.stream)
        )


class Installation:
    """What `collegium deploy render` prints, applied to a namespace; reached at a port of the node."""

    def __init__(self, namespace: str, folder: Path, host: str = NODE_ADDRESS, port: int = PORT) -> None:
        self.namespace = namespace
        self.folder = folder
        self.core = client.CoreV1Api()
        self.apps = client.AppsV1Api()
        self.url = f"http://{host}:{port}"
        self.port = port

    def install(self, **changes: Any) -> None:
        """Make the volume and all objects, and wait until every part is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        os.chown(self.folder, 1000, 100)
        self.core.create_persistent_volume(
            {
                "metadata": {"name": self.namespace},
                "spec": {
                    "storageClassName": "manual",
                    "capacity": {"storage": "1Gi"},
                    "accessModes": ["ReadWriteMany"],
                    "claimRef": {"namespace": self.namespace, "name": "collegium-data"},
                    "hostPath": {"path": str(self.folder)},
                },
            }
        )
        reached = {"publicUrl": f"{self.url}/", "proxy": {"serviceType": "NodePort", "nodePort": self.port}}
        values = VALUES | reached | changes
        for manifest in render(values, namespace=self.namespace, kubernetes_minor=20, with_secrets=True):
            utils.create_from_dict(client.ApiClient(), manifest, namespace=self.namespace)
        until(lambda: not self.unready(), 240, self.describe)
        with httpx.Client(transport=ToNode(), trust_env=False, timeout=180) as http:
            until(lambda: http.get(f"{self.url}/services/collegium/ready").is_success, 180, self.describe)

    def remove(self) -> None:
        """Give the volume back; the namespace goes with its fixture."""
        self.core.delete_persistent_volume(self.namespace)

    def unready(self) -> list[str]:
        """Names of the parts that are not there yet."""
        deployments = self.apps.list_namespaced_deployment(self.namespace).items
        return [d.metadata.name for d in deployments if (d.status.ready_replicas or 0) < d.spec.replicas]

    def pods(self, component: str = "") -> list[Any]:
        """The pods of a component."""
        selector = f"app.kubernetes.io/component={component}" if component else ""
        return list(self.core.list_namespaced_pod(self.namespace, label_selector=selector).items)

    def run(self, part: str, *command: str) -> str:
        """Run the command line within a part, as `kubectl exec` does."""
        running = [p for p in self.pods(part) if p.status.phase == "Running" and not p.metadata.deletion_timestamp]
        return str(
            stream(
                client.CoreV1Api(client.ApiClient()).connect_get_namespaced_pod_exec,
                running[0].metadata.name,
                self.namespace,
                command=["python3", "-m", "hub.cli", *command],
                stdout=True,
                stderr=True,
                stdin=False,
                tty=False,
            )
        )

    def link(self, name: str) -> str:
        """A sign-in link for somebody who has none yet."""
        found = self.run("service", "user", "add", name)
        if "http" not in found:
            found = self.run("service", "user", "link", name)
        return next(word for word in found.split() if word.startswith("http"))

    def client(self, name: str) -> httpx.Client:
        """A signed-in HTTP client."""
        made = httpx.Client(
            base_url=f"{self.url}/services/collegium/api",
            follow_redirects=True,
            trust_env=False,
            timeout=180,
            headers=WEB_HEADERS,
        )
        link = self.link(name)
        made.get(link).raise_for_status()
        token = next(c.value for c in made.cookies.jar if c.name == "_xsrf" and c.path == "/hub/")
        form = {"link": link.partition("link=")[2], "_xsrf": token or ""}
        made.post(f"{self.url}/hub/sign-in", data=form).raise_for_status()
        made.get(f"{self.url}/services/collegium/login").raise_for_status()
        return made

    def describe(self) -> str:
        """What the pods do, for the message of a test that failed."""
        lines = []
        for pod in self.pods():
            lines.append(self.state(pod))
            for status in pod.status.container_statuses or []:
                if not status.ready:
                    lines.append(f"  {status.state} {self.log(pod.metadata.name, status.name)}")
        return "\n".join(lines)

    @staticmethod
    def state(pod: Any) -> str:
        """Name, phase, and how its containers ended, in a line."""
        ends = [(found.name, found.state.terminated) for found in pod.status.container_statuses or []]
        said = [f"{name}: {end.reason} {end.exit_code} {end.message or ''}" for name, end in ends if end is not None]
        reason = f"{pod.status.reason or ''} {pod.status.message or ''}"
        return f"{pod.metadata.name}: {pod.status.phase} {reason} {'; '.join(said)}"

    def log(self, pod: str, container: str) -> str:
        """The end of a container's log."""
        try:
            return str(self.core.read_namespaced_pod_log(pod, self.namespace, container=container, tail_lines=30))
        except ApiException as error:
            return str(error.reason)


@contextmanager
def installed(host: str = NODE_ADDRESS, port: int = PORT, **changes: Any) -> Iterator[Installation]:
    """The platform in a namespace and a folder of its own; both are gone afterwards."""
    core, name = client.CoreV1Api(), f"collegium-test-{uuid.uuid4().hex[:8]}"
    core.create_namespace({"metadata": {"name": name}})
    made = Installation(name, Path("/tmp") / name, host, port)
    try:
        made.install(**changes)
        yield made
    finally:
        made.remove()
        core.delete_namespace(name)
        shutil.rmtree(made.folder, ignore_errors=True)


def until(is_true: Callable[[], object], seconds: float, describe: Callable[[], str] = str) -> None:
    """Wait for something, or fail with what is."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if is_true():
                return
        except (httpx.HTTPError, ApiException):
            pass
        assert time.monotonic() < deadline, describe()
        time.sleep(0.2)
