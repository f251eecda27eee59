"""Run cells in a full Jupyter kernel, started through its kernelspec."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import NoSuchKernel
from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode

from .backend import KernelDiedError, MessageHandler, Reply
from .client import wait_until_ready
from .deaths import Death, DeathKind, ExitReport, exit_from_code, explain_exit
from .errors import KernelsError, KernelStartError, SandboxError
from .isolation import sandbox_environment
from .kernelspec import PROVISIONER_NAME
from .limits import Limits
from .outputs import OUTPUT_MESSAGES
from .policy import SandboxPolicy, SandboxReport
from .process import ForkedProcess
from .provisioner import ForkProvisioner
from .records import CellError, Evaluation

_POLL_SECONDS = 0.25


class HeadlessKernelManager(AsyncKernelManager):
    """A kernel manager that tells its provisioner the limits and the isolation of one run."""

    run_limits: Limits | None = None
    run_sandbox: SandboxPolicy | None = None


class FullKernelBackend:
    """A kernel behind sockets; see `Backend`."""

    def __init__(self, manager: HeadlessKernelManager) -> None:
        self._manager = manager
        self._client: AsyncKernelClient | None = None
        self._death: Death | None = None
        self._closed = False

    @classmethod
    async def start(
        cls,
        *,
        kernel_name: str,
        limits: Limits,
        sandbox: SandboxPolicy | None,
        cwd: Path,
        environment: Mapping[str, str] | None,
    ) -> FullKernelBackend:
        """Start a kernel and wait until it answers.

        Raises
        ------
        KernelStartError
            If there is no such kernelspec, or the kernel ends or stays silent during its start.
        SandboxError
            If it cannot be isolated as the policy asks for.
        """
        manager = HeadlessKernelManager(kernel_name=kernel_name)
        manager.run_limits, manager.run_sandbox = limits, sandbox
        backend = cls(manager)
        try:
            if sandbox is not None:
                _must_be_forked(manager)
            async with asyncio.timeout(limits.startup_timeout_seconds):
                await manager.start_kernel(**_start_options(cwd, environment, sandbox))
                await backend._connect()
        except NoSuchKernel as error:
            raise KernelStartError(f"there is no kernelspec named {kernel_name!r}") from error
        except TimeoutError as error:
            await backend.kill("wall-limit")
            seconds = limits.startup_timeout_seconds
            raise KernelStartError(f"the kernel {kernel_name!r} did not answer within {seconds} s") from error
        except KernelDiedError as error:
            await backend.close()
            reason = backend.death.message if backend.death else "It said nothing."
            raise KernelStartError(f"the kernel {kernel_name!r} ended during its start. {reason}") from error
        except BaseException:
            await backend.kill("shutdown")
            raise
        return backend

    @property
    def forked(self) -> bool:
        """Whether the kernel came from a preloaded parent."""
        provisioner = self._manager.provisioner
        return isinstance(provisioner, ForkProvisioner) and not provisioner.cold_reason

    @property
    def death(self) -> Death | None:
        """Why the kernel ended, once it has."""
        return self._death

    @property
    def sandbox(self) -> SandboxReport | None:
        """What isolates the kernel."""
        provisioner = self._manager.provisioner
        return provisioner.sandbox_report if isinstance(provisioner, ForkProvisioner) else None

    async def execute(self, source: str, on_message: MessageHandler) -> Reply:
        """Run a cell; pass on what it sends."""
        assert self._client is not None
        message_id = self._client.execute(source, allow_stdin=False, stop_on_error=False)
        outputs = asyncio.ensure_future(self._pass_outputs(message_id, on_message))
        reply = asyncio.ensure_future(self._reply(message_id))
        death = asyncio.ensure_future(self._wait_for_death())
        both: asyncio.Future[tuple[None, Reply]] = asyncio.gather(outputs, reply)
        first: set[asyncio.Future[Any]] = {both, death}
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if not both.done():
                raise KernelDiedError("the kernel ended while it ran a cell")
            return both.result()[1]
        finally:
            both.cancel()
            death.cancel()
            await asyncio.gather(both, death, return_exceptions=True)

    async def evaluate(
        self,
        source: str,
        timeout_seconds: float,
        *,
        is_plain: bool = False,
        is_last: bool = False,
        is_expression: bool = False,
    ) -> Evaluation:
        """Not possible: a full kernel has threads, and a process with threads cannot be forked soundly."""
        raise KernelsError("evaluation in a fork needs mode 'short'; a full kernel cannot be forked")

    async def execute_plainly(
        self, cells: Sequence[tuple[str, bool]], timeout_seconds: float
    ) -> list[list[NotebookNode]] | None:
        """Not possible: a full kernel answers after each cell."""
        raise KernelsError("cells run without a shell in mode 'short' only")

    async def interrupt(self) -> None:
        """Raise `KeyboardInterrupt` in the running cell."""
        with contextlib.suppress(RuntimeError):
            await self._manager.interrupt_kernel()

    async def kill(self, kind: DeathKind) -> None:
        """End the kernel at once, for a reason."""
        provisioner = self._manager.provisioner
        if isinstance(provisioner, ForkProvisioner):
            provisioner.request_death(kind)
        await self._end(now=True)
        if self._death is None:
            self._death = explain_exit(ExitReport(0), requested=kind)

    async def close(self) -> None:
        """Ask the kernel to end, wait, and clean up."""
        await self._end(now=False)

    async def _end(self, *, now: bool) -> None:
        if self._closed:
            return
        self._closed = True
        if self._client is not None:
            self._client.stop_channels()
        alive = await self._manager.is_alive()
        if not alive:
            self._note_death()
        await self._manager.shutdown_kernel(now=now or not alive)
        self._note_death()

    def _note_death(self) -> None:
        provisioner = self._manager.provisioner
        if isinstance(provisioner, ForkProvisioner) and provisioner.last_death is not None:
            self._death = provisioner.last_death

    async def _connect(self) -> None:
        """Wait until the kernel answers on its shell channel and its output channel is subscribed to."""
        client = self._manager.client()
        self._client = client
        client.start_channels(hb=False)
        death = asyncio.ensure_future(self._wait_for_death())
        ready = asyncio.ensure_future(wait_until_ready(client))
        try:
            await asyncio.wait({ready, death}, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done() or ready.exception() is not None:
                raise KernelDiedError("the kernel ended during its start")
        finally:
            ready.cancel()
            death.cancel()
            await asyncio.gather(ready, death, return_exceptions=True)

    async def _pass_outputs(self, message_id: str, on_message: MessageHandler) -> None:
        assert self._client is not None
        while True:
            message = await self._client.iopub_channel.get_msg()
            if message["parent_header"].get("msg_id") != message_id:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return
            if kind in OUTPUT_MESSAGES:
                await on_message(kind, content)

    async def _reply(self, message_id: str) -> Reply:
        assert self._client is not None
        while True:
            message = await self._client.shell_channel.get_msg()
            if message["parent_header"].get("msg_id") == message_id:
                return reply_from_content(message["content"])

    async def _wait_for_death(self) -> None:
        process: object = getattr(self._manager.provisioner, "process", None)
        if isinstance(process, ForkedProcess):
            await process.wait_async()
        while await self._manager.is_alive():  # noqa: ASYNC110 - a cold kernel can only be polled
            await asyncio.sleep(_POLL_SECONDS)
        self._note_death()
        if self._death is None:
            code = getattr(process, "returncode", None)
            self._death = explain_exit(ExitReport(0) if code is None else exit_from_code(0, code))


def _must_be_forked(manager: HeadlessKernelManager) -> None:
    """Refuse a kernel that could not be isolated before it is started."""
    specification = manager.kernel_spec
    assert specification is not None
    chosen = specification.metadata.get("kernel_provisioner", {}).get("provisioner_name")
    if chosen != PROVISIONER_NAME:
        name = manager.kernel_name
        raise SandboxError(f"only kernels of the provisioner {PROVISIONER_NAME} can be isolated, {name!r} is not one")


def _start_options(
    cwd: Path, environment: Mapping[str, str] | None, sandbox: SandboxPolicy | None
) -> dict[str, object]:
    if sandbox is not None:
        environment = sandbox_environment(sandbox)
    options: dict[str, object] = {"cwd": str(cwd)}
    return options if environment is None else options | {"env": dict(environment)}


def reply_from_content(content: Mapping[str, Any]) -> Reply:
    """Read an `execute_reply`."""
    count = content.get("execution_count")
    if content.get("status") != "error":
        return Reply(count)
    traceback = tuple(str(line) for line in content.get("traceback", ()))
    return Reply(count, CellError(str(content.get("ename")), str(content.get("evalue")), traceback))
