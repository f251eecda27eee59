"""A Jupyter server of ours whose kernels are pods: why they end, what they wait for, and a crash of the server."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from kernels.pods import KubernetesApi, PodTemplate, end_strays
from kernels.pods.spec import SERVER_LABEL, pod_manifest
from tests.kernels.test_server import Server, everything, execute, outputs

MakeKernelspec = Callable[..., str]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Start servers over one folder; the last one's kernels are ended with it."""
    servers: list[Server] = []

    def start() -> Server:
        servers.append(Server(tmp_path, keep_kernels=True))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.stop()  # a server that is told to stop ends the pods of its kernels


async def until(look: Callable[[], Any], seconds: float = 180) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := look()):  # noqa: ASYNC110 - the server is looked at from outside
            await asyncio.sleep(0.2)
        return found


async def test_reason_of_a_dead_kernel_is_told_and_pages_find_the_next_one_at_its_own_address(
    serve: Callable[[], Server], make_kernelspec: MakeKernelspec
) -> None:
    make_kernelspec(profile={"memory_bytes": 150 * 2**20})
    server = serve()
    kernel = (await asyncio.to_thread(server.start_kernel, "pod"))["id"]
    async with server.connect(kernel) as connection:
        await execute(connection, "data = bytearray(400 * 2**20)")
        async with asyncio.timeout(180):
            while await connection.read_message() is not None:
                pass
        assert connection.close_code == 1012  # pages connect again
    told = server.kernel(kernel)["last_end"]
    assert told["kind"] == "out-of-memory"
    assert "more than its pod may have" in told["message"]
    async with server.connect(kernel) as connection:
        assert (await everything(connection, "print('data' in globals())"))[1] == "False\n"
    await until(lambda: server.kernel(kernel)["execution_state"] == "idle")


async def test_kernel_is_taken_up_after_a_crash_and_ends_with_a_server_that_is_told_to_stop(
    serve: Callable[[], Server], make_kernelspec: MakeKernelspec, core: client.CoreV1Api, namespace: str
) -> None:
    make_kernelspec()
    first = serve()
    kernel = (await asyncio.to_thread(first.start_kernel, "pod"))["id"]
    async with first.connect(kernel) as connection:
        await outputs(connection, await execute(connection, "state = 42"), "idle")
    first.stop(signal.SIGKILL)
    second = await asyncio.to_thread(serve)
    assert [found["id"] for found in second.http.get("/api/kernels").json()] == [kernel]
    async with second.connect(kernel) as connection:
        assert await outputs(connection, await execute(connection, "print(state)"), "stream") == "42\n"
    await asyncio.to_thread(second.stop)
    await until(lambda: not core.list_namespaced_pod(namespace).items)


async def test_kernel_is_taken_up_by_a_server_in_another_pod(
    serve: Callable[[], Server],
    make_kernelspec: MakeKernelspec,
    core: client.CoreV1Api,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server is told to stop, as when its node is drained; of its pod's own files the next one has nothing."""
    make_kernelspec()
    monkeypatch.setenv("TEST_RECORDS_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "first"))
    first = serve()
    kernel = (await asyncio.to_thread(first.start_kernel, "pod"))["id"]
    pods = [pod.metadata.name for pod in core.list_namespaced_pod(namespace).items]
    async with first.connect(kernel) as connection:
        await outputs(connection, await execute(connection, "state = 42"), "idle")
    await asyncio.to_thread(first.stop)
    shutil.rmtree(tmp_path / "first")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "second"))
    second = await asyncio.to_thread(serve)
    assert [found["id"] for found in second.http.get("/api/kernels").json()] == [kernel]
    async with second.connect(kernel) as connection:
        assert await outputs(connection, await execute(connection, "print(state)"), "stream") == "42\n"
    assert [pod.metadata.name for pod in core.list_namespaced_pod(namespace).items] == pods
    assert "key" not in "".join(path.read_text() for path in (tmp_path / "state").iterdir())
    (await asyncio.to_thread(second.http.delete, f"/api/kernels/{kernel}")).raise_for_status()
    await until(lambda: not core.list_namespaced_pod(namespace).items, 180)


async def test_kernel_that_waits_for_a_gpu_says_so_among_the_others(
    serve: Callable[[], Server], make_kernelspec: MakeKernelspec
) -> None:
    make_kernelspec(profile={"resources": {"nvidia.com/gpu": 1}}, start_seconds=8.0)
    server = serve()
    starting = asyncio.create_task(asyncio.to_thread(server.http.post, "/api/kernels", json={"name": "pod"}))
    waiting = await until(lambda: [k for k in server.http.get("/api/kernels").json() if k["reason"]])
    assert waiting[0]["execution_state"] == "starting"
    assert "No node has room for the kernel: a free GPU" in waiting[0]["reason"]
    refused = await starting
    assert refused.status_code == 503
    assert "a free GPU" in refused.json()["message"]
    assert server.http.get("/api/kernels").json() == []


async def test_pod_that_a_crashed_server_was_starting_is_ended(
    api: KubernetesApi, core: client.CoreV1Api, namespace: str
) -> None:
    template = PodTemplate("localhost/nothing:1", pull_policy="Never")
    for name, server in {"kernel-known": "mine", "kernel-stray": "mine", "kernel-other": "theirs"}.items():
        await api.create("pods", pod_manifest(template, name, {SERVER_LABEL: server}))
    assert await end_strays(api, "mine", lambda: ["kernel-known"]) == ["kernel-stray"]
    left = {
        pod.metadata.name for pod in core.list_namespaced_pod(namespace).items if not pod.metadata.deletion_timestamp
    }
    assert left == {"kernel-known", "kernel-other"}
