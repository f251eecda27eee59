"""Project servers as pods beside stock KubeSpawner's: how soon the hub notices that one answers, and the first cell.

    python benchmarks/bench_cluster_servers.py [--rounds N]

Needs the test cluster (`make cluster-up`), because its pods must reach this machine. One hub runs, both kinds of
servers in turn; a cold kernel pod of ours is measured in the same rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
from kubernetes import client, config
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.bench_cluster import IMAGE, kernel, row, use_test_cluster, write_kernelspecs  # noqa: E402
from tests.cluster.test_project_server_pods import Hub  # noqa: E402

LOOK_SECONDS = 0.02
START_SECONDS = 90
OURS, STOCK = "spawner.kubernetes.KubernetesProjectSpawner", "kubespawner.KubeSpawner"


@contextlib.contextmanager
def hub_with(spawner: str, kubeconfig: str, namespace: str) -> Iterator[Hub]:
    """A hub on this machine whose servers are pods of a namespace of their own."""
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub(namespace, kubeconfig, Path(folder))
        hub.environment |= {"TEST_SPAWNER": spawner, "TEST_WITHOUT_VOLUME": "1"}
        hub.start()
        try:
            hub.http.post("/hub/api/users/projects").raise_for_status()
            yield hub
        finally:
            hub.stop()


async def server(hub: Hub, core: client.CoreV1Api, namespace: str) -> tuple[float, float, float]:
    """Seconds from the request to the server's own first answer, to the hub's notice, and to the reply to a cell."""
    name = f"s{uuid.uuid4().hex[:6]}"
    path = f"/hub/api/users/projects/servers/{name}"
    began = time.perf_counter()
    answered = asyncio.create_task(first_answer(core, namespace, f"/user/projects/{name}/api", began))
    async with httpx.AsyncClient(base_url=hub.http.base_url, headers=hub.http.headers, timeout=60) as http:
        asking = asyncio.create_task(http.post(path))  # the hub answers when the server is ready, or after ten seconds
        async with asyncio.timeout(START_SECONDS):
            while not (await http.get("/hub/api/users/projects")).json()["servers"].get(name, {}).get("ready"):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_SECONDS)
        noticed = time.perf_counter() - began
        (await asking).raise_for_status()
        is_stock = hub.environment["TEST_SPAWNER"] == STOCK
        replied = await first_cell(http, f"/user/projects/{name}") if is_stock else began
        await http.delete(path)
        while core.list_namespaced_pod(namespace).items:  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.2)
    return await answered, noticed, replied - began


async def first_answer(core: client.CoreV1Api, namespace: str, path: str, began: float) -> float:
    """Ask the pod itself until it answers."""
    async with httpx.AsyncClient(timeout=1) as http:
        while True:
            pods = await asyncio.to_thread(core.list_namespaced_pod, namespace)
            address = next((pod.status.pod_ip for pod in pods.items if pod.status.pod_ip), None)
            with contextlib.suppress(httpx.HTTPError):
                if address and (await http.get(f"http://{address}:8888{path}")).status_code < 500:
                    return time.perf_counter() - began
            await asyncio.sleep(LOOK_SECONDS)


async def first_cell(http: httpx.AsyncClient, path: str) -> float:
    """Start a kernel within the server, as JupyterLab does, and wait for the reply to a cell."""
    made = await http.post(f"{path}/api/kernels", json={"name": "python3"})
    made.raise_for_status()
    url = f"{str(http.base_url).replace('http', 'ws', 1).rstrip('/')}{path}/api/kernels/{made.json()['id']}/channels"
    connection = await websocket_connect(HTTPRequest(url, headers=dict(http.headers)))
    header = {"msg_id": "1", "msg_type": "execute_request", "username": "", "session": "s", "version": "5.3"}
    content = {"code": "1", "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    parts = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    await connection.write_message(json.dumps(parts))
    while json.loads(await connection.read_message() or "{}")["header"]["msg_type"] != "execute_reply":
        pass
    connection.close()
    return time.perf_counter()


async def measure(rounds: int, kubeconfig: str) -> None:
    """Measure both kinds in turn, and print the table."""
    core = client.CoreV1Api()
    namespace = f"collegium-bench-{uuid.uuid4().hex[:6]}"
    core.create_namespace({"metadata": {"name": namespace}})
    late: dict[str, list[float]] = {OURS: [], STOCK: []}
    stock_cell: list[float] = []
    cold: list[float] = []
    try:
        for _ in range(rounds):
            for spawner in (STOCK, OURS):
                with hub_with(spawner, kubeconfig, namespace) as hub:
                    answered, noticed, replied = await server(hub, core, namespace)
                late[spawner].append(noticed - answered)
                if spawner == STOCK:
                    stock_cell.append(replied)
            cold.append((await kernel("cold", "1"))[0])
    finally:
        core.delete_namespace(namespace)
    ours, stock = statistics.median(late[OURS]), statistics.median(late[STOCK])
    ratio = statistics.median(cold) / statistics.median(stock_cell)
    print(f"\nMedians of {rounds} rounds, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {IMAGE}.\n")
    print("| what | measured | bar | |\n|---|---|---|---|")
    print(row("project server: noticed after it answers", f"{ours:.2f} s", "≤ 0.3 s", ours <= 0.3))
    print(row("stock KubeSpawner: noticed after it answers", f"{stock:.2f} s", "", True))
    print(row("stock server pod and a kernel in it: first reply", f"{statistics.median(stock_cell):.2f} s", "", True))
    print(row("cold kernel pod: first reply", f"{statistics.median(cold):.2f} s", "", True))
    print(row("cold kernel pod against stock", f"{ratio:.2f}", "≤ 0.5", ratio <= 0.5))


def main() -> None:
    """Find the cluster and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    if not use_test_cluster():
        return
    kubeconfig = os.environ["KUBECONFIG"]
    config.load_kube_config(kubeconfig)
    with tempfile.TemporaryDirectory() as folder:
        write_kernelspecs(Path(folder))
        os.environ["JUPYTER_PATH"] = folder
        asyncio.run(measure(rounds, kubeconfig))


if __name__ == "__main__":
    main()
