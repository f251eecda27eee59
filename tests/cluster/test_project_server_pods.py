"""Project servers as pods: a real hub on this machine, servers in the cluster."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from kubernetes import client

from kernels.pods import SERVER_LABEL, PodTemplate, pod_manifest

IMAGE = os.environ.get("COLLEGIUM_TEST_SERVER_IMAGE", "localhost/collegium-server:1")
# The node's own address in the test cluster: reachable from pods, from nowhere else.
HUB_ADDRESS = os.environ.get("COLLEGIUM_TEST_HUB_ADDRESS", "10.246.255.1")
PORT = 18600


class Hub:
    """A hub that can be stopped and started again over its database."""

    def __init__(self, namespace: str, kubeconfig: str, folder: Path) -> None:
        self.folder = folder
        token = secrets.token_hex(16)
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{PORT}", headers={"Authorization": f"token {token}"}, timeout=180
        )
        self.environment = os.environ | {
            "KUBECONFIG": kubeconfig,
            "TEST_PORT": str(PORT),
            "TEST_HUB_ADDRESS": HUB_ADDRESS,
            "TEST_FOLDER": str(folder),
            "TEST_TOKEN": token,
            "TEST_NAMESPACE": namespace,
            "TEST_SERVER_IMAGE": IMAGE,
            "TEST_SPAWNER": "spawner.kubernetes.KubernetesProjectSpawner",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        config = Path(__file__).parent / "hub_config.py"
        with (self.folder / "hub.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", str(config)],
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        until(self._answers, 180)

    def stop(self) -> None:
        if self.process is not None:
            proxies = psutil.Process(self.process.pid).children()
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(180)
            finally:  # whatever happened, the next hub finds the ports free
                self.process.kill()
                self.process.wait()
                for proxy in (found for found in proxies if found.is_running()):
                    proxy.kill()
            self.process = None

    def log(self) -> str:
        return (self.folder / "hub.log").read_text()

    def _answers(self) -> bool:
        try:
            return self.http.get("/hub/api/").is_success
        except httpx.TransportError:
            return False


def until(is_true: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture
def volume(core: client.CoreV1Api, namespace: str) -> Iterator[Path]:
    """A volume of the one node, for the project's claim."""
    folder = Path("/tmp") / namespace
    for part in ("files", "state"):
        (folder / part).mkdir(parents=True)
        os.chown(folder / part, 1000, 100)
    core.create_persistent_volume(
        {
            "metadata": {"name": namespace},
            "spec": {
                "storageClassName": "manual",
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "claimRef": {"namespace": namespace, "name": "project-p1"},
                "hostPath": {"path": str(folder)},
            },
        }
    )
    yield folder
    core.delete_persistent_volume(namespace)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def hub(kubeconfig: str, namespace: str, tmp_path: Path) -> Iterator[Hub]:
    """A running hub."""
    running = Hub(namespace, kubeconfig, tmp_path)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.mark.slow
def test_project_server_runs_unprivileged_on_its_own_volume_and_outlives_the_hub(
    hub: Hub, core: client.CoreV1Api, namespace: str, volume: Path
) -> None:
    hub.http.post("/hub/api/users/projects").raise_for_status()
    server = "/hub/api/users/projects/servers/p1"
    hub.http.post(server).raise_for_status()

    def ready() -> bool:
        return bool(hub.http.get("/hub/api/users/projects").json()["servers"].get("p1", {}).get("ready"))

    until(ready, 180)
    pod = core.read_namespaced_pod("project-p1", namespace)
    context = pod.spec.containers[0].security_context
    assert context.capabilities.drop == ["ALL"]
    assert context.read_only_root_filesystem
    assert not pod.spec.automount_service_account_token
    assert pod.spec.security_context.seccomp_profile.type == "RuntimeDefault"
    assert (volume / "state" / "file_id.sqlite").exists()
    assert hub.http.get("/user/projects/p1/api").status_code < 500

    hub.stop()
    hub.start()
    until(ready, 180)
    assert core.read_namespaced_pod("project-p1", namespace).metadata.uid == pod.metadata.uid

    # Kernels stay when the server's pod is lost, and go with a server that is stopped.
    template = PodTemplate("localhost/nothing:1", pull_policy="Never")
    for name, project in {"kernel-mine": "p1", "kernel-other": "p2"}.items():
        core.create_namespaced_pod(namespace, pod_manifest(template, name, {SERVER_LABEL: project}))
    hub.http.delete(server).raise_for_status()
    until(lambda: [p.metadata.name for p in core.list_namespaced_pod(namespace).items] == ["kernel-other"], 180)
    claims = core.list_namespaced_persistent_volume_claim(namespace).items
    assert [claim.metadata.name for claim in claims] == ["project-p1"]


def test_missing_image_of_a_project_server_is_named(hub: Hub, volume: Path) -> None:
    hub.stop()
    hub.environment["TEST_SERVER_IMAGE"] = "localhost/no-such-server:1"
    hub.start()
    hub.http.post("/hub/api/users/projects").raise_for_status()
    hub.http.post("/hub/api/users/projects/servers/p1")
    until(lambda: "no-such-server" in hub.log() and "image cannot be pulled" in hub.log(), 180)
    # A hub that is told to stop in the very moment in which it deletes a pod goes on waiting for that.
    until(lambda: not hub.http.get("/hub/api/users/projects").json()["servers"], 180)


def told(hub: Hub, words: str, seconds: float = 180) -> str:
    """The first message of the server's progress that has these words."""
    deadline = time.monotonic() + seconds
    with hub.http.stream("GET", "/hub/api/users/projects/servers/p1/progress", timeout=seconds) as stream:
        for line in stream.iter_lines():
            if words in line:
                return line
            assert time.monotonic() < deadline, line
    raise AssertionError(f"the progress ended without {words!r}: {hub.log()[-2000:]}")


def test_server_whose_volume_is_not_there_says_what_it_waits_for(hub: Hub) -> None:
    """Nothing provides volumes of the class that its claim asks for."""
    hub.http.post("/hub/api/users/projects").raise_for_status()
    hub.http.post("/hub/api/users/projects/servers/p1").raise_for_status()
    assert "its volume, which does not exist yet is missing" in told(hub, "its volume")


def test_server_beyond_the_quota_says_so(hub: Hub, core: client.CoreV1Api, namespace: str, volume: Path) -> None:
    core.create_namespaced_resource_quota(namespace, {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})
    until(lambda: core.read_namespaced_resource_quota("none", namespace).status.hard, 180)
    hub.http.post("/hub/api/users/projects").raise_for_status()
    answer = hub.http.post("/hub/api/users/projects/servers/p1")
    said = answer.text if answer.is_error else told(hub, '"failed": true')
    assert "quota of this namespace is used up" in said
