"""Kernels in pods: cold, warm, many at once, and what knowing a thousand costs.

    python benchmarks/bench_cluster.py [--quick] [--only PART]

Needs a cluster: that of KUBECONFIG, else the test cluster (`make cluster-up`). Peers run in the same run, interleaved.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
import uuid
from pathlib import Path
from typing import Any

from jupyter_client import AsyncKernelManager

from kernels.pods import KubernetesApi, PodTemplate, PodWatch, WarmPool
from kernels.pods.provisioner import PodProvisioner
from kernels.pods.spec import KERNEL_LABELS, KERNEL_SELECTOR, pod_manifest

ROOT = Path(__file__).parents[1]
IMAGE = os.environ.get("COLLEGIUM_TEST_KERNEL_IMAGE", "localhost/collegium-kernel:1")
STACK = ("numpy", "scipy", "pandas", "matplotlib.pyplot", "sympy")
IMPORTS = "import numpy, scipy, pandas, matplotlib.pyplot, sympy"
NAMESPACE = "default"


def write_kernelspecs(folder: Path) -> None:
    """A cold kernelspec and one for the warm pool."""
    kinds: dict[str, dict[str, Any]] = {
        "cold": {},
        "warm": {"warm": True, "preload": list(STACK)},
        "small": {"profile": {"cpu_request": 0.01, "memory_request_bytes": 16 * 2**20}},  # 50 have room on the node
    }
    for name, settings in kinds.items():
        config = {"image": IMAGE, "namespace": NAMESPACE, "server_id": "bench", **settings}
        spec = {
            "argv": ["python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": name,
            "language": "python",
            "interrupt_mode": "message",
            "metadata": {
                "supported_encryption": "curve",
                "kernel_provisioner": {"provisioner_name": "collegium-pod", "config": config},
            },
        }
        (folder / "kernels" / name).mkdir(parents=True)
        (folder / "kernels" / name / "kernel.json").write_text(json.dumps(spec))


async def kernel(name: str, code: str) -> tuple[float, float, PodProvisioner]:
    """Seconds from the request to the reply to the first cell, and until its pod was known to run."""
    manager = AsyncKernelManager(kernel_name=name)
    began = time.perf_counter()
    await manager.start_kernel()
    runs = time.perf_counter() - began
    client = manager.client()
    client.start_channels()
    # Not wait_for_ready: it sits out 0.2 s of silence, and a browser's first cell does not wait for that either.
    client.execute(code)
    reply = await client.get_shell_msg(timeout=120)
    while reply["msg_type"] != "execute_reply":
        reply = await client.get_shell_msg(timeout=120)
    seconds = time.perf_counter() - began
    assert reply["content"]["status"] == "ok", reply["content"]
    client.stop_channels()
    provisioner = manager.provisioner
    assert isinstance(provisioner, PodProvisioner)
    await manager.shutdown_kernel(now=True)
    return seconds, runs, provisioner


async def bare_pod(api: KubernetesApi) -> float:
    """Seconds until the kubelet reports that a pod runs which does nothing: what nobody can be faster than."""
    name = f"bare-{uuid.uuid4().hex[:8]}"
    manifest: Any = pod_manifest(PodTemplate(image=IMAGE), name, {"bench": "bare"})
    container = manifest["spec"]["containers"][0]
    container["command"] = ["sleep", "60"]
    manifest["spec"]["volumes"] = [v for v in manifest["spec"]["volumes"] if v["name"] != "connection"]
    container["volumeMounts"] = [m for m in container["volumeMounts"] if m["name"] != "connection"]
    watch = PodWatch(api, "bench=bare")
    await watch.start()
    began = time.perf_counter()
    await api.create("pods", manifest)
    await watch.until(name, lambda state: state is not None and state.running, 120)
    seconds = time.perf_counter() - began
    await api.delete("pods", name, grace_seconds=0)
    await watch.stop()
    return seconds


async def warm_and_cold(api: KubernetesApi, rounds: int) -> dict[str, list[float]]:
    """Interleaved: bare pod, cold kernel, cold kernel that imports the stack, warm kernel that has imported it."""
    seconds: dict[str, list[float]] = {"bare": [], "cold": [], "runs": [], "cold_stack": [], "warm": [], "claimed": []}
    async with WarmPool(api, "bench", PodTemplate(image=IMAGE, preload=STACK), minimum=1, maximum=1) as pool:
        for _ in range(rounds):
            while not any(state.ready for state in pool.free):  # it imports meanwhile, which takes the node's time
                await pool.watch.changed(5)
            seconds["bare"].append(await bare_pod(api))
            replied, runs, _ = await kernel("cold", "1")
            seconds["cold"].append(replied)
            seconds["runs"].append(runs)
            seconds["cold_stack"].append((await kernel("cold", IMPORTS))[0])
            replied, claimed, provisioner = await kernel("warm", IMPORTS)
            assert provisioner.claimed_warm
            seconds["warm"].append(replied)
            seconds["claimed"].append(claimed)
        await pool.drain()
    return seconds


async def at_once(number: int) -> tuple[float, float, int]:
    """API calls per kernel, seconds until the last is ready, and lists by the watch."""
    managers = [AsyncKernelManager(kernel_name="small") for _ in range(number)]
    began = time.perf_counter()
    await asyncio.gather(*(manager.start_kernel() for manager in managers))
    seconds = time.perf_counter() - began
    cluster = managers[0].provisioner._cluster  # the count of this process
    await asyncio.gather(*(manager.shutdown_kernel(now=True) for manager in managers[1:]))
    calls, lists = cluster.api.calls, cluster.watch.lists
    await managers[0].shutdown_kernel(now=True)
    return calls / number, seconds, lists


async def memory(api: KubernetesApi, number: int) -> float:
    """Bytes that the watch of so many pods keeps; the pods are real objects which no scheduler takes."""
    label = f"bench-{uuid.uuid4().hex[:6]}"
    for i in range(number):
        manifest: Any = pod_manifest(PodTemplate(image=IMAGE), f"{label}-{i}", {**KERNEL_LABELS, "bench": label})
        manifest["spec"]["schedulerName"] = "nobody"
        await api.create("pods", manifest)
    gc.collect()
    tracemalloc.start()
    watch = PodWatch(api, f"{KERNEL_SELECTOR},bench={label}")
    await watch.start()
    assert len(watch.states) == number
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    await watch.stop()
    await api._json("DELETE", api.path("pods"), query={"labelSelector": f"bench={label}", "gracePeriodSeconds": "0"})
    return float(kept)


def resident_bytes() -> int:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def row(what: str, figure: str, bar: str, passed: bool) -> str:
    return f"| {what} | {figure} | {bar} | {('pass' if passed else 'MISS') if bar else ''} |"


async def measure_starts(rounds: int) -> None:
    """Cold and warm kernels."""
    async with KubernetesApi(NAMESPACE) as api:
        seconds = await warm_and_cold(api, rounds)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    overhead, ratio = median["cold"] - median["bare"], median["cold_stack"] / median["warm"]
    print(row(f"cold kernel pod: request to first reply, {rounds} rounds", f"{median['cold']:.2f} s", "", True))
    print(row("bare pod, as the kubelet starts it", f"{median['bare']:.2f} s", "", True))
    print(row("of the cold kernel: until its pod is known to run", f"{median['runs']:.2f} s", "", True))
    print(row("overhead of the kernel above it", f"{overhead:.2f} s", "≤ 0.5 s", overhead <= 0.5))
    print(row("cold kernel pod that imports the stack", f"{median['cold_stack']:.2f} s", "", True))
    print(row("warm kernel with the stack imported", f"{median['warm']:.2f} s", "≤ 0.5 s", median["warm"] <= 0.5))
    print(row("of the warm kernel: until it is claimed", f"{median['claimed']:.2f} s", "", True))
    print(row("warm against cold", f"{ratio:.1f} times", "≥ 15 times", ratio >= 15))


async def measure_many(number: int) -> None:
    """Many kernels at once."""
    calls, last, lists = await at_once(number)
    print(row(f"API calls per pod, {number} at once, with their end", f"{calls:.1f}", "≤ 6", calls <= 6))
    print(row(f"LISTs for them; last started after {last:.1f} s", str(lists), "1", lists == 1))


async def measure_memory(known: int) -> None:
    """What knowing many pods costs."""
    async with KubernetesApi(NAMESPACE) as api:
        few, many = await memory(api, 10), await memory(api, known)
    process = resident_bytes()
    growth = (process + many) / (process + few)
    print(row(f"memory with {known} kernels known against 10", f"{growth:.3f} times", "≤ 1.5", growth <= 1.5))


async def measure(quick: bool, part: str) -> None:
    """Measure one part, or all."""
    rounds, number, known = (2, 4, 100) if quick else (5, 50, 1000)
    parts = {
        "starts": lambda: measure_starts(rounds),
        "memory": lambda: measure_memory(known),
        "many": lambda: measure_many(number),
    }
    print(f"\nMedians, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n")
    print("| what | measured | bar | |\n|---|---|---|---|")
    for name, begin in parts.items():
        if part in ("", name):
            await begin()


def use_test_cluster() -> bool:
    """Have `KUBECONFIG` name the test cluster; say that it is not up, and return False, when it is not."""
    program = [sys.executable, str(ROOT / "deploy" / "testcluster")]
    if subprocess.run([*program, "status"], stdout=subprocess.DEVNULL, check=False).returncode:
        print("SKIPPED: the test cluster is not up. Start it with `make cluster-up`.")
        return False
    found = subprocess.run([*program, "kubeconfig"], capture_output=True, text=True, check=True)
    os.environ["KUBECONFIG"] = found.stdout.strip()
    return True


def main() -> None:
    """Find the cluster and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and pods")
    parser.add_argument("--only", choices=["starts", "memory", "many"], default="", help="one part of it")
    arguments = parser.parse_args()
    if "KUBECONFIG" not in os.environ and not use_test_cluster():
        return
    with tempfile.TemporaryDirectory() as folder:
        write_kernelspecs(Path(folder))
        os.environ["JUPYTER_PATH"] = folder
        asyncio.run(measure(arguments.quick, arguments.only))


if __name__ == "__main__":
    main()
