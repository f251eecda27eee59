"""Makes kernel pods for project servers, which have no token of the cluster.

Whoever works in a project can read whatever its server can. A token that may create pods in the namespace could mount
any Secret of it, so no server gets one: it asks here, with the paths of the Kubernetes API and its own hub token. Of
what it sends, only the name, the environment, the working folder and the keys of the connection count; the pod is
made of the operator's description of the kernel, and labels say whose it is. A server sees, changes and ends its own
kernels and may take free warm ones.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tornado import web
from tornado.iostream import StreamClosedError

from hub.cluster import Cluster
from hub.cluster_pods import template_of
from hub.kubernetes_config import FILES_FOLDER
from hub.signed_in import SignedIn, project_of_server
from kernels.pods import (
    CLAIM_LABEL,
    FREE,
    KERNEL_LABELS,
    KERNEL_SELECTOR,
    PROFILE_LABEL,
    SERVER_LABEL,
    ApiError,
    KubernetesApi,
    PodTemplate,
    claim_change,
    label_value,
    ownership,
    pod_manifest,
)

log = logging.getLogger("collegium.kernels")
KERNEL_NAME = re.compile(r"kernel-[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?")
PATH = r"/internal/projects/([a-z0-9-]+)/cluster/api/v1/namespaces/[^/]+/(pods|secrets)(?:/([^/]+))?"
LARGEST_CONNECTION_BYTES = 4096
Manifest = dict[str, Any]


class KernelGateway:
    """What one project's server may do with pods and Secrets.

    Parameters
    ----------
    api
        Connected to the namespace of kernels.
    cluster
        With the kernels that the operator offers.
    """

    def __init__(self, api: KubernetesApi, cluster: Cluster) -> None:
        self.api = api
        self._cluster = cluster
        self._templates = {kernel.name: template_of(kernel, cluster) for kernel in cluster.kernels}

    def selector(self, project: str) -> str:
        """Return which pods the server sees: its own, and free warm ones."""
        return f"{KERNEL_SELECTOR},{SERVER_LABEL} in ({label_value(project)},{FREE})"

    async def create(self, project: str, resource: str, sent: Manifest) -> Manifest:
        """Make a kernel's Secret or its pod; raises `ApiError`."""
        name = _name(sent.get("metadata", {}).get("name"))
        manifest = self._secret(project, name, sent) if resource == "secrets" else self._pod(project, name, sent)
        made = await self.api.create(resource, manifest)
        _check_owner(made, project)
        return made

    async def read_secret(self, project: str, name: str) -> Manifest:
        """Return the keys of a kernel of the project; raises `ApiError`."""
        secret: Manifest = await self.api.get("secrets", _name(name))
        if _label(secret, SERVER_LABEL) != label_value(project):
            _check_owner(await self.api.get("pods", name), project)  # a warm one that it has claimed
        return secret

    async def change(self, project: str, resource: str, name: str, sent: Manifest) -> Manifest:
        """Tie a Secret to its pod, or claim a warm pod; raises `ApiError`."""
        found: Manifest = await self.api.get(resource, _name(name))
        metadata = sent.get("metadata", {})
        if resource == "secrets":
            _check_owner(found, project)
            uid = str(metadata.get("ownerReferences", [{}])[0].get("uid", ""))
            return await self.api.patch("secrets", name, ownership({"metadata": {"name": name, "uid": uid}}))
        if _label(found, CLAIM_LABEL) != FREE:
            raise ApiError(409, "Conflict", f"pod {name} is not free")
        kernel, version = str(metadata.get("labels", {}).get(CLAIM_LABEL, "")), str(metadata.get("resourceVersion", ""))
        if not kernel or kernel == FREE or not version:
            raise ApiError(400, "BadRequest", "a claim names a kernel and the version of the pod")
        return await self.api.patch("pods", name, claim_change(version, kernel, project))

    async def delete(self, project: str, resource: str, name: str, grace_seconds: int | None) -> None:
        """End a kernel of the project; raises `ApiError`."""
        found: Manifest = await self.api.get(resource, _name(name))
        _check_owner(found, project)
        await self.api.delete(resource, name, grace_seconds=grace_seconds, uid=str(found["metadata"]["uid"]))

    def _secret(self, project: str, name: str, sent: Manifest) -> Manifest:
        connection = sent.get("data", {}).get("connection.json")
        if not isinstance(connection, str) or len(connection) > LARGEST_CONNECTION_BYTES:
            raise ApiError(400, "BadRequest", "a kernel's Secret holds its connection file")
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "labels": {**KERNEL_LABELS, SERVER_LABEL: label_value(project)}},
            "type": "Opaque",
            "data": {"connection.json": connection},
        }

    def _pod(self, project: str, name: str, sent: Manifest) -> Manifest:
        metadata, spec = sent.get("metadata", {}), sent.get("spec", {})
        profile = str(metadata.get("labels", {}).get(PROFILE_LABEL, ""))
        template = self._templates.get(profile)
        if template is None:
            raise ApiError(403, "Forbidden", f"there is no kernel {profile!r} on this platform")
        container = (spec.get("containers") or [{}])[0]
        environment = {str(v.get("name")): str(v.get("value", "")) for v in container.get("env", [])}
        template = self._with_files(
            replace(template, environment=environment, preload=()), project, str(container.get("workingDir", ""))
        )
        labels = {SERVER_LABEL: label_value(project), PROFILE_LABEL: profile}
        return pod_manifest(template, name, labels)

    def _with_files(self, template: PodTemplate, project: str, folder: str) -> PodTemplate:
        if self._cluster.storage.perProject:
            return template
        claim = {"name": "project", "persistentVolumeClaim": {"claimName": self._cluster.claim}}
        mount = {"name": "project", "mountPath": FILES_FOLDER, "subPath": f"projects/{project}/files"}
        inside = folder == FILES_FOLDER or folder.startswith(f"{FILES_FOLDER}/")
        working = folder if inside and ".." not in folder.split("/") else FILES_FOLDER
        return replace(template, volumes=(claim,), volume_mounts=(mount,), working_directory=working)


class KernelGatewayHandler(SignedIn, web.RequestHandler):
    """Serves a project's server as the API server would."""

    def initialize(self, gateway: KernelGateway) -> None:
        """Take what the route carries."""
        self.gateway = gateway

    def check_xsrf_cookie(self) -> None:
        """Only a token signs in here."""

    async def prepare(self) -> None:
        """Let a project's server in, and that one only."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        model = await self.server_auth.user_for_token(token.strip(), sync=False) if scheme.lower() == "bearer" else None
        if self.path_args[0] != project_of_server(model or {}):
            self._refuse(ApiError(403, "Forbidden", "only the project's own server may ask this"))

    async def get(self, project: str, resource: str, name: str | None) -> None:
        """List or watch pods, or read a Secret."""
        if resource == "pods" and name is None:
            await (self._watch(project) if self.get_query_argument("watch", "") else self._list(project))
        elif resource == "secrets" and name is not None:
            await self._answer(self.gateway.read_secret(project, name))
        else:
            self._refuse(ApiError(403, "Forbidden", "not for project servers"))

    async def post(self, project: str, resource: str, name: str | None) -> None:
        """Make a pod or a Secret."""
        await self._answer(self.gateway.create(project, resource, self._body()))

    async def patch(self, project: str, resource: str, name: str | None) -> None:
        """Tie a Secret to its pod, or claim a warm pod."""
        await self._answer(self.gateway.change(project, resource, name or "", self._body()))

    async def delete(self, project: str, resource: str, name: str | None) -> None:
        """End a kernel."""
        grace = self._body().get("gracePeriodSeconds")
        seconds = grace if isinstance(grace, int) else None

        async def work() -> Manifest:
            await self.gateway.delete(project, resource, name or "", seconds)
            return {"kind": "Status", "status": "Success"}

        await self._answer(work())

    async def _list(self, project: str) -> None:
        await self._answer(self.gateway.api.list("pods", self.gateway.selector(project)))

    async def _watch(self, project: str) -> None:
        version = self.get_query_argument("resourceVersion", "")
        self.set_header("Content-Type", "application/json")
        try:
            async for event in self.gateway.api.watch("pods", self.gateway.selector(project), version):
                self.write(json.dumps(event) + "\n")
                await self.flush()
        except ApiError as error:
            if not self._headers_written:
                self._refuse(error)
        except StreamClosedError:
            log.debug("the server of %s went away", project)

    async def _answer(self, work: Any) -> None:
        try:
            self.write(dict(await work))
        except ApiError as error:
            self._refuse(error)

    def _body(self) -> Manifest:
        try:
            found = json.loads(self.request.body or b"{}")
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {}

    def _refuse(self, error: ApiError) -> None:
        self.set_status(error.status or 503, error.reason or "Unavailable")
        self.finish({"kind": "Status", "code": error.status, "reason": error.reason, "message": str(error)})


def _name(name: object) -> str:
    if not isinstance(name, str) or not KERNEL_NAME.fullmatch(name):
        raise ApiError(403, "Forbidden", f"{name!r} is not the name of a kernel")
    return name


def _label(found: Mapping[str, Any], label: str) -> str:
    return str((found["metadata"].get("labels") or {}).get(label, ""))


def _check_owner(found: Mapping[str, Any], project: str) -> None:
    """Refuse what belongs to another; that it exists is not told."""
    labels = found["metadata"].get("labels") or {}
    is_kernel = all(labels.get(name) == value for name, value in KERNEL_LABELS.items())
    if not is_kernel or labels.get(SERVER_LABEL) != label_value(project):
        raise ApiError(404, "NotFound", "there is no such kernel in this project")
