"""What a Jupyter server needs to treat its kernels well; all through its public extension points.

A kernel manager and a kernel websocket, named in the server's configuration (see `server_configuration`), and an
extension that takes up again the kernels of a server that ran before, and serves outputs that were too long.
"""

# Jupyter Server is not typed, and its own managers override synchronous methods with coroutines.
# mypy: disable-error-code="no-untyped-call,override"
from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from jupyter_server._tz import utcnow
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyter_server.utils import url_path_join
from prometheus_client import Counter
from traitlets import Bool

from .deaths import Death
from .kept_outputs import KeptOutputs
from .limits import Limits
from .persistence import KernelStore, revive
from .provisioner import ForkProvisioner
from .usage import UsageMeter
from .websocket import OutputsHandler

KERNEL_DEATHS = Counter("collegium_kernel_deaths", "Kernels that ended, by reason", ["kind"])
KERNEL_STARTS = Counter("collegium_kernel_starts", "Kernels started, by way", ["way"])


class PlatformKernelManager(AsyncMappingKernelManager):
    """Kernels with their usage and the reason of their end, culled each by its own rule, kept over a restart."""

    keep_kernels = Bool(
        False,
        config=True,
        help="Let kernels live on when the server stops, for its successor to take up. Sessions survive with them "
        "when SessionManager.database_filepath names a file.",
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._meters: dict[str, UsageMeter] = {}
        self._store = KernelStore(self.connection_dir)
        self.kept_outputs = KeptOutputs(Path(self.connection_dir) / "outputs")

    async def start_kernel(self, **kwargs: Any) -> str:
        """Start a kernel and remember how to find it again."""
        kernel_id: str = await super().start_kernel(**kwargs)
        provisioner = self._provisioner(kernel_id)
        KERNEL_STARTS.labels("forked" if provisioner and provisioner.forked else "cold").inc()
        self.add_restart_callback(kernel_id, lambda: self._on_restart(kernel_id), "restart")
        await self._remember(kernel_id)
        return kernel_id

    async def restart_kernel(self, kernel_id: str, now: bool = False) -> Any:
        """Restart a kernel; its process is another one afterwards."""
        future = await super().restart_kernel(kernel_id, now=now)
        await self._remember(kernel_id)
        return future

    async def shutdown_kernel(self, kernel_id: str, now: bool = False, restart: bool = False) -> Any:
        """Shut a kernel down for good."""
        self._store.forget(kernel_id)
        self._meters.pop(kernel_id, None)
        self.kept_outputs.forget(kernel_id)
        await self._until_started(kernel_id)
        return await super().shutdown_kernel(kernel_id, now=now, restart=restart)

    async def shutdown_all(self, now: bool = False) -> None:
        """End all kernels, or leave them to the next server."""
        for kernel_id in list(self.list_kernel_ids()):
            await self._until_started(kernel_id)
        if not self.keep_kernels:
            await super().shutdown_all(now=now)
            return
        for kernel_id in list(self.list_kernel_ids()):
            provisioner = self._provisioner(kernel_id)
            if provisioner is None or not provisioner.forked:
                await self.shutdown_kernel(kernel_id, now=now)
                continue
            self.log.info("leaving kernel %s to the next server", kernel_id)
            self.stop_watching_activity(kernel_id)
            manager = self._kernels.pop(kernel_id)
            manager.stop_restarter()
            manager._connection_file_written = False
            provisioner.let_go()

    async def _until_started(self, kernel_id: str) -> None:
        """Wait for a start in flight, such as the restart of a kernel that died: Jupyter fails to stop one of those."""
        ready = getattr(self._kernels.get(kernel_id), "ready", None)
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        while ready is not None and not ready.done() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)

    async def take_up_kernels(self) -> None:
        """Take up the kernels that a server before this one has left."""
        for record in self._store.records():
            if record.kernel_id in self:
                continue
            if await revive(self, record):
                self.log.info("took up kernel %s", record.kernel_id)
                self.add_restart_callback(
                    record.kernel_id, lambda kernel_id=record.kernel_id: self._on_restart(kernel_id), "restart"
                )
            else:
                self._store.forget(record.kernel_id)
        if not self._initialized_culler:
            self.initialize_culler()

    def kernel_model(self, kernel_id: str) -> dict[str, Any]:
        """The REST model of a kernel, with what it uses and how it started."""
        model: dict[str, Any] = super().kernel_model(kernel_id)
        provisioner = self._provisioner(kernel_id)
        if provisioner is None:
            return model
        model["forked"] = provisioner.forked
        if provisioner.cold_reason:
            model["cold_reason"] = provisioner.cold_reason
        if provisioner.gpu_devices:
            model["gpus"] = list(provisioner.gpu_devices)
        if provisioner.waiting_position:
            model["reason"] = f"waiting for a GPU, number {provisioner.waiting_position} in the queue"
        if provisioner.previous_death is not None:
            model["last_end"] = {
                "kind": provisioner.previous_death.kind,
                "message": provisioner.previous_death.message,
            }
            state = getattr(self._kernels[kernel_id], "execution_state", "")
            if state in ("dead", "restarting", "autorestarting"):
                # JupyterLab puts these into its dialog
                model["reason"] = provisioner.previous_death.message
                model["traceback"] = provisioner.previous_death.traceback
        if provisioner.pid:
            meter = self._meters.get(kernel_id)
            if meter is None or meter.pid != provisioner.pid:
                meter = self._meters[kernel_id] = UsageMeter(provisioner.pid)
            usage = meter.measure()
            if usage is not None:
                model["memory_bytes"] = usage.memory_bytes
                model["cpu_seconds"] = round(usage.cpu_seconds, 2)
                model["cpu_percent"] = round(usage.cpu_percent, 1)
                model["processes"] = usage.processes
        return model

    def initialize_culler(self) -> None:
        """Look for idle kernels even when only some kernelspecs ask for it."""
        if self.cull_idle_timeout <= 0:
            self.cull_idle_timeout = _NEVER_SECONDS
        super().initialize_culler()

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """Cull a kernel that has been idle for longer than its kernelspec, or the server, allows; never a busy one.

        A kernelspec says so in its metadata: `cull_idle_timeout` in seconds, and `cull_connected` when an open
        browser tab does not count as use, as for kernels that hold a GPU.
        """
        manager = self._kernels[kernel_id]
        if getattr(manager, "execution_state", None) == "dead":
            await super().cull_kernel_if_idle(kernel_id)
            return
        metadata = manager.kernel_spec.metadata
        limit = float(metadata.get("cull_idle_timeout", self.cull_idle_timeout))
        connected = self._kernel_connections.get(kernel_id, 0) > 0
        allowed = bool(metadata.get("cull_connected", self.cull_connected)) or not connected
        idle = utcnow() - manager.last_activity
        if manager.execution_state == "busy" or not allowed or idle <= timedelta(seconds=limit):
            return
        provisioner = self._provisioner(kernel_id)
        if provisioner is not None:
            provisioner.request_death("culled", f"the idle limit of {limit:.0f} s")
        self.log.warning("culling kernel %s, idle for %d s", kernel_id, idle.total_seconds())
        KERNEL_DEATHS.labels("culled").inc()
        await self.shutdown_kernel(kernel_id)

    def limits_of(self, kernel_id: str) -> Limits:
        """Bounds on a kernel, by its kernelspec."""
        provisioner = self._provisioner(kernel_id)
        return provisioner.bounds if provisioner is not None else Limits()

    def death_of(self, kernel_id: str) -> Death | None:
        """Why the kernel's last process ended, if one has."""
        provisioner = self._provisioner(kernel_id)
        if provisioner is None:
            return None
        return provisioner.last_death or provisioner.previous_death

    def _on_restart(self, kernel_id: str) -> None:
        death = self.death_of(kernel_id)
        if death is not None:
            KERNEL_DEATHS.labels(death.kind).inc()
            self.log.warning("kernel %s was restarted: %s", kernel_id, death.message)
        self._schedule_remember(kernel_id)

    def _handle_kernel_died(self, kernel_id: str) -> None:
        death = self.death_of(kernel_id)
        if death is not None:
            KERNEL_DEATHS.labels(death.kind).inc()
        self._store.forget(kernel_id)
        self.kept_outputs.forget(kernel_id)
        super()._handle_kernel_died(kernel_id)

    def _provisioner(self, kernel_id: str) -> ForkProvisioner | None:
        manager = self._kernels.get(kernel_id)
        provisioner = getattr(manager, "provisioner", None)
        return provisioner if isinstance(provisioner, ForkProvisioner) else None

    async def _remember(self, kernel_id: str) -> None:
        provisioner = self._provisioner(kernel_id)
        if self.keep_kernels and provisioner is not None and provisioner.forked:
            manager = self._kernels[kernel_id]
            await self._store.remember(kernel_id, manager)

    def _schedule_remember(self, kernel_id: str) -> None:
        from tornado.ioloop import IOLoop

        IOLoop.current().add_callback(self._remember, kernel_id)


_START_SECONDS = 15.0
_LOOK_SECONDS = 0.02
_NEVER_SECONDS = 10 * 365 * 24 * 3600


def server_configuration(*, keep_kernels: bool = False) -> dict[str, dict[str, object]]:
    """Settings that make a Jupyter server use these classes; merge them into its configuration."""
    return {
        "ServerApp": {
            "kernel_manager_class": "kernels.server_extension.PlatformKernelManager",
            "kernel_websocket_connection_class": "kernels.websocket.PlatformWebsocketConnection",
            "jpserver_extensions": {"kernels.server_extension": True},
        },
        "PlatformKernelManager": {"keep_kernels": keep_kernels, "cull_interval": 60},
    }


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "kernels.server_extension"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    """Take up the kernels of the server before, so that the first request finds them."""
    manager = server.kernel_manager
    path = url_path_join(server.base_url, r"/api/kernels/([\w-]+)/outputs/([\w-]+)")
    server.web_app.add_handlers(".*", [(path, OutputsHandler)])
    if not isinstance(manager, PlatformKernelManager):
        server.log.warning("kernels: the server uses %s; set its kernel_manager_class", type(manager).__name__)
    elif server.io_loop.asyncio_loop.is_running():  # type: ignore[attr-defined]
        server.io_loop.add_callback(manager.take_up_kernels)
    else:
        server.io_loop.run_sync(manager.take_up_kernels)
