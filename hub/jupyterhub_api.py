"""The part of JupyterHub's REST API that the platform service uses: project servers, tokens, who is in a group."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

import httpx

from hub.errors import NotFoundError, UnauthenticatedError, UnavailableError

PROJECTS_USER = "projects"  # the hub user whose named servers are the projects' servers
START_TIMEOUT_SECONDS = 120
RECENT_SECONDS = 1.0
OLDEST_SECONDS = 3.0


@dataclass(frozen=True)
class ServerStatus:
    """What the hub knows of a project's server."""

    state: str  # stopped, starting, running, stopping
    url: str | None = None
    started_at: datetime | None = None
    gpus: int = 0  # that it was started with, whatever the project's profile says now


class JupyterHubApi:
    """Client of JupyterHub's REST API, with the service's own token.

    Parameters
    ----------
    api_url
        For example `http://127.0.0.1:8081/hub/api`.
    token
        The service's token.
    address
        Makes of a project's id and its server's path, as the hub knows it, where people reach it.
    """

    def __init__(
        self, api_url: str, token: str, address: Callable[[str, str], str] = lambda _project, path: path
    ) -> None:
        self._address = address
        self._recent: asyncio.Task[dict[str, ServerStatus]] | None = None
        self._recent_until = 0.0
        self._known: dict[str, ServerStatus] | None = None
        self._known_at = 0.0
        self._client = httpx.AsyncClient(
            base_url=api_url, headers={"Authorization": f"token {token}"}, timeout=30, trust_env=False
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def server_states(self) -> dict[str, ServerStatus]:
        """Return the status of every project server that is not stopped, by project id."""
        answer = await self._request("GET", f"/users/{PROJECTS_USER}")
        servers: dict[str, dict[str, object]] = answer.json().get("servers", {})
        states = {name: _status(model) for name, model in servers.items()}
        return {
            name: replace(status, url=self._address(name, status.url)) if status.url else status
            for name, status in states.items()
            if status.state != "stopped"
        }

    async def recent_server_states(self) -> dict[str, ServerStatus]:
        """Return what `server_states` said a moment ago, for pages that many people look at.

        What is older than a second is asked for again, and nobody waits for the answer while that is younger than
        three. What this service started or stopped itself is seen at once.
        """
        now = time.monotonic()
        failed = self._recent is not None and self._recent.done() and self._recent.exception() is not None
        if self._recent is None or failed or now > self._recent_until:
            self._recent = asyncio.create_task(self.server_states())
            self._recent.add_done_callback(self._know)
            self._recent_until = now + RECENT_SECONDS
        if self._known is not None and now < self._known_at + OLDEST_SECONDS:
            return self._known
        return await asyncio.shield(self._recent)

    def _know(self, states: asyncio.Task[dict[str, ServerStatus]]) -> None:
        if states is self._recent and not states.cancelled() and states.exception() is None:
            self._known, self._known_at = states.result(), time.monotonic()

    def _forget(self) -> None:
        self._recent = self._known = None

    async def server_status(self, project_id: str) -> ServerStatus:
        """Return the status of one project's server."""
        return (await self.server_states()).get(project_id, ServerStatus("stopped"))

    async def start_server(self, project_id: str, options: Mapping[str, object] | None = None) -> None:
        """Ask for a project's server; it is fine if it runs or starts already.

        Parameters
        ----------
        project_id
            Whose server.
        options
            Its size, as the spawner understands it.
        """
        path = f"/users/{PROJECTS_USER}/servers/{project_id}"
        answer = await self._request("POST", path, allow=(400,), body=options or {})
        self._forget()
        if answer.status_code == 400 and "already" not in answer.text:
            raise UnavailableError(f"The server could not be started: {_message(answer)}")

    async def stop_server(self, project_id: str) -> None:
        """Ask for a project's server to end; it is fine if there is none."""
        await self._request("DELETE", f"/users/{PROJECTS_USER}/servers/{project_id}", allow=(400, 404))
        self._forget()

    async def progress(self, project_id: str) -> AsyncIterator[dict[str, object]]:
        """Yield the hub's progress events of a server that is starting; the last is ready or failed."""
        url = f"/users/{PROJECTS_USER}/servers/{project_id}/progress"
        async with self._client.stream("GET", url, timeout=START_TIMEOUT_SECONDS) as answer:
            if answer.status_code == 404:
                raise NotFoundError("The server is not starting.")
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    event = json.loads(line[5:])
                    yield event | ({"url": self._address(project_id, str(event["url"]))} if event.get("url") else {})

    async def last_activity(self) -> dict[str, datetime]:
        """Return when each running project server was last used, by project id."""
        servers: dict[str, dict[str, object]] = (await self._request("GET", f"/users/{PROJECTS_USER}")).json()[
            "servers"
        ]
        return {
            name: datetime.fromisoformat(str(model.get("last_activity") or model["started"]))
            for name, model in servers.items()
            if _status(model).state == "running"
        }

    async def group_members(self, name: str) -> frozenset[str] | None:
        """Return the users of a group of the hub; `None`: there is no such group."""
        answer = await self._request("GET", f"/groups/{quote(name, safe='')}", allow=(404,))
        return frozenset(map(str, answer.json()["users"])) if answer.status_code == 200 else None

    async def token_scopes(self, token: str) -> frozenset[str]:
        """Return the scopes that somebody else's hub token carries.

        Raises
        ------
        UnauthenticatedError
            The hub does not know the token.
        """
        answer = await self._request("GET", "/user", allow=(401, 403), token=token)
        if answer.status_code != 200:
            raise UnauthenticatedError("The token is not valid.")
        return frozenset(answer.json().get("scopes", ()))

    async def is_ready(self) -> bool:
        """Return whether the hub answers."""
        try:
            return (await self._client.get("/", timeout=5)).status_code == 200
        except httpx.HTTPError:
            return False

    async def _request(
        self,
        method: str,
        path: str,
        *,
        allow: tuple[int, ...] = (),
        token: str | None = None,
        body: Mapping[str, object] | None = None,
    ) -> httpx.Response:
        headers = {"Authorization": f"token {token}"} if token else None
        try:
            answer = await self._client.request(method, path, headers=headers, json=body)
        except httpx.HTTPError as error:
            raise UnavailableError("The hub does not answer now; try again in a moment.") from error
        if answer.status_code >= 400 and answer.status_code not in allow:
            raise UnavailableError(f"The hub answered {answer.status_code}: {_message(answer)}")
        return answer


def _status(model: dict[str, object]) -> ServerStatus:
    pending, options = model.get("pending"), model.get("user_options")
    gpus = int(str(options.get("gpus", 0))) if isinstance(options, dict) else 0
    if model.get("ready"):
        started = datetime.fromisoformat(str(model["started"])) if model.get("started") else None
        return ServerStatus("stopping" if pending == "stop" else "running", str(model.get("url")), started, gpus)
    return ServerStatus({"spawn": "starting", "stop": "stopping"}.get(str(pending), "stopped"), gpus=gpus)


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("message", answer.text[:300]))
    except ValueError:
        return answer.text[:300]
