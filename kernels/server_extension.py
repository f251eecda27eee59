"""What a Jupyter server needs to treat its kernels well; all through its public extension points.

A kernel manager and a kernel websocket, named in the server's configuration (see `server_configuration`), and an
extension that takes up again the kernels of a server that ran before, and serves outputs that were too long.
"""

# Jupyter Server is not typed, and its own managers override synchronous methods with coroutines.
# mypy: disable-error-code="no-untyped-call,override"
from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from jupyter_server._tz import isoformat, utcnow
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyter_server.utils import url_path_join
from prometheus_client import Counter
from tornado import web
from traitlets import Bool, Unicode

from .deaths import Death
from .errors import KernelStartError
from .following import follow
from .kept_outputs import KeptOutputs
from .limits import Limits
from .persistence import KernelStore, revive
from .provisioner import ForkProvisioner
from .seam import PlatformProvisioner
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
    records_dir = Unicode(
        config=True,
        help="Folder in which it is noted how to find kernels again; by default that of their connection files. Name "
        "one that outlives the server's own pod where kernels do.",
    )
    leave_pods = Bool(
        False,
        config=True,
        help="Leave kernels in pods of their own to the next server even when this one is told to stop. Who stops it "
        "for good has to end them.",
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._meters: dict[str, UsageMeter] = {}
        self._starting: dict[str, Any] = {}
        self._restarted_by_request: set[str] = set()
        self._store = KernelStore(self.records_dir or self.connection_dir)
        self.kept_outputs = KeptOutputs(Path(self.connection_dir) / "outputs")

    async def start_kernel(self, **kwargs: Any) -> str:
        """Start a kernel and remember how to find it again; why one cannot be started is told to people."""
        try:
            kernel_id: str = await super().start_kernel(**kwargs)
        except KernelStartError as error:
            raise web.HTTPError(503, str(error)) from error
        KERNEL_STARTS.labels(self._way_of(kernel_id)).inc()
        self._notice_restarts(kernel_id)
        await self._remember(kernel_id)
        return kernel_id

    async def restart_kernel(self, kernel_id: str, now: bool = False) -> Any:
        """Restart a kernel; its process is another one afterwards."""
        self._restarted_by_request.add(kernel_id)
        try:
            future = await super().restart_kernel(kernel_id, now=now)
        finally:
            self._restarted_by_request.discard(kernel_id)
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
            if provisioner is None or not self._stays(provisioner):
                await self.shutdown_kernel(kernel_id, now=now)
                continue
            self.log.info("leaving kernel %s to the next server", kernel_id)
            self.stop_watching_activity(kernel_id)
            manager = self._kernels.pop(kernel_id)
            manager.stop_restarter()
            manager._connection_file_written = False
            provisioner.let_go()

    def _stays(self, provisioner: PlatformProvisioner) -> bool:
        """Whether a kernel is left to the next server when this one is told to stop."""
        is_forked = isinstance(provisioner, ForkProvisioner)
        return provisioner.can_be_taken_up and (is_forked or self.leave_pods)

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
                self._notice_restarts(record.kernel_id)
            else:
                self._store.forget(record.kernel_id)
        if not self._initialized_culler:
            self.initialize_culler()

    @property
    def managers(self) -> list[Any]:
        """The managers of all kernels, of those that still start as well."""
        return [*self._kernels.values(), *self._starting.values()]

    def kernel_model(self, kernel_id: str) -> dict[str, Any]:
        """The REST model of a kernel, with what it uses and how it started."""
        model: dict[str, Any] = super().kernel_model(kernel_id)
        provisioner = self._provisioner(kernel_id)
        if provisioner is None:
            return model
        manager = self._kernels[kernel_id]
        if provisioner.waiting:
            model["reason"] = provisioner.waiting
        if (left := self._seconds_left(manager)) is not None and left <= _WARNING_SECONDS:
            model["ends_in_seconds"] = max(0, round(left))
        if provisioner.previous_death is not None:
            model["last_end"] = {
                "kind": provisioner.previous_death.kind,
                "message": provisioner.previous_death.message,
            }
            if getattr(manager, "execution_state", "") in ("dead", "restarting", "autorestarting"):
                # JupyterLab puts these into its dialog
                model["reason"] = provisioner.previous_death.message
                model["traceback"] = provisioner.previous_death.traceback
        if isinstance(provisioner, ForkProvisioner):
            model |= self._process_model(kernel_id, provisioner)
        return model

    def list_kernels(self) -> list[dict[str, Any]]:
        """The models of all kernels; those that still wait for their start come last, with what they wait for."""
        running: list[dict[str, Any]] = super().list_kernels()
        self._starting = {id_: m for id_, m in self._starting.items() if not m.ready.done() and id_ not in self}
        return running + [_starting_model(id_, manager) for id_, manager in self._starting.items()]

    def pre_start_kernel(self, kernel_name: str | None, kwargs: dict[str, Any]) -> tuple[Any, str, str]:
        """Remember a kernel whose start may take long: it is not among the others before it runs."""
        manager, name, kernel_id = super().pre_start_kernel(kernel_name, kwargs)
        self._starting[kernel_id] = manager
        return manager, name, kernel_id

    def _process_model(self, kernel_id: str, provisioner: ForkProvisioner) -> dict[str, Any]:
        """What is known of a kernel that is a process of this machine."""
        model: dict[str, Any] = {"forked": provisioner.forked}
        if provisioner.cold_reason:
            model["cold_reason"] = provisioner.cold_reason
        if provisioner.gpu_devices:
            model["gpus"] = list(provisioner.gpu_devices)
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
        left = self._seconds_left(manager)
        if left is None or left > 0:
            return
        limit = self._idle_limit(manager)
        provisioner = self._provisioner(kernel_id)
        if provisioner is not None:
            provisioner.request_death("culled", f"the idle limit of {limit:.0f} s")
        self.log.warning("culling kernel %s, idle for %d s", kernel_id, limit - left)
        KERNEL_DEATHS.labels("culled").inc()
        await self.shutdown_kernel(kernel_id)

    def _idle_limit(self, manager: Any) -> float:
        return float(manager.kernel_spec.metadata.get("cull_idle_timeout", self.cull_idle_timeout))

    def _seconds_left(self, manager: Any) -> float | None:
        """How long an idle kernel has until it is culled; None for one that is not to be, as things are."""
        limit = self._idle_limit(manager)
        connected = self._kernel_connections.get(manager.kernel_id, 0) > 0
        allowed = bool(manager.kernel_spec.metadata.get("cull_connected", self.cull_connected)) or not connected
        if limit <= 0 or not allowed or getattr(manager, "execution_state", "busy") == "busy":
            return None
        return limit - float((utcnow() - manager.last_activity).total_seconds())

    def limits_of(self, kernel_id: str) -> Limits:
        """Bounds on a kernel, by its kernelspec."""
        provisioner = self._provisioner(kernel_id)
        return provisioner.bounds if isinstance(provisioner, ForkProvisioner) else Limits()

    def death_of(self, kernel_id: str) -> Death | None:
        """Why the kernel's last process ended, if one has."""
        provisioner = self._provisioner(kernel_id)
        if provisioner is None:
            return None
        return provisioner.last_death or provisioner.previous_death

    def _notice_restarts(self, kernel_id: str) -> None:
        manager = self._kernels[kernel_id]
        self.add_restart_callback(kernel_id, lambda: self._on_restart(kernel_id), "restart")
        manager.observe(lambda _change: self._on_new_address(kernel_id), names="ip")

    def _on_new_address(self, kernel_id: str) -> None:
        if kernel_id not in self._restarted_by_request:  # then pages and Jupyter connect anew by themselves
            asyncio.get_running_loop().create_task(self._follow(kernel_id))

    async def _follow(self, kernel_id: str) -> None:
        await self._until_started(kernel_id)
        if kernel_id in self:
            await follow(self, kernel_id)

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

    def _provisioner(self, kernel_id: str) -> PlatformProvisioner | None:
        provisioner = getattr(self._kernels.get(kernel_id), "provisioner", None)
        return provisioner if isinstance(provisioner, PlatformProvisioner) else None

    def _way_of(self, kernel_id: str) -> str:
        provisioner = self._provisioner(kernel_id)
        if isinstance(provisioner, ForkProvisioner):
            return "forked" if provisioner.forked else "cold"
        return "cold" if provisioner is None else "pod"

    async def _remember(self, kernel_id: str) -> None:
        provisioner = self._provisioner(kernel_id)
        if self.keep_kernels and provisioner is not None and provisioner.can_be_taken_up:
            await self._store.remember(kernel_id, self._kernels[kernel_id])

    def _schedule_remember(self, kernel_id: str) -> None:
        from tornado.ioloop import IOLoop

        IOLoop.current().add_callback(self._remember, kernel_id)


_START_SECONDS = 15.0
_LOOK_SECONDS = 0.02
_NEVER_SECONDS = 10 * 365 * 24 * 3600
_WARNING_SECONDS = 300.0  # before an idle kernel is culled, pages are told


def _starting_model(kernel_id: str, manager: Any) -> dict[str, Any]:
    """Describe a kernel that does not run yet, as far as pages need it."""
    provisioner = manager.provisioner
    return {
        "id": kernel_id,
        "name": manager.kernel_name,
        "last_activity": isoformat(utcnow()),
        "execution_state": "starting",
        "connections": 0,
        "reason": provisioner.waiting if isinstance(provisioner, PlatformProvisioner) else "",
    }


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
