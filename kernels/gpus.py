"""GPUs of one machine, leased to one kernel each.

A lease is a lock on a file (`flock(2)`) that the kernel's own process holds open: however the kernel ends, and
whatever happened to the server meanwhile, the operating system frees the lease at that moment, not sooner and not
later. Waiting is first come, first served, by the names of ticket files that are locked the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .errors import KernelStartError

_POLL_SECONDS = 0.2
GPUS_VARIABLE = "COLLEGIUM_GPUS"
GPU_DEVICES_VARIABLE = "COLLEGIUM_SERVER_GPUS"


def allowed_gpus() -> int | None:
    """How many GPUs the kernels of this server may hold together; `None` is without a limit.

    It comes from the environment that the server was started with: a kernelspec, which people can write themselves,
    cannot raise it.
    """
    given = os.environ.get(GPUS_VARIABLE)
    return None if given is None else int(given)


def given_gpus() -> tuple[str, ...] | None:
    """Names of the GPUs that this server was given by the platform, `None` where it may choose among the machine's."""
    given = os.environ.get(GPU_DEVICES_VARIABLE)
    return None if given is None else tuple(filter(None, given.split(",")))


class GpuError(KernelStartError):
    """More GPUs are asked for than the machine has."""


@dataclass(frozen=True, slots=True)
class GpuLease:
    """GPUs that belong to the holder.

    Attributes
    ----------
    devices
        Names for `CUDA_VISIBLE_DEVICES`.
    descriptors
        Hold the locks; the lease ends when every process has closed them.
    """

    devices: tuple[str, ...]
    descriptors: tuple[int, ...]

    def release(self) -> None:
        """Close this process's descriptors."""
        for descriptor in self.descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)


class GpuInventory:
    """The GPUs of a machine and who holds them.

    Parameters
    ----------
    folder
        Where locks and tickets are; the same for all servers of the machine that share its GPUs.
    devices
        Names of the GPUs; those that NVML finds by default.
    """

    def __init__(self, folder: Path, devices: tuple[str, ...] | None = None) -> None:
        self._folder = folder
        self.devices = detect_gpus() if devices is None else devices
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def free(self) -> tuple[str, ...]:
        """Names of the GPUs that nobody holds now."""
        free = []
        for device in self.devices:
            descriptor = self._try_lock(device)
            if descriptor is not None:
                os.close(descriptor)
                free.append(device)
        return tuple(free)

    async def lease(self, count: int, on_position: Callable[[int], None] | None = None) -> GpuLease:
        """Wait for one's turn, take GPUs.

        Parameters
        ----------
        count
            How many.
        on_position
            Called with the place in the queue, 1 for the next, whenever it changes.

        Raises
        ------
        GpuError
            If the machine has fewer.
        """
        if count > len(self.devices):
            raise GpuError(f"{count} GPUs are asked for, and this machine has {len(self.devices)}")
        ticket, path = self._draw_ticket()
        position = 0
        try:
            while True:
                now = self._position(path)
                if now == 1 and (lease := self._take(count)) is not None:
                    return lease
                if now != position and on_position is not None:
                    on_position(now)
                position = now
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            path.unlink(missing_ok=True)
            os.close(ticket)

    def retake(self, devices: tuple[str, ...]) -> GpuLease | None:
        """Hold again, beside the kernel, what a kernel has kept while its server was away; `None` if it lost it."""
        return None if self._any_free(devices) else GpuLease(devices, ())

    def _any_free(self, devices: tuple[str, ...]) -> bool:
        return bool(set(self.free()) & set(devices))

    def _take(self, count: int) -> GpuLease | None:
        taken: list[tuple[str, int]] = []
        for device in self.devices:
            descriptor = self._try_lock(device)
            if descriptor is not None:
                taken.append((device, descriptor))
            if len(taken) == count:
                return GpuLease(tuple(name for name, _ in taken), tuple(fd for _, fd in taken))
        for _name, descriptor in taken:
            os.close(descriptor)
        return None

    def _try_lock(self, device: str) -> int | None:
        return _lock(self._folder / f"gpu-{device}.lock")

    def _draw_ticket(self) -> tuple[int, Path]:
        path = self._folder / f"ticket-{time.time_ns():020d}-{os.getpid()}"
        descriptor = _lock(path)
        if descriptor is None:
            raise GpuError(f"the ticket {path.name} is taken")
        return descriptor, path

    def _position(self, mine: Path) -> int:
        """Tickets before mine whose holders live, and mine."""
        position = 1
        for path in sorted(self._folder.glob("ticket-*")):
            if path.name >= mine.name:
                break
            descriptor = _lock(path, create=False)
            if descriptor is None:
                position += path.exists()
            else:
                path.unlink(missing_ok=True)
                os.close(descriptor)
        return position


def _lock(path: Path, *, create: bool = True) -> int | None:
    flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def detect_gpus() -> tuple[str, ...]:
    """UUIDs of the NVIDIA GPUs that NVML reports; empty without its library or a driver.

    NVML is asked directly, because it ships with the driver and needs no package; no CUDA context is made.
    """
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return ()
    if library.nvmlInit_v2() != 0:
        return ()
    try:
        count = ctypes.c_uint()
        if library.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
            return ()
        found = (_gpu_uuid(library, index) for index in range(count.value))
        return tuple(uuid for uuid in found if uuid)
    finally:
        library.nvmlShutdown()


def _gpu_uuid(library: ctypes.CDLL, index: int) -> str:
    handle = ctypes.c_void_p()
    if library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(handle)) != 0:
        return ""
    text = ctypes.create_string_buffer(96)
    if library.nvmlDeviceGetUUID(handle, text, ctypes.c_uint(96)) != 0:
        return ""
    return text.value.decode()
