"""Project servers as pods: KubeSpawner with our own defaults, readiness noticed at once, and reasons in words."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
from jupyterhub.utils import url_path_join
from kubernetes_asyncio.client.rest import ApiException
from kubespawner import KubeSpawner
from tornado import web
from traitlets import Dict, Float, Unicode, default

from kernels.pods import (
    KERNEL_SELECTOR,
    SERVER_LABEL,
    PodState,
    explain_end,
    explain_wait,
    label_value,
    read_state,
)
from spawner.domains import OwnDomain
from spawner.size import Size

PROJECTS_USER = "projects"
LOOK_SECONDS = 0.05
ANSWER_SECONDS = 2.0
KERNELSPECS_FOLDER = "/tmp/jupyter"  # noqa: S108 - of the container
FILES_FOLDER = "/home/collegium/files"
STATE_FOLDER = "/home/collegium/state"


def volume_in_words(reason: str, message: str) -> str:
    """Say what an event tells of the pod's volume; empty for an event about something else."""
    if "Multi-Attach" in message:
        return "The project's volume is still attached to another node, which lets go of it within minutes."
    if reason == "FailedAttachVolume":
        return f"The project's volume cannot be attached to the node: {message}"
    if reason == "FailedMount":
        return f"The project's volume cannot be mounted: {message}"
    return ""


def refusal_in_words(status: int, said: str) -> str:
    """Say why the cluster did not take the pod or its claim."""
    if status == 403 and "exceeded quota" in said:
        return f"The quota of this namespace is used up: {said}"
    return f"The cluster refused the server: {said}"


class KubernetesProjectSpawner(OwnDomain, KubeSpawner):  # type: ignore[misc]
    """Starts a project's server as an unprivileged pod with a volume of its own.

    The volume's name is made once, from the project's id, and kept in the hub's database: no change of a template
    or of a user's name can lose a project's files. Requests, limits, GPUs, node selectors, tolerations and pull
    policy are KubeSpawner's own settings.
    """

    platform_api_url = Unicode(help="Address of the platform service's API, as pods reach it.").tag(config=True)
    access_cache_seconds = Float(2.0, help="How long an answer about a member's rights is trusted.").tag(config=True)
    projects_dir = Unicode(
        help="Folder of all projects, where they share one volume; empty where each has a volume of its own."
    ).tag(config=True)
    kernelspecs = Dict(help="Kernels with pods of their own that every project offers: name to kernelspec.").tag(
        config=True
    )
    gpu_resource = Unicode("nvidia.com/gpu", help="What a GPU of a project's profile is called in the cluster.").tag(
        config=True
    )
    kernel_namespace = Unicode(help="Namespace of kernel pods; by default that of the server.").tag(config=True)
    _has_answered = True  # as one does that was running before the hub

    @default("pod_name_template")
    def _pod_name_template(self) -> str:
        return "project-{servername}"

    @default("pvc_name_template")
    def _pvc_name_template(self) -> str:
        return "project-{servername}"

    @default("poll_interval")
    def _poll_interval(self) -> int:
        return 10  # of the reflector's memory: a lost pod is noticed sooner than every half minute, at no cost

    @default("component_label")
    def _component_label(self) -> str:
        return "project-server"  # what network policies know it by

    @default("cmd")
    def _cmd(self) -> list[str]:
        return ["python3", "-P", "-s", "-m", "spawner"]

    @default("uid")
    def _uid(self) -> int:
        return 1000

    @default("gid")
    def _gid(self) -> int:
        return 100

    @default("fs_gid")
    def _fs_gid(self) -> int:
        return 100

    @default("container_security_context")
    def _container_security_context(self) -> dict[str, Any]:
        return {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        }

    @default("pod_security_context")
    def _pod_security_context(self) -> dict[str, Any]:
        return {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}

    @default("automount_service_account_token")
    def _automount_service_account_token(self) -> bool:
        return False

    @default("storage_pvc_ensure")
    def _storage_pvc_ensure(self) -> bool:
        return True

    @default("volumes")
    def _volumes(self) -> list[dict[str, Any]]:
        claim = {"claimName": self.pvc_name_template}
        return [{"name": "project", "persistentVolumeClaim": claim}, {"name": "scratch", "emptyDir": {}}]

    @default("volume_mounts")
    def _volume_mounts(self) -> list[dict[str, Any]]:
        return [
            {"name": "project", "mountPath": FILES_FOLDER, "subPath": "files"},
            {"name": "project", "mountPath": STATE_FOLDER, "subPath": "state"},
            {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108 - of the container
        ]

    @default("extra_labels")
    def _extra_labels(self) -> dict[str, str]:
        return {"app.kubernetes.io/part-of": "collegium", "collegium.org/server": "{servername}"}

    def get_env(self) -> dict[str, str]:
        """Return the server's environment."""
        env: dict[str, str] = super().get_env()
        access = f"{self.platform_api_url}/internal/projects/{self.name}/access"
        env |= Size.from_options(self.user_options).environment()
        env |= {
            "HOME": "/tmp",  # noqa: S108 - of the container
            "JUPYTERHUB_ROOT_DIR": FILES_FOLDER,
            "COLLEGIUM_PROJECT": self.name,
            "COLLEGIUM_STATE_DIR": STATE_FOLDER,
            "COLLEGIUM_ACCESS_URL": access,
            "COLLEGIUM_ACCESS_CACHE_SECONDS": str(self.access_cache_seconds),
            "COLLEGIUM_KERNEL_GATEWAY": f"{self.platform_api_url}/internal/projects/{self.name}/cluster",
            "COLLEGIUM_KERNELSPECS": json.dumps(self.kernelspecs),
            "JUPYTER_PATH": KERNELSPECS_FOLDER,
            "JUPYTER_RUNTIME_DIR": "/tmp/runtime",  # noqa: S108 - of the container
            "COLLEGIUM_NAMESPACE": self.kernel_namespace or self.namespace,
        }
        return env

    def start(self) -> asyncio.Future[str]:
        """Start the server; the future holds its address once it answers."""
        self._has_answered = False
        self._start_future = asyncio.ensure_future(self._start_and_notice())
        return self._start_future

    async def stop(self, now: bool = False) -> None:
        """Delete the server's pod, and with it those of its kernels.

        Kernels are left to the next server when this one did not get to run, as after its pod was lost and there is no
        room for another, and when KubeSpawner cleans up (`now`) after a pod that has ended by itself.
        """
        await super().stop(now)
        if not now and self._has_answered:
            await self._end_kernels()

    async def _end_kernels(self) -> None:
        namespace = self.kernel_namespace or self.namespace
        selector = f"{KERNEL_SELECTOR},{SERVER_LABEL}={label_value(self.name)}"
        try:
            for pod in (await self.api.list_namespaced_pod(namespace, label_selector=selector)).items:
                with contextlib.suppress(ApiException):  # it has ended by itself meanwhile, else the reaper comes by
                    await self.api.delete_namespaced_pod(pod.metadata.name, namespace, grace_period_seconds=1)
        except (ApiException, OSError) as error:
            self.log.warning("kernels of %s are left to the reaper: %s", self.name, error)

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what the pod is waiting for, whenever that changes."""
        told, done = "", 10
        while (future := self._start_future) is None or not future.done():
            message = self._waiting()[0]
            if message != told:
                told, done = message, done + (90 - done) // 3
                yield {"progress": done, "message": message}
            await asyncio.sleep(0.5)

    async def _start_and_notice(self) -> str:
        """Wait for the server itself rather than for upstream's two jittered back-offs after one another.

        Raises
        ------
        tornado.web.HTTPError
            This is not a project's server, or the pod cannot start; the message says why.
        """
        if self.user.name != PROJECTS_USER or not self.name:
            raise web.HTTPError(403, "Only projects have servers.")
        self.move_to_domain()
        if self.projects_dir:  # what the cluster makes for a missing folder belongs to root
            self._make_folders()
        self._take_size()
        starting = asyncio.ensure_future(super()._start())
        answering = asyncio.ensure_future(self._until_answers())
        try:
            await asyncio.wait({starting, answering}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
            address = await answering
            self._has_answered = True
            return address
        except ApiException as error:
            raise web.HTTPError(503, refusal_in_words(error.status, str(error.body))) from error
        finally:
            for task in (starting, answering):
                task.cancel()
            await asyncio.gather(starting, answering, return_exceptions=True)

    def _take_size(self) -> None:
        """Give the server what the project's profile says, instead of what every server gets."""
        settings: Any = self  # traits that KubeSpawner declares without types
        size = Size.from_options(self.user_options)
        if size.memory_bytes is not None:
            settings.mem_limit = size.memory_bytes
            settings.mem_guarantee = min(settings.mem_guarantee or size.memory_bytes, size.memory_bytes)
        if size.cpus is not None:
            settings.cpu_limit = size.cpus
            settings.cpu_guarantee = min(settings.cpu_guarantee or size.cpus, size.cpus)
        if size.gpus:
            settings.extra_resource_limits = {**settings.extra_resource_limits, self.gpu_resource: str(size.gpus)}

    def _make_folders(self) -> None:
        for folder in ("files", "state"):
            Path(self.projects_dir, self.name, folder).mkdir(mode=0o700, parents=True, exist_ok=True)

    async def _until_answers(self) -> str:
        """Look at the reflector's memory, then ask the server, every 50 ms."""
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, verify=False) as client:  # noqa: S501 - only whether it answers
            while True:
                state = self._watched()
                if state is not None and not state.deleting:
                    if state.ended:
                        raise web.HTTPError(500, explain_end(state, what="server").message)
                    message, in_vain = self._waiting()
                    if in_vain:
                        raise web.HTTPError(500, message)
                    if state.running and state.ip and await self._answers(client):
                        return self._address()
                await asyncio.sleep(LOOK_SECONDS)

    def _waiting(self) -> tuple[str, bool]:
        """What the pod waits for, in plain words, and whether in vain; of volumes only its events tell."""
        state = self._watched()
        if state is not None and state.node and not state.running and not state.waiting_message:
            for event in reversed(self.events):
                if words := volume_in_words(str(event.get("reason", "")), str(event.get("message", ""))):
                    return words, False
        return explain_wait(state, "server")

    async def _answers(self, client: httpx.AsyncClient) -> bool:
        try:
            answer = await client.get(url_path_join(self._address(), self.server.base_url, "api"))
        except httpx.HTTPError:
            return False
        return answer.status_code < 500

    def _address(self) -> str:
        return str(self._get_pod_url(self.pod_reflector.pods[f"{self.namespace}/{self.pod_name}"]))

    def _watched(self) -> PodState | None:
        if self.pod_reflector is None:
            return None
        pod = self.pod_reflector.pods.get(f"{self.namespace}/{self.pod_name}")
        return None if pod is None else read_state(pod)
