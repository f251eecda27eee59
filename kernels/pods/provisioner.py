"""Jupyter's seam: a kernel in a pod of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Bool, Dict, Float, Integer, List, Unicode

from ..deaths import Death, DeathKind
from ..errors import KernelStartError
from . import keys, shared
from .api import ApiError
from .first_cell import apply_environment
from .spec import (
    FREE,
    KERNEL_SELECTOR,
    PROFILE_LABEL,
    SERVER_LABEL,
    PodTemplate,
    label_value,
    ownership,
    pod_manifest,
    secret_manifest,
)
from .state import PodState, explain_end, explain_wait
from .warm import claim

UNKNOWN_EXIT = 255


class PodProvisioner(KernelProvisionerBase):
    """Start a kernel as a Kubernetes pod, or take one that is warm already.

    The pod has fixed ports and calls nobody back. Its connection file, with the key that signs messages and the
    keys that encrypt them, is a Secret which the pod owns. What happens to the pod is learnt from one watch for all
    kernels of this process.
    """

    finds_connection = True

    image = Unicode(help="Image of the kernel. Needed.").tag(config=True)
    pull_policy = Unicode("IfNotPresent", help="When the node pulls the image.").tag(config=True)
    profile = Dict(
        help="Any other field of `kernels.pods.PodTemplate`: memory_bytes, cpus, resources, node_selector, "
        "tolerations, volumes, volume_mounts, deadline_seconds, …"
    ).tag(config=True)
    profile_name = Unicode(
        help="Name under which the platform's service knows this kernel; it makes the pod by its own description."
    ).tag(config=True)
    namespace = Unicode(help="Namespace of the pods; by default the one that the server runs in.").tag(config=True)
    kubeconfig = Unicode(help="File with the address of the cluster; by default as kubectl finds it.").tag(config=True)
    server_id = Unicode(help="Name that tells this server's kernels from those of others, stable over restarts.").tag(
        config=True
    )
    allowed_variables = List(
        Unicode(),
        default_value=["LANG", "LC_ALL", "TZ", "JPY_SESSION_NAME", "COLLEGIUM_PROJECT"],
        help="Variables of the server that kernels see, beside those of the kernelspec. Nothing else leaves it.",
    ).tag(config=True)
    warm = Bool(False, help="Take a kernel from the warm pool of its template when there is one.").tag(config=True)
    preload = List(Unicode(), help="Modules that kernels of the warm pool have imported.").tag(config=True)
    start_seconds = Float(300.0, help="How long a kernel may take to start, waiting for a node included.").tag(
        config=True
    )
    grace_seconds = Integer(5, help="What a kernel gets to end by itself when it is asked to.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pod_name = ""
        self.claimed_warm = False
        self.wait_message = ""
        self.last_death: Death | None = None
        self.previous_death: Death | None = None
        self._generation = 0
        self._requested = self._requested_by = ""
        self._folder = ""
        self._connection: dict[str, Any] = {}
        self._state: PodState | None = None
        self._cluster: shared.Cluster | None = None

    @property
    def has_process(self) -> bool:
        """Whether there is a pod, running or not."""
        return bool(self.pod_name)

    @property
    def can_be_taken_up(self) -> bool:
        """Whether there is something that outlives this server."""
        return self.has_process

    @property
    def waiting(self) -> str:
        """What the pod waits for before the kernel can start."""
        return self.wait_message

    def let_go(self) -> None:
        """Leave the pod to the next server."""
        self.pod_name = ""

    def request_death(self, kind: DeathKind, by: str = "") -> None:
        """Say, before ending the kernel, why it will end; the first reason counts."""
        if not self._requested:
            self._requested, self._requested_by = kind, by

    def template(self) -> PodTemplate:
        """What the pod is made of; raises `KernelStartError` for a kernelspec that does not say enough."""
        if not self.image:
            raise KernelStartError(f"kernelspec {self.kernel_spec.display_name!r} names no image for its pod")
        command = tuple("{connection_file}" if part == "{connection_file}" else part for part in self.kernel_spec.argv)
        try:
            return PodTemplate(
                image=self.image,
                pull_policy=self.pull_policy,
                command=command,
                environment=dict(self.kernel_spec.env),
                preload=tuple(self.preload) if self.warm else (),
                **self.profile,
            )
        except TypeError as error:
            raise KernelStartError(f"the profile of kernelspec {self.kernel_spec.display_name!r}: {error}") from error

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Make the keys, unless this is a restart: clients stay connected with those they have."""
        kwargs = await super().pre_launch(**kwargs)
        kwargs.pop("extra_arguments", None)
        # A signal cannot reach another machine.
        self.kernel_spec.interrupt_mode = "message"
        if not self._connection:
            key = self.parent.session.key if self.parent is not None else b""
            self._connection = keys.new_connection(getattr(self.parent, "kernel_name", ""), key)
        kwargs["cmd"] = list(self.kernel_spec.argv)
        return kwargs

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Take a warm pod or start a cold one; raises `KernelStartError` with the cluster's reason."""
        self.previous_death = self.last_death or self.previous_death
        self._requested = self._requested_by = ""
        self.last_death = self._state = None
        self._folder = str(kwargs.get("cwd") or "")
        environment = {name: kwargs["env"][name] for name in self.allowed_variables if name in kwargs["env"]}
        await self._join()
        template = self.template()
        try:
            if not (self.warm and self._generation == 0 and await self._take_warm(template, environment)):
                await self._start_cold(template, environment)
        except ApiError as error:
            await self.cleanup()
            words = "The quota of this namespace is used up" if error.is_quota else "The cluster refused the kernel"
            raise KernelStartError(f"{words}: {error}") from error
        except BaseException:
            await self.cleanup()
            raise
        self._generation += 1
        self.connection_info = cast(KernelConnectionInfo, self._connection)
        return self.connection_info

    async def poll(self) -> int | None:
        """None while the kernel runs, else its exit code; asks the watch, never the API."""
        if not self.pod_name:
            return UNKNOWN_EXIT
        state = self._watched()
        if state is not None and not state.ended:
            return None
        self.last_death = self.last_death or explain_end(state or self._state, self._requested, self._requested_by)
        return UNKNOWN_EXIT if state is None or state.exit_code is None else state.exit_code

    async def wait(self) -> int | None:
        """Wait for the end of the kernel."""
        if self.pod_name and self._cluster is not None:
            await self._cluster.watch.until(self.pod_name, lambda s: s is None or s.ended, float("inf"))
        code = await self.poll()
        await self._remove()
        return code

    async def send_signal(self, signum: int) -> None:
        """Only what Kubernetes can do: end the pod. Interrupts go by message."""
        if signum == signal.SIGKILL:
            await self.kill()
        elif signum in (signal.SIGTERM, signal.SIGINT):
            await self.terminate()

    async def kill(self, restart: bool = False) -> None:
        """End the pod at once."""
        await self._end(restart, grace_seconds=1)

    async def terminate(self, restart: bool = False) -> None:
        """Ask the kernel to end, and let the cluster end it if it does not."""
        await self._end(restart, grace_seconds=self.grace_seconds)

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Remember that the end which follows was asked for."""
        self.request_death("restarted" if restart else "shutdown")

    async def cleanup(self, restart: bool = False) -> None:
        """Delete the pod, and its Secret with it."""
        await self._remove()
        if not restart and self._cluster is not None:
            cluster, self._cluster = self._cluster, None
            await shared.leave(cluster)

    def get_shutdown_wait_time(self, recommended: float = 5.0) -> float:
        """The cluster notices the end of a process once a second."""
        return max(recommended, self.grace_seconds + 3.0)

    def get_stable_start_time(self, recommended: float = 10.0) -> float:
        """A new pod may have to wait for a node."""
        return max(recommended, self.start_seconds)

    async def get_provisioner_info(self) -> dict[str, Any]:
        """What the next server needs to find the pod again; its keys are in its Secret."""
        information: dict[str, Any] = await super().get_provisioner_info()
        information.pop("connection_info", None)
        return information | {"pod_name": self.pod_name, "generation": self._generation}

    async def load_provisioner_info(self, provisioner_info: dict[str, Any]) -> None:
        """Take up a kernel that outlived its server; raises `KernelStartError` when it has ended."""
        self.kernel_id = provisioner_info["kernel_id"]
        self.pod_name = provisioner_info["pod_name"]
        self._generation = int(provisioner_info["generation"])
        cluster = await self._join()
        state = cluster.watch.states.get(self.pod_name)
        if state is None or state.ended:
            await self.cleanup()
            raise KernelStartError(explain_end(state).message)
        self._state = state
        secret = await cluster.api.get("secrets", self.pod_name)
        self._connection = keys.read_connection(secret, state.ip)
        self.connection_info = cast(KernelConnectionInfo, self._connection)

    async def _join(self) -> shared.Cluster:
        if self._cluster is None:
            server = label_value(self._server())
            selector = f"{KERNEL_SELECTOR},{SERVER_LABEL} in ({server},{FREE})"
            try:
                self._cluster = await shared.join(self.namespace, self.kubeconfig, selector)
            except ApiError as error:
                raise KernelStartError(f"The cluster cannot be reached: {error}") from error
        return self._cluster

    async def _take_warm(self, template: PodTemplate, environment: dict[str, str]) -> bool:
        cluster = await self._join()
        taken = await claim(cluster, template, str(self.kernel_id), self._server())
        if taken is None:
            self.log.info("kernel %s: no warm pod of template %s is free", self.kernel_id, template.fingerprint())
            return False
        self._state, self._connection = taken
        self.pod_name = self._state.name
        self.claimed_warm = True
        await apply_environment(self._connection, environment)
        return True

    async def _start_cold(self, template: PodTemplate, environment: Mapping[str, str]) -> None:
        cluster = await self._join()
        self.claimed_warm = False
        self.pod_name = name = f"kernel-{str(self.kernel_id)[:36]}-{self._generation}".lower()
        labels = {SERVER_LABEL: label_value(self._server())}
        if self.profile_name:
            labels[PROFILE_LABEL] = self.profile_name
        whole = replace(template, environment={**environment, **template.environment}, preload=())
        if self.profile_name and self._folder:  # the service gives the pod the project's files at the same place
            whole = replace(whole, working_directory=self._folder)
        await cluster.api.create("secrets", secret_manifest(name, labels, self._connection))
        pod: dict[str, Any] = await cluster.api.create("pods", pod_manifest(whole, name, labels))
        cluster.watch.note(pod)
        await cluster.api.patch("secrets", name, ownership(pod))
        self._state = await self._until_running(name)
        self._connection["ip"] = self._state.ip

    async def _until_running(self, name: str) -> PodState:
        """Wait, telling what for, until the kernel's process has been started."""
        assert self._cluster is not None
        deadline = asyncio.get_running_loop().time() + self.start_seconds

        def is_news(state: PodState | None) -> bool:
            if state is None or state.ended or (state.running and state.ip):
                return True
            return explain_wait(state)[0] != self.wait_message

        while True:
            left = deadline - asyncio.get_running_loop().time()
            try:
                state = await self._cluster.watch.until(name, is_news, left)
            except TimeoutError:
                raise KernelStartError(f"Not started within {self.start_seconds:.0f} s. {self.wait_message}") from None
            if state is None or (state.ended and not state.running):
                raise KernelStartError(explain_end(state).message)
            if state.running and state.ip:
                self.wait_message = ""
                return state
            self.wait_message, in_vain = explain_wait(state)
            if in_vain:
                raise KernelStartError(self.wait_message)
            self.log.info("kernel %s: %s", self.kernel_id, self.wait_message)

    async def _end(self, restart: bool, grace_seconds: int) -> None:
        self.request_death("restarted" if restart else "shutdown")
        if self.pod_name and self._cluster is not None:
            await self._cluster.api.delete("pods", self.pod_name, grace_seconds=grace_seconds)

    async def _remove(self) -> None:
        """Delete whatever is left; the Secret by itself only when no pod came to own it."""
        name, self.pod_name = self.pod_name, ""
        if not name or self._cluster is None:
            return
        self._state = self._cluster.watch.states.get(name) or self._state
        try:
            if not await self._cluster.api.delete("pods", name, grace_seconds=1):
                await self._cluster.api.delete("secrets", name)
        except ApiError as error:
            self.log.warning("pod %s is left to the reaper: %s", name, error)

    def _watched(self) -> PodState | None:
        return None if self._cluster is None else self._cluster.watch.states.get(self.pod_name)

    def _server(self) -> str:
        return self.server_id or os.environ.get("COLLEGIUM_PROJECT") or socket.gethostname()
