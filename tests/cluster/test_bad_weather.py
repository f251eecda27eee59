"""Parts of the cluster go away and come back; kernels and what is known of them stay right."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from kubernetes import client

from kernels.pods import KubernetesApi, PodWatch
from kernels.pods.spec import KERNEL_SELECTOR

from .conftest import ROOT, run_testcluster
from .test_kernel_pods import provisioner, started, until_dead, value


@pytest.fixture
def own_cluster(kubeconfig: str) -> None:
    """Only the test cluster's programs may be ended."""
    if run_testcluster("kubeconfig").stdout.strip() != os.path.realpath(kubeconfig):
        pytest.skip("the programs of a cluster that is not ours are left alone")


async def restart(program: str, away_seconds: float) -> None:
    command = [sys.executable, str(ROOT / "deploy" / "testcluster"), "restart", program, "--away", str(away_seconds)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("own_cluster")
@pytest.mark.parametrize("program", ["apiserver", "etcd", "kubelet"])
async def test_kernel_lives_through_the_restart_of(
    program: str, make_kernelspec: Callable[..., str], core: client.CoreV1Api, namespace: str
) -> None:
    async with started(make_kernelspec()) as (manager, connected):
        await value(connected, "globals().update(kept=1)")
        restarting = asyncio.create_task(restart(program, 5))
        while not restarting.done():
            assert await manager.is_alive()
            assert await value(connected, "kept") == "1"
            await asyncio.wait({restarting}, timeout=0.5)
        await restarting
        assert await value(connected, "kept") == "1"
        # What happens afterwards is noticed again, by the same watch.
        core.delete_namespaced_pod(provisioner(manager).pod_name, namespace)
        assert "was deleted" in await until_dead(manager)


async def test_expired_watch_lists_again_and_misses_nothing(
    api: KubernetesApi, core: client.CoreV1Api, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, versions = api.watch, []

    def too_old_at_first(resource: str, selector: str, version: str):  # type: ignore[no-untyped-def]
        # The real API server answers 410 to a version that never was within its memory.
        versions.append(version)
        return real(resource, selector, "1" if len(versions) == 1 else version)

    monkeypatch.setattr(api, "watch", too_old_at_first)
    watch = PodWatch(api, KERNEL_SELECTOR)
    await watch.start()
    labels = {"app.kubernetes.io/part-of": "collegium", "app.kubernetes.io/component": "kernel"}
    container = {"name": "kernel", "image": "localhost/nothing:1", "imagePullPolicy": "Never"}
    core.create_namespaced_pod(
        namespace, {"metadata": {"name": "later", "labels": labels}, "spec": {"containers": [container]}}
    )
    state = await watch.until("later", lambda found: found is not None, 30)
    assert state is not None
    assert watch.lists == 2
    await watch.stop()
