"""Kernels in pods, on a real cluster."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
import zmq
from jupyter_client import AsyncKernelManager
from jupyter_client.asynchronous import AsyncKernelClient
from kubernetes import client
from nbclient import NotebookClient

from kernels import KernelStartError
from kernels.pods import (
    CLAIM_LABEL,
    FREE,
    POOL_LABEL,
    SERVER_LABEL,
    KubernetesApi,
    PodProvisioner,
    PodTemplate,
    WarmPool,
    pod_manifest,
    reap_orphans,
)
from kernels.pods.keys import new_connection
from kernels.pods.spec import secret_manifest

from .conftest import IMAGE

NOTEBOOKS = Path(__file__).parent / "notebooks"
MakeKernelspec = Callable[..., str]


@asynccontextmanager
async def started(name: str, **options: Any) -> AsyncIterator[tuple[AsyncKernelManager, AsyncKernelClient]]:
    manager = AsyncKernelManager(kernel_name=name)
    await manager.start_kernel(**options)
    connected = await connect(manager)
    try:
        yield manager, connected
    finally:
        connected.stop_channels()
        await manager.shutdown_kernel(now=True)


async def connect(manager: AsyncKernelManager) -> AsyncKernelClient:
    connected = manager.client()
    connected.start_channels()
    await connected.wait_for_ready(timeout=180)
    return connected


async def value(connected: AsyncKernelClient, expression: str) -> str:
    asked = connected.execute("", silent=True, user_expressions={"value": expression})
    reply = await connected.get_shell_msg(timeout=180)
    while reply["parent_header"].get("msg_id") != asked:  # one who waits for a kernel may have asked it twice
        reply = await connected.get_shell_msg(timeout=180)
    return str(reply["content"]["user_expressions"]["value"]["data"]["text/plain"])


async def until(is_true: Callable[[], object], seconds: float = 180) -> None:
    async with asyncio.timeout(seconds):
        while not is_true():  # noqa: ASYNC110 - the cluster is looked at from outside
            await asyncio.sleep(0.1)


def provisioner(manager: AsyncKernelManager) -> PodProvisioner:
    assert isinstance(manager.provisioner, PodProvisioner)
    return manager.provisioner


async def until_dead(manager: AsyncKernelManager) -> str:
    async with asyncio.timeout(180):
        assert await provisioner(manager).wait() is not None
    death = provisioner(manager).last_death
    assert death is not None
    return f"{death.kind}: {death.message}"


def test_notebook_runs_unprivileged_in_a_pod(make_kernelspec: MakeKernelspec) -> None:
    make_kernelspec()
    notebook = nbformat.read(NOTEBOOKS / "looks_around_in_its_pod.ipynb", as_version=4)
    done = NotebookClient(notebook, kernel_name="pod", timeout=180).execute()
    found = [cell.outputs[0].data["text/plain"] for cell in done.cells]
    nothing = "0000000000000000"
    in_pod, total, user, has_token, written, rights, first_process = found
    assert (in_pod, total, user, has_token) == ("True", "45", "1000", "False")
    assert written == "'Read-only file system'"
    assert rights == f"['{nothing}', '{nothing}', '1', '2']"
    assert "pause" in first_process


async def test_nothing_of_the_server_reaches_the_kernel_but_the_allowed_variables(
    make_kernelspec: MakeKernelspec,
) -> None:
    environment = {**os.environ, "JUPYTERHUB_API_TOKEN": "secret", "TZ": "Europe/Paris"}
    async with started(make_kernelspec(), env=environment) as (_, connected):
        assert await value(connected, "__import__('os').environ.get('JUPYTERHUB_API_TOKEN')") == "None"
        assert await value(connected, "__import__('os').environ['TZ']") == "'Europe/Paris'"


async def test_connection_without_the_keys_is_refused(make_kernelspec: MakeKernelspec) -> None:
    async with started(make_kernelspec()) as (manager, _):
        stranger = AsyncKernelClient()
        stranger.load_connection_info(manager.get_connection_info())
        public, secret = zmq.curve_keypair()
        stranger.curve_publickey, stranger.curve_secretkey = public, secret
        stranger.start_channels()
        stranger.kernel_info()
        with pytest.raises(Exception, match=r"^$"):
            await stranger.get_shell_msg(timeout=2)
        stranger.stop_channels()


async def test_interrupt_reaches_a_kernel_that_has_a_child_process(make_kernelspec: MakeKernelspec) -> None:
    async with started(make_kernelspec()) as (manager, connected):
        connected.execute("import subprocess, time; subprocess.Popen(['sleep', '60']); print(1); time.sleep(60)")
        while (await connected.get_iopub_msg(timeout=180))["msg_type"] != "stream":
            pass
        await manager.interrupt_kernel()
        reply = await connected.get_shell_msg(timeout=180)
        assert reply["content"]["ename"] == "KeyboardInterrupt"


async def test_restart_gives_a_new_pod_with_the_same_keys_and_removes_the_old(
    make_kernelspec: MakeKernelspec, core: client.CoreV1Api, namespace: str
) -> None:
    async with started(make_kernelspec()) as (manager, connected):
        first, info = provisioner(manager).pod_name, manager.get_connection_info()
        await value(connected, "globals().update(kept=1)")
        await manager.restart_kernel(now=True)
        again = await connect(manager)
        second, info_again = provisioner(manager).pod_name, manager.get_connection_info()
        assert await value(again, "'kept' in globals()") == "False"
        again.stop_channels()
        assert first != second
        assert (info["key"], info["curve_publickey"]) == (info_again["key"], info_again["curve_publickey"])
        await until(lambda: len(core.list_namespaced_pod(namespace).items) == 1)
        assert core.list_namespaced_pod(namespace).items[0].metadata.name == second


async def test_secret_goes_with_its_pod(
    make_kernelspec: MakeKernelspec, core: client.CoreV1Api, namespace: str
) -> None:
    selector = "app.kubernetes.io/component=kernel"
    async with started(make_kernelspec()):
        assert len(core.list_namespaced_secret(namespace, label_selector=selector).items) == 1
    await until(lambda: not core.list_namespaced_secret(namespace, label_selector=selector).items, 180)
    assert not core.list_namespaced_pod(namespace).items


async def test_kernel_is_taken_up_by_the_next_server(make_kernelspec: MakeKernelspec) -> None:
    async with started(make_kernelspec()) as (manager, connected):
        await value(connected, "globals().update(kept=42)")
        saved = await provisioner(manager).get_provisioner_info()
        assert "key" not in str(saved)
        successor = PodProvisioner(kernel_spec=manager.kernel_spec, kernel_id=manager.kernel_id, parent=None)
        successor.update_config(manager.config)
        for name, setting in manager.kernel_spec.metadata["kernel_provisioner"]["config"].items():
            setattr(successor, name, setting)
        await successor.load_provisioner_info(saved)
        other = AsyncKernelClient()
        other.load_connection_info(successor.connection_info)
        other.start_channels()
        await other.wait_for_ready(timeout=180)
        assert await value(other, "kept") == "42"
        assert await successor.poll() is None
        other.stop_channels()
        successor.pod_name = ""
        await successor.cleanup()


async def test_kernel_out_of_memory_says_so(make_kernelspec: MakeKernelspec) -> None:
    name = make_kernelspec(profile={"memory_bytes": 150 * 1024**2})
    async with started(name) as (manager, connected):
        connected.execute("data = bytearray(400 * 1024**2)")
        assert (await until_dead(manager)).startswith("out-of-memory: The kernel ran out of memory")


async def test_kernel_past_its_deadline_says_so(make_kernelspec: MakeKernelspec) -> None:
    async with started(make_kernelspec(profile={"deadline_seconds": 8})) as (manager, _):
        assert "reached the time limit" in await until_dead(manager)


async def test_deleted_pod_says_so(make_kernelspec: MakeKernelspec, core: client.CoreV1Api, namespace: str) -> None:
    async with started(make_kernelspec()) as (manager, _):
        core.delete_namespaced_pod(provisioner(manager).pod_name, namespace)
        assert "was deleted, by the cluster or by an administrator" in await until_dead(manager)


async def test_missing_image_is_named(make_kernelspec: MakeKernelspec) -> None:
    name = make_kernelspec(image="localhost/no-such-image:1", pull_policy="Never")
    with pytest.raises(KernelStartError, match=r"image is not there: .*localhost/no-such-image:1"):
        await AsyncKernelManager(kernel_name=name).start_kernel()


async def test_unschedulable_kernel_says_what_is_missing(
    make_kernelspec: MakeKernelspec, core: client.CoreV1Api, namespace: str
) -> None:
    name = make_kernelspec(profile={"resources": {"nvidia.com/gpu": 1}}, start_seconds=5.0)
    with pytest.raises(KernelStartError, match=r"No node has room .* a free GPU"):
        await AsyncKernelManager(kernel_name=name).start_kernel()
    await until(lambda: not core.list_namespaced_pod(namespace).items)


async def test_used_up_quota_says_so_and_leaves_nothing(
    make_kernelspec: MakeKernelspec, core: client.CoreV1Api, namespace: str
) -> None:
    core.create_namespaced_resource_quota(namespace, {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})
    # the quota counts once its controller has seen it
    await until(lambda: core.read_namespaced_resource_quota("none", namespace).status.hard)
    with pytest.raises(KernelStartError, match="quota of this namespace is used up"):
        await AsyncKernelManager(kernel_name=make_kernelspec()).start_kernel()
    left = core.list_namespaced_secret(namespace, label_selector="app.kubernetes.io/component=kernel").items
    assert not left


async def test_secret_of_a_service_that_was_killed_before_the_pod_is_reaped(
    api: KubernetesApi, core: client.CoreV1Api, namespace: str
) -> None:
    await api.create("secrets", secret_manifest("kernel-orphan-0", {}, new_connection("python3")))
    now = datetime.now(UTC)
    assert await reap_orphans(api, ["test-server"], now) == []
    assert await reap_orphans(api, ["test-server"], now + timedelta(minutes=11)) == ["secrets/kernel-orphan-0"]


async def test_orphans_are_kernels_without_a_server_and_free_pods_without_a_pool(
    api: KubernetesApi, namespace: str
) -> None:
    def pod(name: str, server: str, pool: str = "") -> Any:
        labels = {SERVER_LABEL: server} | ({POOL_LABEL: pool, CLAIM_LABEL: server} if pool else {})
        return pod_manifest(PodTemplate("localhost/nothing:1", pull_policy="Never"), name, labels)

    wanted = [pod("kernel-used", "mine"), pod("kernel-warm-kept", FREE, "numeric")]
    for manifest in [*wanted, pod("kernel-left", "gone"), pod("kernel-warm-left", FREE, "removed")]:
        await api.create("pods", manifest)
    later = datetime.now(UTC) + timedelta(minutes=11)
    assert await reap_orphans(api, ["mine"], datetime.now(UTC), pools=["numeric"]) == []
    found = await reap_orphans(api, ["mine"], later, pools=["numeric"])
    assert sorted(found) == ["pods/kernel-left", "pods/kernel-warm-left"]


async def test_kernel_whose_server_was_lost_is_kept_for_ten_minutes(api: KubernetesApi, namespace: str) -> None:
    """However old it is: its server may come back on another node."""
    template = PodTemplate("localhost/nothing:1", pull_policy="Never")
    await api.create("pods", pod_manifest(template, "kernel-left", {SERVER_LABEL: "moved"}))
    unknown: dict[str, datetime] = {}
    now = datetime.now(UTC)

    async def after(minutes: int, *servers: str) -> list[str]:
        return await reap_orphans(api, servers, now + timedelta(minutes=minutes), unknown=unknown)

    assert await after(60) == []
    assert await after(69) == []
    assert await after(72, "moved") == []  # it came back
    assert await after(73) == []
    assert await after(82) == []
    assert await after(84) == ["pods/kernel-left"]


async def wait_warm(pool: WarmPool, number: int) -> None:
    async with asyncio.timeout(180):
        while sum(state.ready for state in pool.free) < number:
            await pool.watch.changed(5)


def pool_template(**more: Any) -> PodTemplate:
    """What the provisioner of `make_kernelspec(warm=True, preload=["numpy"])` asks for."""
    return PodTemplate(image=IMAGE, preload=("numpy",), **more)


async def test_warm_pool_gives_a_kernel_with_the_stack_imported_and_refills(
    make_kernelspec: MakeKernelspec, api: KubernetesApi
) -> None:
    async with WarmPool(api, "numeric", pool_template(), minimum=1, maximum=1) as pool:
        await wait_warm(pool, 1)
        first = pool.free[0].name
        name = make_kernelspec(warm=True, preload=["numpy"])
        async with started(name, env={**os.environ, "TZ": "Europe/Paris"}) as (manager, connected):
            assert provisioner(manager).pod_name == first
            assert await value(connected, "'numpy' in __import__('sys').modules") == "True"
            assert await value(connected, "'numpy' in globals()") == "False"
            assert await value(connected, "__import__('os').environ['TZ']") == "'Europe/Paris'"
            await wait_warm(pool, 1)
            assert pool.free[0].name != first
        await pool.drain()


async def test_two_who_want_one_warm_pod_get_two_kernels(make_kernelspec: MakeKernelspec, api: KubernetesApi) -> None:
    async with WarmPool(api, "numeric", pool_template(), minimum=1, maximum=1) as pool:
        await wait_warm(pool, 1)
        names = [make_kernelspec(f"pod{i}", warm=True, preload=["numpy"], server_id=f"server-{i}") for i in range(2)]
        managers = [AsyncKernelManager(kernel_name=name) for name in names]
        await asyncio.gather(*(manager.start_kernel() for manager in managers))
        taken = [provisioner(manager) for manager in managers]
        assert len({one.pod_name for one in taken}) == 2
        assert sum(one.claimed_warm for one in taken) >= 1
        await asyncio.gather(*(manager.shutdown_kernel(now=True) for manager in managers))


async def test_changed_template_drains_the_old_pods(api: KubernetesApi) -> None:
    async with WarmPool(api, "numeric", pool_template(), minimum=1, maximum=1) as pool:
        await wait_warm(pool, 1)
        old = pool.free[0].name
        pool.change_template(pool_template(cpus=1.0))
        await pool.look()
        await wait_warm(pool, 1)
        async with asyncio.timeout(180):
            while old in pool.watch.states and not pool.watch.states[old].deleting:
                await pool.watch.changed(5)
        assert pool.free[0].labels["collegium.org/template"] == pool_template(cpus=1.0).fingerprint()
