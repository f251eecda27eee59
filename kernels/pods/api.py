"""The few calls to the Kubernetes API that are needed, as plain JSON.

The official client brings addresses, certificates and tokens with their renewal. Its generated methods and models
are left aside: they cost a hundred times the CPU per watched pod, and refuse values that are newer than they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from ..errors import KernelsError

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Manifest: TypeAlias = "dict[str, Json]"

REQUEST_SECONDS = 20.0
WATCH_SECONDS = 290
ATTEMPTS = 9  # over 51 s
FIRST_PAUSE_SECONDS = 0.2
_TRY_AGAIN = {429, 500, 502, 503, 504}
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_MERGE_PATCH = "application/merge-patch+json"


class ApiError(KernelsError):
    """The cluster refused, or could not be reached.

    Attributes
    ----------
    status
        HTTP status; 0 when there was no answer.
    reason
        Kubernetes' word for it, such as `AlreadyExists` or `Conflict`.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason

    @property
    def is_quota(self) -> bool:
        """Whether a resource quota was reached."""
        return self.status == 403 and "exceeded quota" in str(self)


@dataclass(frozen=True, slots=True)
class Gateway:
    """The platform's service in the place of the API server, for those who must not have a token of the cluster.

    Attributes
    ----------
    url
        It answers below with the paths of the API server, as far as kernels need them.
    token
        Of the project's server.
    """

    url: str
    token: str


def own_namespace() -> str:
    """The namespace of the pod that this runs in, else of `COLLEGIUM_NAMESPACE`, else `default`."""
    if _NAMESPACE_FILE.exists():
        return _NAMESPACE_FILE.read_text().strip()
    return os.environ.get("COLLEGIUM_NAMESPACE", "default")


class KubernetesApi:
    """A connection to one namespace; an asynchronous context manager.

    Reads are repeated while the API server is away or busy. Writes are repeated only when they are safe to repeat:
    names are chosen by us, so that a second creation answers `AlreadyExists`, and patches carry the version they
    are meant for.

    Attributes
    ----------
    namespace
        Where everything happens.
    calls
        Number of requests sent, for measurements.
    clock_offset
        To add to this machine's time for that of the API server, as its last answer had it.
    """

    def __init__(self, namespace: str = "", kubeconfig: str = "", gateway: Gateway | None = None) -> None:
        self.namespace = namespace or own_namespace()
        self.calls = 0
        self.clock_offset = timedelta()
        self._kubeconfig = kubeconfig
        self._gateway = gateway
        self._client: ApiClient | None = None

    async def __aenter__(self) -> KubernetesApi:
        settings = Configuration()
        settings.retries = 0
        try:
            await self._configure(settings)
        except (config.ConfigException, OSError) as error:
            raise ApiError(0, "NotConfigured", f"It is not known where the cluster is: {error}") from error
        self._client = ApiClient(settings)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()  # type: ignore[no-untyped-call]
            self._client = None

    async def _configure(self, settings: Configuration) -> None:
        if self._gateway is not None:
            settings.host = self._gateway.url
            settings.api_key["BearerToken"] = f"Bearer {self._gateway.token}"
        elif not self._kubeconfig and os.environ.get("KUBERNETES_SERVICE_HOST"):
            config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
        else:
            path = self._kubeconfig or os.environ.get("KUBECONFIG")  # the client knows only that of its import
            await config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=path, client_configuration=settings, persist_config=False
            )

    async def create(self, resource: str, manifest: Manifest) -> Manifest:
        """Create an object; one that exists under this name already is returned as it is."""
        metadata = manifest["metadata"]
        assert isinstance(metadata, dict)
        while True:
            try:
                return await self._json("POST", self.path(resource), body=manifest)
            except ApiError as error:
                if error.reason != "AlreadyExists":
                    raise
            try:
                return await self.get(resource, str(metadata["name"]))
            except ApiError as error:
                if error.status != 404:  # else it has just gone, and its name is free
                    raise

    async def get(self, resource: str, name: str) -> Manifest:
        """Return one object."""
        return await self._json("GET", self.path(resource, name))

    async def text(self, resource: str, name: str, query: Mapping[str, str]) -> str:
        """Return what is no object, such as a container's log under `pods` and `name/log`."""
        return (await self._read("GET", self.path(resource, name), query)).decode(errors="replace")

    async def send(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Manifest | None = None
    ) -> Manifest:
        """Send any request and return the object in its answer; repeated while the API server is away."""
        return await self._json(method, path, query, body)

    async def list(self, resource: str, selector: str = "") -> Manifest:
        """Return the objects whose labels match, with the version of the list."""
        return await self._json("GET", self.path(resource), query={"labelSelector": selector})

    async def patch(self, resource: str, name: str, changes: Manifest) -> Manifest:
        """Merge changes into an object; with a `resourceVersion` in them, only into that version (else status 409)."""
        return await self._json("PATCH", self.path(resource, name), body=changes)

    async def delete(
        self,
        resource: str,
        name: str,
        *,
        grace_seconds: int | None = None,
        version: str = "",
        uid: str = "",
        owned_first: bool = False,
    ) -> bool:
        """Delete an object, and what it owns before or after it; False when there is none, or none of this version."""
        conditions: Manifest = {}
        if version:
            conditions["resourceVersion"] = version
        if uid:
            conditions["uid"] = uid
        body: Manifest = {"propagationPolicy": "Foreground" if owned_first else "Background"}
        if conditions:
            body["preconditions"] = conditions
        if grace_seconds is not None:
            body["gracePeriodSeconds"] = grace_seconds
        try:
            await self._json("DELETE", self.path(resource, name), body=body)
        except ApiError as error:
            if error.status in (404, 409):
                return False
            raise
        return True

    async def watch(self, resource: str, selector: str, version: str) -> AsyncIterator[Manifest]:
        """Yield events after a version, until the server ends the watch (about five minutes).

        Raises
        ------
        ApiError
            With status 410 when the version is too old: list again.
        """
        query = {
            "labelSelector": selector,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        # A connection whose other end vanished says nothing for ever; bookmarks come every minute.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_SECONDS, sock_read=WATCH_SECONDS + 30)
        answer = None
        try:
            answer = await self._send("GET", self.path(resource), query=query, body=None, timeout=timeout)
            if answer.status >= 400:
                raise _error(answer.status, await answer.read())
            pending = b""
            async for chunk in answer.content.iter_any():
                pending += chunk
                *lines, pending = pending.split(b"\n")
                for line in lines:
                    yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiError(0, "Unreachable", f"The watch was cut off: {error!r}.") from error
        finally:
            if answer is not None:
                answer.close()

    def path(self, resource: str, name: str = "") -> str:
        """Address of a resource such as `pods` or `batch/v1/jobs`."""
        group, _, plural = resource.rpartition("/")
        root = f"/apis/{group}" if group else "/api/v1"
        return f"{root}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    async def _json(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Manifest | None = None
    ) -> Manifest:
        return dict(json.loads(await self._read(method, path, query, body)))

    async def _read(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Manifest | None = None
    ) -> bytes:
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(ATTEMPTS):
            try:
                answer = await self._send(
                    method, path, query=query or {}, body=body, timeout=aiohttp.ClientTimeout(REQUEST_SECONDS)
                )
                text = await answer.read()
                self._note_clock(answer)
                if answer.status < 400:
                    return text
                error = _error(answer.status, text)
            except (aiohttp.ClientError, TimeoutError, OSError) as reason:
                error = ApiError(0, "Unreachable", f"The cluster does not answer: {reason!r}.")
            if (error.status and error.status not in _TRY_AGAIN) or attempt + 1 == ATTEMPTS:
                raise error
            await asyncio.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable")

    def _note_clock(self, answer: aiohttp.ClientResponse) -> None:
        """Remember by how much the API server's clock differs, which the times in its objects are told by."""
        with contextlib.suppress(KeyError, ValueError):
            self.clock_offset = parsedate_to_datetime(answer.headers["Date"]) - datetime.now(UTC)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: Manifest | None,
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        if self._client is None:
            raise RuntimeError("KubernetesApi is used outside of its context")
        self.calls += 1
        kind = _MERGE_PATCH if method == "PATCH" else "application/json"
        verb, url, headers, content, _ = await self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json", "Content-Type": kind},
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = await self._client.call_api(verb, url, headers, content, _request_timeout=timeout)
        response = answer.response
        assert isinstance(response, aiohttp.ClientResponse)
        return response


def _error(status: int, text: bytes) -> ApiError:
    try:
        found = json.loads(text)
        return ApiError(status, str(found.get("reason", "")), str(found.get("message", "")))
    except ValueError:
        return ApiError(status, "", text[:500].decode(errors="replace"))
