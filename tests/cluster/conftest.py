"""A cluster for the tests: the one of `KUBECONFIG`, else the test cluster when it is up or may be started."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from kernels.pods import KubernetesApi

ROOT = Path(__file__).parents[2]
IMAGE = os.environ.get("COLLEGIUM_TEST_KERNEL_IMAGE", "localhost/collegium-kernel:1")
STACK = ["numpy", "scipy", "pandas", "matplotlib.pyplot", "sympy"]
_skipped: list[str] = []


def run_testcluster(command: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the test cluster."""
    program = [sys.executable, str(ROOT / "deploy" / "testcluster"), command]
    return subprocess.run(program, capture_output=True, text=True, check=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a cluster."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            item.add_marker(pytest.mark.timeout(900))  # several waits of minutes may follow each other


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say loudly that nothing was proved on a cluster."""
    if _skipped:
        terminalreporter.section("NO KUBERNETES CLUSTER", sep="!", red=True, bold=True)
        terminalreporter.line(f"The tests of tests/cluster were skipped: {_skipped[0]}")


def _find_cluster() -> str:
    """Path of a kubeconfig; skips, with the reason, when there is no cluster."""
    reason = ""
    if given := os.environ.get("KUBECONFIG"):
        try:
            config.load_kube_config(given)
            client.VersionApi().get_code(_request_timeout=5)
            return given
        except Exception as error:  # whatever is wrong with it, it is the reason that is shown
            reason = f"the cluster of KUBECONFIG={given} does not answer: {error}"
    elif run_testcluster("status").returncode == 0:
        return run_testcluster("kubeconfig").stdout.strip()
    elif os.environ.get("COLLEGIUM_TEST_CLUSTER") == "1":
        started = run_testcluster("up")
        if started.returncode == 0:
            return run_testcluster("kubeconfig").stdout.strip()
        reason = f"the test cluster did not start: {started.stderr.strip()[-500:]}"
    else:
        reason = "none is up. Start one with `make cluster-up`, or name another by KUBECONFIG."
    _skipped.append(reason)
    pytest.skip(f"no Kubernetes cluster: {reason}")


@pytest.fixture(scope="session")
def kubeconfig() -> str:
    """Path of the cluster's kubeconfig."""
    path = _find_cluster()
    config.load_kube_config(path)
    return path


@pytest.fixture
def own_cluster(kubeconfig: str) -> None:
    """Only the test cluster's programs may be ended."""
    if run_testcluster("kubeconfig").stdout.strip() != os.path.realpath(kubeconfig):
        pytest.skip("the programs of a cluster that is not ours are left alone")


async def restart_program(program: str, away_seconds: float) -> None:
    """End one of the test cluster's programs and start it again after a while."""
    command = [sys.executable, str(ROOT / "deploy" / "testcluster"), "restart", program, "--away", str(away_seconds)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def core(kubeconfig: str) -> client.CoreV1Api:
    """The official client, to look at the cluster from outside."""
    return client.CoreV1Api()


@pytest.fixture
def namespace(core: client.CoreV1Api) -> Iterator[str]:
    """A namespace of its own for each test, deleted with everything in it."""
    name = f"collegium-test-{uuid.uuid4().hex[:8]}"
    core.create_namespace({"metadata": {"name": name}})
    deadline = time.monotonic() + 180
    while True:  # pods are refused before their account is there; the controllers pause after a loss of the API server
        try:
            core.read_namespaced_service_account("default", name)
            break
        except ApiException:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    yield name
    core.delete_collection_namespaced_pod(name, grace_period_seconds=0)
    core.delete_namespace(name)


@pytest.fixture
async def api(kubeconfig: str, namespace: str) -> AsyncIterator[KubernetesApi]:
    """A connection of ours to the namespace."""
    async with KubernetesApi(namespace, kubeconfig) as connected:
        yield connected


@pytest.fixture
def make_kernelspec(
    kubeconfig: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Write a kernelspec whose kernels are pods; its name is returned."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    def make(name: str = "pod", **settings: Any) -> str:
        common = {"image": IMAGE, "pull_policy": "IfNotPresent", "namespace": namespace, "kubeconfig": kubeconfig}
        provisioner = {
            "provisioner_name": "collegium-pod",
            "config": {**common, "server_id": "test-server", **settings},
        }
        spec = {
            "argv": ["python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": name,
            "language": "python",
            "interrupt_mode": "message",
            "metadata": {"supported_encryption": "curve", "kernel_provisioner": provisioner},
        }
        folder = tmp_path / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(spec))
        return name

    return make
