"""Jupyter's seam: start a kernel by forking a preloaded parent."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from weakref import WeakSet

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_core.paths import jupyter_runtime_dir
from traitlets import Bool, CaselessStrEnum, Dict, Float, Integer, List, Unicode

from .client import prompt_client
from .confinement import confined_arguments, confined_order, listening_sockets, reported
from .deaths import Death, DeathKind, ExitReport, exit_from_code, explain_exit
from .errors import ForkServerError, SandboxError
from .forkserver import ForkServer, attach
from .gpus import GpuError, GpuInventory, GpuLease, allowed_gpus, given_gpus
from .isolation import sandbox_limits
from .kernel_limits import limited_command, limits_from_profile, spawn_limits
from .limits import Limits
from .policy import SandboxPolicy, SandboxReport
from .preloads import KERNEL_PRELOAD, KERNEL_REHEARSAL, KERNEL_TARGETS, OWN_NAMES
from .process import ForkedProcess

_KERNEL_TARGET = "_collegium_fork.kernel:main"
_MAX_SOCKET_PATH_BYTES = 100
_READY_SECONDS = 10.0
_KILLED_SECONDS = 2.0
_LEAVING_SECONDS = 0.5
_PROVISIONERS: WeakSet[ForkProvisioner] = WeakSet()  # of this server


class ForkProvisioner(LocalProvisioner):
    """Start Python kernels by forking; everything else about them is as `LocalProvisioner` has it.

    A kernel always starts: when the parent cannot fork, the kernelspec's command is run instead, and the reason
    is logged and kept in `cold_reason`.
    """

    preload = List(
        Unicode(),
        default_value=list(KERNEL_PRELOAD),
        help="Modules that the parent imports once for all kernels. Add what your users import in most notebooks; "
        "a module that starts threads or a GPU context is left out by itself.",
    ).tag(config=True)
    enabled = Bool(True, help="Start kernels cold when false, as LocalProvisioner does.").tag(config=True)
    transport = CaselessStrEnum(
        ["ipc", "tcp"],
        default_value="ipc",
        help="Sockets between server and kernel. With tcp, CurveZMQ encryption is required.",
    ).tag(config=True)
    limits = Dict(
        help="Bounds on each kernel, by the names of `kernels.Limits`: memory_bytes, cpu_seconds, processes, "
        "open_files, file_bytes, idle_seconds.",
    ).tag(config=True)
    hidden_variables = List(
        Unicode(),
        default_value=["JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN", "JUPYTERHUB_COOKIE_SECRET", "CONFIGPROXY_AUTH_TOKEN"],
        help="Variables of the server that kernels do not see, because whoever reads them acts as the server.",
    ).tag(config=True)
    idle_seconds = Float(600.0, help="The parent ends after so long without kernels and users.").tag(config=True)
    survive = Bool(
        False, help="Let kernels live on when this server ends, so that its successor can take them up again."
    ).tag(config=True)

    gpus = Integer(0, help="Number of GPUs that each kernel leases for itself.").tag(config=True)
    gpu_folder = Unicode(
        "",
        help="Folder of the GPU leases, shared by all servers of the machine that share its GPUs; by default, "
        "`gpus` in the temporary folder.",
    ).tag(config=True)
    gpu_devices_known = List(Unicode(), help="Names of the GPUs, where NVML cannot be asked.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cold_reason = ""
        self.previous_death: Death | None = None
        self.sandbox_report: SandboxReport | None = None
        self.waiting_position = 0
        self.gpu_devices: tuple[str, ...] = ()
        self._gpu_lease: GpuLease | None = None
        self._gpus_taken = 0
        _PROVISIONERS.add(self)
        self._fork_server: ForkServer | None = None
        self.last_death: Death | None = None
        self._requested: DeathKind | None = None
        self._requested_by = ""

    finds_connection = False

    @property
    def forked(self) -> bool:
        """Whether the running kernel came from a preloaded parent."""
        return isinstance(self.process, ForkedProcess)

    @property
    def can_be_taken_up(self) -> bool:
        """Whether the kernel outlives its server."""
        return self.forked

    @property
    def waiting(self) -> str:
        """What the kernel waits for before it can start."""
        return f"waiting for a GPU, number {self.waiting_position} in the queue" if self.waiting_position else ""

    @property
    def bounds(self) -> Limits:
        """Bounds on the kernel."""
        return self._limits()

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose the transport before the connection file is written."""
        manager = self.parent
        if manager is not None and self.enabled:
            manager.client_factory = prompt_client(manager.client_factory)
        if manager is not None and not self.ports_cached:
            if self.transport == "tcp":
                manager.transport_encryption = "required"
            elif manager.transport == "tcp" and not manager.shell_port:
                _use_ipc(manager)
        kwargs = await super().pre_launch(**kwargs)
        for name in self.hidden_variables:
            kwargs["env"].pop(name, None)
        return kwargs

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork the kernel; run its command when that is not possible."""
        self.previous_death = self.last_death or self.previous_death
        self._requested, self._requested_by, self.last_death = None, "", None
        await self._lease_gpus(kwargs["env"])
        self.cold_reason = self._reason_for_cold(cmd, kwargs)
        if not self.cold_reason:
            try:
                return await self._fork(cmd, kwargs)
            except (ForkServerError, OSError) as error:
                self.cold_reason = str(error)
                self.log.warning("kernel %s starts cold: %s", self.kernel_id, error)
        else:
            self.log.info("kernel %s starts cold: %s", self.kernel_id, self.cold_reason)
        if self._policy is not None:
            raise SandboxError(f"the kernel cannot be forked, and so not be isolated: {self.cold_reason}")
        if self._gpu_lease is not None:
            kwargs["pass_fds"] = self._gpu_lease.descriptors
        return await super().launch_kernel(limited_command(cmd, self._limits()), **kwargs)

    async def poll(self) -> int | None:
        """As `subprocess.Popen.poll`; records why the kernel ended when it has."""
        code = await super().poll()
        self._note_death()
        return code

    async def wait(self) -> int | None:
        """Wait for the end; without polling where the parent reports it."""
        process: object = self.process
        if not isinstance(process, ForkedProcess):
            return await super().wait()
        await process.wait_async()
        self._note_death()
        self.process = None
        return process.returncode

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel and its process group."""
        self.request_death("restarted" if restart else "shutdown")
        await super().kill(restart)
        await self._ended_within(_KILLED_SECONDS)

    async def terminate(self, restart: bool = False) -> None:
        """Ask the kernel to end."""
        self.request_death("restarted" if restart else "shutdown")
        await super().terminate(restart)

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Remember that the end which follows was asked for; wait a moment, which saves the caller its polling."""
        self.request_death("restarted" if restart else "shutdown")
        await self._ended_within(_LEAVING_SECONDS)

    async def cleanup(self, restart: bool = False) -> None:
        """Give back what the kernel had; a restart keeps nothing either, it leases again."""
        self._release_gpus()
        await super().cleanup(restart)

    async def get_provisioner_info(self) -> dict[str, Any]:
        """What the next server needs to take the kernel up."""
        information: dict[str, Any] = await super().get_provisioner_info()
        process: object = self.process
        if isinstance(process, ForkedProcess) and self._fork_server is not None:
            information["token"] = process.token
            information["socket_path"] = str(self._fork_server.socket_path)
        information["gpus"] = list(self.gpu_devices)
        return information

    async def load_provisioner_info(self, provisioner_info: dict[str, Any]) -> None:
        """Take the kernel up; raises `ForkServerError` when it has ended or cannot be reached."""
        await super().load_provisioner_info(provisioner_info)
        path, token = Path(provisioner_info["socket_path"]), str(provisioner_info["token"])
        process = await asyncio.to_thread(lambda: attach(path, int(provisioner_info["pid"]), token))
        if process.poll() is not None:
            raise ForkServerError(f"kernel {self.kernel_id} has ended with {process.returncode}")
        self.process = process  # type: ignore[assignment]
        self.gpu_devices = tuple(provisioner_info["gpus"])
        self._gpus_taken = len(self.gpu_devices)

    def let_go(self) -> None:
        """Leave the kernel to whoever takes it up next."""
        process: object = self.process
        if isinstance(process, ForkedProcess):
            process.close()
        self.process = None

    async def _lease_gpus(self, env: dict[str, str]) -> None:
        if not self.gpus:
            return
        others = sum(provisioner._gpus_taken for provisioner in _PROVISIONERS if provisioner is not self)
        allowed = allowed_gpus()
        if allowed is not None and others + self.gpus > allowed:
            raise GpuError(
                f"This kernel needs {self.gpus} GPUs. The project's server has {allowed}, and its kernels hold "
                f"{others}: end one of them, or choose a larger size in the project's settings."
            )
        self._gpus_taken = self.gpus
        folder = Path(self.gpu_folder) if self.gpu_folder else Path(tempfile.gettempdir()) / "gpus"
        given = given_gpus()
        inventory = GpuInventory(folder, given if given is not None else tuple(self.gpu_devices_known) or None)

        def note(position: int) -> None:
            self.waiting_position = position
            self.log.info("kernel %s waits for %d GPUs, number %d in the queue", self.kernel_id, self.gpus, position)

        try:
            self._gpu_lease = await inventory.lease(self.gpus, note)
        except BaseException:
            self._gpus_taken = 0
            raise
        finally:
            self.waiting_position = 0
        self.gpu_devices = self._gpu_lease.devices
        env["CUDA_VISIBLE_DEVICES"] = ",".join(self.gpu_devices)

    def _release_gpus(self) -> None:
        if self._gpu_lease is not None:
            self._gpu_lease.release()
        self._gpu_lease, self.gpu_devices, self._gpus_taken = None, (), 0

    def request_death(self, kind: DeathKind, by: str = "") -> None:
        """Say, before ending the kernel, why it will end; the first reason counts."""
        if self._requested is None:
            self._requested, self._requested_by = kind, by

    def fork_server(self, python: str, env: dict[str, str]) -> ForkServer:
        """The parent for this kernel's interpreter; this process's own, also for kernels with a home each."""
        home = {"HOME": os.environ["HOME"]} if "HOME" in os.environ else {}
        return ForkServer(
            preload=self.preload,
            target=KERNEL_TARGETS,
            python=python,
            rehearsal=KERNEL_REHEARSAL,
            idle_seconds=self.idle_seconds,
            environment=env | home,
        )

    async def _ended_within(self, seconds: float) -> None:
        process: object = self.process
        if isinstance(process, ForkedProcess):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait_async(), seconds)

    def _survives(self) -> bool:
        return self.survive or bool(getattr(getattr(self.parent, "parent", None), "keep_kernels", False))

    @property
    def _policy(self) -> SandboxPolicy | None:
        policy = getattr(self.parent, "run_sandbox", None)
        return policy if isinstance(policy, SandboxPolicy) else None

    def _limits(self) -> Limits:
        run_limits = getattr(self.parent, "run_limits", None)
        return run_limits if isinstance(run_limits, Limits) else limits_from_profile(self.limits)

    def _reason_for_cold(self, cmd: list[str], kwargs: dict[str, Any]) -> str:
        if not self.enabled:
            return "forking is disabled"
        if cmd[1:4] != ["-m", "ipykernel_launcher", "-f"]:
            return f"its command is not that of an IPython kernel: {cmd[:4]}"
        if set(kwargs) - {"env", "cwd", "stdout", "stderr", "stdin", "independent", "kernel_id", "extra_arguments"}:
            return f"it asks for process options {sorted(kwargs)}"
        if subprocess.PIPE in (kwargs.get("stdout"), kwargs.get("stderr")):
            return "its output is asked for through a pipe"
        return ""

    async def _fork(self, cmd: list[str], kwargs: dict[str, Any]) -> KernelConnectionInfo:
        kwargs["env"].pop("JPY_PARENT_PID", None)
        # A sandboxed kernel's variables are its own; they are no reason for another parent.
        self._fork_server = self.fork_server(cmd[0], kwargs["env"] if self._policy is None else dict(os.environ))
        reader, writer = os.pipe()
        try:
            await self._spawn(cmd, kwargs, writer)
            os.close(writer)
            writer = -1
            said = await _read_line(reader, _READY_SECONDS)
        finally:
            for descriptor in {reader, writer} - {-1}:
                os.close(descriptor)
        if self._gpu_lease is not None:
            self._gpu_lease.release()  # the kernel holds it now, to its end
        if self._policy is not None:
            self.sandbox_report = reported(said, self._policy)
        self.cwd = kwargs.get("cwd", Path.cwd())
        return self.connection_info

    async def _spawn(self, cmd: list[str], kwargs: dict[str, Any], ready: int) -> None:
        """Fork the kernel; a sandboxed one gets sockets and its connection file instead of their paths."""
        descriptors = [ready, *(self._gpu_lease.descriptors if self._gpu_lease else ())]
        given = ["--ready={descriptor:0}", *(f"--held={{descriptor:{i}}}" for i in range(1, len(descriptors)))]
        arguments, options = [*cmd[3:], *given], self._spawn_options(kwargs)
        with contextlib.ExitStack() as stack:
            if self._policy is not None:
                sockets = stack.enter_context(listening_sockets(self.connection_info))
                arguments = [*confined_arguments(len(sockets), len(descriptors)), *given]
                descriptors += sockets
            server = self._fork_server
            assert server is not None
            process = await asyncio.to_thread(lambda: server.spawn(arguments, descriptors=descriptors, **options))
        self.process = process  # type: ignore[assignment]
        self.pid = self.pgid = process.pid

    def _spawn_options(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        options: dict[str, Any] = {
            "env": kwargs["env"],
            "cwd": kwargs.get("cwd"),
            "target": _KERNEL_TARGET,
            "limits": spawn_limits(self._limits()),
            "survive": self._survives() or bool(kwargs.get("independent")),
            "own_names": OWN_NAMES,
        }
        if self._policy is None:
            standard = {"stdout": _standard(kwargs.get("stdout"), 1), "stderr": _standard(kwargs.get("stderr"), 2)}
            return options | standard
        limits = sandbox_limits(self._limits())
        order = confined_order(self._policy, limits, getattr(self.parent, "connection_file", ""))
        return options | {"limits": spawn_limits(limits), "sandbox": order, "survive": False}

    def _note_death(self) -> None:
        process: object = self.process
        report: ExitReport | None = None
        if isinstance(process, ForkedProcess):
            report = process.exit
        elif isinstance(process, subprocess.Popen) and process.returncode is not None:
            report = exit_from_code(process.pid, process.returncode)
        if report is not None and self.last_death is None:
            self.last_death = explain_exit(
                report,
                requested=self._requested,
                by=self._requested_by,
                cpu_limit_seconds=self._limits().cpu_seconds,
            )


def _standard(given: Any, own: int) -> int | None:
    """What `subprocess.Popen` would make of a standard stream: ours, the null device, or a descriptor."""
    if given is None:
        return own
    if given == subprocess.DEVNULL:
        return None
    return int(given) if isinstance(given, int) else int(given.fileno())


async def _read_line(descriptor: int, seconds: float) -> bytes:
    """Read a line from a pipe, or what comes until its other end is closed; wait no longer than that."""
    loop, readable, parts = asyncio.get_running_loop(), asyncio.Event(), []
    loop.add_reader(descriptor, readable.set)
    try:
        async with asyncio.timeout(seconds):
            while await readable.wait():
                readable.clear()
                parts.append(os.read(descriptor, 65536))
                if not parts[-1] or parts[-1].endswith(b"\n"):
                    break
    except TimeoutError:
        pass  # whoever wants to use the kernel waits for it
    finally:
        loop.remove_reader(descriptor)
    return b"".join(parts)


def _use_ipc(manager: Any) -> None:
    """Give a kernel manager sockets in its runtime folder, or in a short private one."""
    if manager.connection_file:
        stem = Path(manager.connection_file).absolute().with_suffix("")
    else:
        stem = Path(jupyter_runtime_dir()) / f"kernel-{manager.kernel_id}"
    if len(os.fsencode(f"{stem}-ipc-5")) > _MAX_SOCKET_PATH_BYTES:
        stem = _short_folder() / hashlib.sha256(os.fsencode(stem)).hexdigest()[:16]
    stem.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    manager.transport = "ipc"
    manager.ip = f"{stem}-ipc"
    manager.cache_ports = False


def _short_folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"jupyter-ipc-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    state = folder.lstat()
    if state.st_uid != os.geteuid() or state.st_mode & 0o077:
        raise OSError(f"{folder} must belong to user {os.geteuid()} with mode 0700")
    return folder
