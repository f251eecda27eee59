"""Random kills on the test cluster: kernels, warm pods, Jobs, the API server, etcd, the kubelet, and our own service.

    python benchmarks/bench_cluster_kills.py [--minutes 30] [--seed 1] [--pods-only]

Meanwhile kernels are started and used, and Jobs run that write what they did into a folder of the node. At the end: how
many objects nobody owns, how many Jobs were done twice, and how many were never done. Each kill is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jupyter_client import AsyncKernelManager
from kubernetes import client, config

from kernels import KernelsError
from kernels.pods import (
    KERNEL_SELECTOR,
    ApiError,
    JobTemplate,
    KubernetesApi,
    PodTemplate,
    WarmPool,
    container,
    delete_job,
    job_manifest,
    reap_orphans,
    start_job,
    until_job_ends,
)

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.bench_cluster import IMAGE, row, use_test_cluster  # noqa: E402

PROGRAMS = ("apiserver", "etcd", "kubelet", "scheduler", "controllers")
PAUSE_SECONDS = 8.0
LOOKS_AT_THE_END = 60
SERVER = "bench-kills"
COUNT = "globals().update(n=globals().get('n', 0) + 1) or n"


@dataclass
class Tally:
    """What happened."""

    kills: Counter[str] = field(default_factory=Counter)
    kernels_used: int = 0
    kernels_lost: int = 0
    wrong: list[str] = field(default_factory=list)
    jobs_told_done: set[str] = field(default_factory=set)


class Misfortunes:
    """One run.

    Parameters
    ----------
    namespace
        Of its own.
    folder
        Of the node, into which Jobs write.
    seed
        Of the choice of victims.
    kinds
        Of what is ended, the likelier the oftener it is named.
    """

    def __init__(self, namespace: str, folder: Path, seed: int, kinds: tuple[str, ...]) -> None:
        self.namespace, self.folder, self.kinds = namespace, folder, kinds
        self.random = random.Random(seed)
        self.tally = Tally()
        self.ending = asyncio.Event()
        self.core = client.CoreV1Api()

    async def use_kernels(self) -> None:
        """Start a kernel, count up in it, and compare; again and again."""
        while not self.ending.is_set():
            manager = AsyncKernelManager(kernel_name=self.random.choice(("cold", "warm")))
            with contextlib.suppress(KernelsError, TimeoutError, RuntimeError, ApiError):
                await manager.start_kernel()
                await self._count(manager)
            with contextlib.suppress(Exception):  # whatever is left is for the reaper, as after a crash
                await asyncio.wait_for(manager.shutdown_kernel(now=True), 30)

    async def _count(self, manager: AsyncKernelManager) -> None:
        connected = manager.client()
        connected.start_channels()
        try:
            await connected.wait_for_ready(timeout=60)
            for number in range(1, 20):
                if self.ending.is_set() or not await manager.is_alive():
                    break
                asked = connected.execute(
                    "", user_expressions={"n": "globals().update(n=globals().get('n', 0) + 1) or n"}
                )
                reply = await connected.get_shell_msg(timeout=20)
                while reply["parent_header"].get("msg_id") != asked:
                    reply = await connected.get_shell_msg(timeout=20)
                said = reply["content"]["user_expressions"]["n"]["data"]["text/plain"]
                if said != str(number):
                    self.tally.wrong.append(f"{said} instead of {number}")
                await asyncio.sleep(0.5)
            self.tally.kernels_used += 1
        except Exception as error:
            if await manager.is_alive():
                self.tally.wrong.append(f"a living kernel did not answer: {error!r}")
            self.tally.kernels_lost += 1
        finally:
            connected.stop_channels()

    async def run_jobs(self) -> None:
        """Start Jobs; the service that waits for one is itself killed now and then, and its successor asks again."""
        while not self.ending.is_set():
            name = f"step-{uuid.uuid4().hex[:12]}"
            while name not in self.tally.jobs_told_done:
                with contextlib.suppress(ApiError, TimeoutError, asyncio.CancelledError):
                    async with KubernetesApi(self.namespace) as api:
                        await asyncio.wait_for(self._one_job(api, name), self.random.uniform(2, 60))

    async def _one_job(self, api: KubernetesApi, name: str) -> None:
        template = JobTemplate(IMAGE, memory_bytes=64 * 2**20, seconds_to_keep=3600, backoff_limit=6)
        # What counts is published by a rename, as results of steps are: a pod that was killed half-way leaves nothing.
        # As the programs of steps and of grading do, it ends at SIGTERM: another pod takes its place then.
        out = f"/out/{name}"
        script = (
            f"trap 'exit 143' TERM; [ -e {out} ] && exit 0; sleep 3 & wait $!; "
            f"[ -e {out} ] && echo again >> {out}.twice; "
            f"echo $HOSTNAME > /out/.$HOSTNAME; mv /out/.$HOSTNAME {out}"
        )
        mount = {"name": "out", "mountPath": "/out"}
        made = container(template, "main", ["/bin/sh", "-c", script], mounts=[mount])
        volume = {"name": "out", "hostPath": {"path": str(self.folder)}}
        await start_job(api, job_manifest(template, name, "step", [made], [volume], deadline_seconds=600))
        end = await until_job_ends(api, name, "main")
        if end.exit_code == 0:
            self.tally.jobs_told_done.add(name)
        elif end.pod is not None or "deleted" not in end.message:
            await delete_job(api, name)

    async def kill(self) -> None:
        """Choose a victim, end it, wait, and choose the next."""
        while not self.ending.is_set():
            victim = self.random.choice(self.kinds)
            with contextlib.suppress(Exception):  # the cluster may be away just now: then nothing is killed
                self.tally.kills[await self._kill(victim)] += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ending.wait(), self.random.uniform(0.5, 2) * PAUSE_SECONDS)

    async def _kill(self, kind: str) -> str:
        if kind == "program":
            program = self.random.choice(PROGRAMS)
            words = [sys.executable, str(ROOT / "deploy" / "testcluster"), "restart", program, "--away"]
            away = str(self.random.choice((0, 2, 10)))
            await asyncio.to_thread(subprocess.run, [*words, away], capture_output=True, check=True)
            return program
        pods = await asyncio.to_thread(self.core.list_namespaced_pod, self.namespace)
        name = self.random.choice([pod.metadata.name for pod in pods.items])
        if kind == "evict":
            body: Any = {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": name}}
            await asyncio.to_thread(self.core.create_namespaced_pod_eviction, name, self.namespace, body)
        else:
            await asyncio.to_thread(self.core.delete_namespaced_pod, name, self.namespace, grace_period_seconds=0)
        return f"{kind} {name.partition('-')[0]}"

    async def left(self) -> list[str]:
        """What nobody owns when all is over and the reaper has come by, eleven minutes later by its clock."""
        async with KubernetesApi(self.namespace) as api:
            await reap_orphans(api, [], datetime.now(UTC) + timedelta(minutes=11))
            for _ in range(LOOKS_AT_THE_END):  # what is being deleted takes its time on a busy node
                pods: Any = await api.list("pods", KERNEL_SELECTOR)
                secrets: Any = await api.list("secrets", KERNEL_SELECTOR)
                left = [thing["metadata"]["name"] for thing in [*pods["items"], *secrets["items"]]]
                if not left:
                    break
                await asyncio.sleep(2)
        return left


@contextlib.asynccontextmanager
async def pool_of(namespace: str) -> AsyncIterator[None]:
    """A warm pool that is filled by two copies of the service, as in an installation."""
    async with KubernetesApi(namespace) as api, contextlib.AsyncExitStack() as stack:
        template = PodTemplate(IMAGE, preload=("numpy",))
        for _ in range(2):
            await stack.enter_async_context(WarmPool(api, "bench", template, minimum=1, maximum=2))
        yield


async def measure(minutes: float, seed: int, folder: Path, kinds: tuple[str, ...]) -> bool:
    """Let it happen, and print what came of it."""
    namespace = f"collegium-kills-{uuid.uuid4().hex[:6]}"
    client.CoreV1Api().create_namespace({"metadata": {"name": namespace}})
    write_kernelspecs(folder / "jupyter", namespace)
    out = folder / "out"
    out.mkdir(mode=0o777)
    out.chmod(0o777)
    misfortunes = Misfortunes(namespace, out, seed, kinds)
    try:
        async with pool_of(namespace):
            work = [misfortunes.use_kernels(), misfortunes.use_kernels(), misfortunes.run_jobs(), misfortunes.kill()]
            tasks = [asyncio.create_task(one) for one in work]
            await asyncio.sleep(60 * minutes)
            misfortunes.ending.set()
            await asyncio.wait(tasks, timeout=180)
        left = await misfortunes.left()
    finally:
        client.CoreV1Api().delete_namespace(namespace)
    tally = misfortunes.tally
    done = {path.name for path in out.iterdir() if not path.name.startswith(".") and path.suffix != ".twice"}
    lost = tally.jobs_told_done - done
    twice = list(out.glob("*.twice"))
    print(f"\n{sum(tally.kills.values())} kills in {minutes:.0f} minutes, seed {seed}: {dict(tally.kills)}")
    print(f"{tally.kernels_used} kernels used to their end, {tally.kernels_lost} lost with their pods\n")
    print("| what | measured | bar | |\n|---|---|---|---|")
    print(row("objects that nobody owns", str(len(left)), "0", not left))
    print(row(f"Jobs told done without a result, of {len(tally.jobs_told_done)}", str(len(lost)), "0", not lost))
    print(row("Jobs whose result was made twice", str(len(twice)), "0", not twice))
    print(row("wrong answers of kernels", str(len(tally.wrong)), "0", not tally.wrong))
    for line in [*left, *tally.wrong]:
        print("  ", line)
    return not (left or lost or twice or tally.wrong)


def write_kernelspecs(folder: Path, namespace: str) -> None:
    """Cold kernels, and those of the warm pool."""
    for name, settings in {"cold": {}, "warm": {"warm": True, "preload": ["numpy"]}}.items():
        chosen = {"image": IMAGE, "namespace": namespace, "server_id": SERVER, "start_seconds": 60.0, **settings}
        spec = {
            "argv": ["python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": name,
            "language": "python",
            "metadata": {
                "supported_encryption": "curve",
                "kernel_provisioner": {"provisioner_name": "collegium-pod", "config": chosen},
            },
        }
        (folder / "kernels" / name).mkdir(parents=True)
        (folder / "kernels" / name / "kernel.json").write_text(json.dumps(spec))


def main() -> None:
    """Find the test cluster and begin."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--pods-only", action="store_true", help="leave the cluster's own programs alone")
    arguments = parser.parse_args()
    kinds = ("pod", "pod", "pod", "evict", *(() if arguments.pods_only else ("program",)))
    if not use_test_cluster():
        return
    config.load_kube_config(os.environ["KUBECONFIG"])
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        os.environ["JUPYTER_PATH"] = f"{folder}/jupyter"
        passed = asyncio.run(measure(arguments.minutes, arguments.seed, Path(folder), kinds))
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
