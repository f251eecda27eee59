"""GPUs are leased to one kernel each, in the order of the queue, until the kernel's process ends."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_client.manager import AsyncKernelManager

from kernels import GPUS_VARIABLE, install_kernelspec
from kernels.gpus import GpuError, GpuInventory, detect_gpus

DEVICES = ("GPU-a", "GPU-b")


@pytest.fixture
def inventory(tmp_path: Path) -> GpuInventory:
    return GpuInventory(tmp_path / "gpus", DEVICES)


async def test_leases_do_not_overlap(inventory: GpuInventory) -> None:
    first, second = await inventory.lease(1), await inventory.lease(1)
    assert {*first.devices, *second.devices} == set(DEVICES)
    assert inventory.free() == ()
    first.release()
    assert inventory.free() == first.devices


async def test_more_than_there_are_is_refused(inventory: GpuInventory) -> None:
    with pytest.raises(GpuError, match="3 GPUs"):
        await inventory.lease(3)


async def test_waiters_are_served_in_order_and_told_their_place(inventory: GpuInventory) -> None:
    holder = await inventory.lease(2)
    places: dict[str, list[int]] = {"first": [], "second": []}
    first = asyncio.create_task(inventory.lease(2, places["first"].append))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(inventory.lease(1, places["second"].append))
    await asyncio.sleep(0.5)
    assert places == {"first": [1], "second": [2]}
    holder.release()
    lease = await asyncio.wait_for(first, 5)
    await asyncio.sleep(0.5)
    assert not second.done(), "the second must not get what the first holds"
    assert places["second"] == [2, 1]
    lease.release()
    (await asyncio.wait_for(second, 5)).release()


async def test_waiter_that_gives_up_lets_the_next_through(inventory: GpuInventory) -> None:
    holder = await inventory.lease(2)
    first = asyncio.create_task(inventory.lease(2))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(inventory.lease(1))
    await asyncio.sleep(0.05)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    holder.release()
    (await asyncio.wait_for(second, 5)).release()


async def test_dead_holders_and_waiters_do_not_block(inventory: GpuInventory, tmp_path: Path) -> None:
    source = (
        "import asyncio, sys; from pathlib import Path; from kernels.gpus import GpuInventory\n"
        "async def main():\n"
        f"    inventory = GpuInventory(Path({str(tmp_path / 'gpus')!r}), {DEVICES!r})\n"
        "    await inventory.lease(2); print('held', flush=True); await inventory.lease(1)\n"
        "asyncio.run(main())"
    )
    holder = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    waiting = asyncio.create_task(inventory.lease(1))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    holder.kill()
    holder.wait()
    (await asyncio.wait_for(waiting, 5)).release()


@pytest.mark.usefixtures("kernel_parent")
async def test_kernel_holds_its_gpu_until_it_ends(
    jupyter_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = install_kernelspec(jupyter_folders, name="gpu", gpus=1)
    spec = json.loads((folder / "kernel.json").read_text())
    config = spec["metadata"]["kernel_provisioner"]["config"]
    config.update({"gpu_devices_known": list(DEVICES), "gpu_folder": str(tmp_path / "gpus")})
    (folder / "kernel.json").write_text(json.dumps(spec))
    inventory = GpuInventory(tmp_path / "gpus", DEVICES)

    manager = AsyncKernelManager(kernel_name="gpu")
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    await client.wait_for_ready(timeout=30)
    reply = await client.execute_interactive(
        "import os, subprocess", user_expressions={"d": "os.environ['CUDA_VISIBLE_DEVICES']"}, timeout=30
    )
    seen = reply["content"]["user_expressions"]["d"]["data"]["text/plain"].strip("'")
    assert seen in DEVICES
    assert seen not in inventory.free()
    client.stop_channels()
    await manager.shutdown_kernel(now=True)
    assert inventory.free() == DEVICES

    # What a server may hold together comes with the server; no kernelspec can raise it.
    monkeypatch.setenv(GPUS_VARIABLE, "1")
    first, second = AsyncKernelManager(kernel_name="gpu"), AsyncKernelManager(kernel_name="gpu")
    await first.start_kernel()
    with pytest.raises(GpuError, match="has 1, and its kernels hold 1"):
        await second.start_kernel()
    await first.shutdown_kernel(now=True)
    third = AsyncKernelManager(kernel_name="gpu")
    await third.start_kernel()
    await third.shutdown_kernel(now=True)


def test_machine_without_a_driver_has_no_gpus() -> None:
    assert isinstance(detect_gpus(), tuple)
    if not Path("/proc/driver/nvidia").exists():
        assert detect_gpus() == ()
