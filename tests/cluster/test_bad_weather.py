"""Parts of the cluster go away and come back; kernels and what is known of them stay right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from kubernetes import client

from hub.cluster_service import reap_servers, tell_places
from kernels.pods import KubernetesApi, PodTemplate, PodWatch, explain_wait, reap_orphans
from kernels.pods import api as pods_api
from kernels.pods.spec import KERNEL_SELECTOR, pod_manifest

from .conftest import restart_program
from .test_kernel_pods import provisioner, started, until_dead, value


@pytest.mark.slow
@pytest.mark.usefixtures("own_cluster")
@pytest.mark.parametrize(("program", "away_seconds"), [("apiserver", 60), ("etcd", 5), ("kubelet", 5)])
async def test_kernel_lives_through_the_restart_of(
    program: str, away_seconds: float, make_kernelspec: Callable[..., str], core: client.CoreV1Api, namespace: str
) -> None:
    async with started(make_kernelspec()) as (manager, connected):
        await value(connected, "globals().update(kept=1)")
        restarting = asyncio.create_task(restart_program(program, away_seconds))
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
    state = await watch.until("later", lambda found: found is not None, 180)
    assert state is not None
    assert watch.lists == 2
    await watch.stop()


async def test_kernel_whose_node_is_drained_says_so(
    make_kernelspec: Callable[..., str], core: client.CoreV1Api, namespace: str
) -> None:
    async with started(make_kernelspec()) as (manager, _):
        name = provisioner(manager).pod_name
        eviction = {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": name}}
        core.create_namespaced_pod_eviction(name, namespace, eviction)
        assert "was deleted, by the cluster or by an administrator" in await until_dead(manager)


@pytest.mark.slow
async def test_kernel_that_fills_its_disk_is_evicted_and_says_why(make_kernelspec: Callable[..., str]) -> None:
    async with started(make_kernelspec(profile={"scratch_bytes": 2**20})) as (manager, connected):
        connected.execute("open('/tmp/large', 'wb').write(bytes(8 * 2**20))")
        async with asyncio.timeout(180):
            while await manager.is_alive():  # noqa: ASYNC110 - as a server asks
                await asyncio.sleep(0.5)
        death = provisioner(manager).last_death
        assert death is not None
        assert "evicted" in death.message


@pytest.mark.slow
@pytest.mark.usefixtures("own_cluster")
async def test_place_in_the_queue_for_a_gpu_and_for_a_slice_of_one(api: KubernetesApi, core: client.CoreV1Api) -> None:
    """The node gets GPUs that exist on paper only; nobody runs on them."""
    node = core.list_node().items[0].metadata.name
    gpu, mig = "nvidia.com/gpu", "nvidia.com/mig-1g.10gb"
    capacity = {gpu: "1", mig: "1"}
    core.patch_node_status(node, {"status": {"capacity": capacity, "allocatable": capacity}})
    telling = asyncio.create_task(tell_places(api))
    watch = PodWatch(api, KERNEL_SELECTOR)
    await watch.start()
    try:
        for number, resource in enumerate((gpu, gpu, gpu, mig, mig)):
            template = PodTemplate("localhost/nothing:1", pull_policy="Never", resources={resource: 1})
            await api.create("pods", pod_manifest(template, f"kernel-{number}", {}))
            await asyncio.sleep(1.1)  # times of creation are whole seconds
        expected = {"kernel-1": "1 of 2", "kernel-2": "2 of 2", "kernel-4": "1 of 1"}
        for name, place in expected.items():
            state = await watch.until(name, lambda found, place=place: found is not None and found.place == place, 180)
            message = explain_wait(state)[0]
            assert f"Place {place} in the queue." in message
            assert "GPU" in message
        await api.delete("pods", "kernel-0", grace_seconds=0)
        # Which of the two the scheduler tries first is its own affair; the other one is first in the queue then.
        async with asyncio.timeout(180):
            while [watch.states[name].place for name in ("kernel-1", "kernel-2")].count("1 of 1") != 1:
                await watch.changed(10)
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        await watch.stop()
        none = {gpu: None, mig: None}
        core.patch_node_status(node, {"status": {"capacity": none, "allocatable": none}})


async def test_clock_of_this_machine_does_not_decide_who_is_an_orphan(
    api: KubernetesApi, core: client.CoreV1Api, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pods_api, "datetime", AnHourAhead)
    labels = {"app.kubernetes.io/part-of": "collegium", "app.kubernetes.io/component": "kernel"}
    core.create_namespaced_secret(namespace, {"metadata": {"name": "kernel-young", "labels": labels}})
    await api.list("pods")
    assert await reap_orphans(api, [], AnHourAhead.now(UTC)) == []
    assert await reap_orphans(api, [], AnHourAhead.now(UTC) + timedelta(minutes=11)) == ["secrets/kernel-young"]


async def test_server_that_the_hub_does_not_know_is_removed_after_ten_minutes_and_not_before(
    api: KubernetesApi, core: client.CoreV1Api, namespace: str
) -> None:
    container = {"name": "server", "image": "localhost/nothing:1", "imagePullPolicy": "Never"}
    for project in ("kept", "lost"):
        labels = {"app.kubernetes.io/part-of": "collegium", "app.kubernetes.io/component": "project-server"}
        metadata = {"name": f"project-{project}", "labels": labels | {"collegium.org/server": project}}
        core.create_namespaced_pod(namespace, {"metadata": metadata, "spec": {"containers": [container]}})
    unknown: dict[str, datetime] = {}
    now = datetime.now(UTC)

    async def after(minutes: int, *servers: str) -> list[str]:
        return await reap_servers(api, servers, unknown, now + timedelta(minutes=minutes))

    assert await after(0, "kept") == []
    assert await after(9, "kept", "lost") == []  # the hub had just been started
    assert await after(15, "kept") == []
    assert await after(26, "kept") == ["pods/project-lost"]


class AnHourAhead(datetime):
    """A clock that is wrong."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """The present, and an hour."""
        return datetime.now(tz) + timedelta(hours=1)
