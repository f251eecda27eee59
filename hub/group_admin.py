"""Groups of the hub, made and filled by the operator of the installation, at the hub itself.

The platform service may read who is in a group and nothing more; this needs the operator's secret.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx

from hub import runtime
from hub.client import ClientError, ports_here
from hub.settings import Settings

SERVICE_NAME = "operator"
SCOPES = ("admin:groups", "admin:users")  # who never signed in is not known to the hub, and can be in no group before


def token_of(operator_token: str) -> str:
    """Return the token with which the operator talks to the hub, made of the one for the platform's API."""
    return hmac.new(operator_token.encode(), b"groups of the hub", hashlib.sha256).hexdigest()


class HubGroups:
    """The groups of a running hub.

    Every method raises `ClientError` when the hub refuses or does not answer.

    Parameters
    ----------
    settings
        Settings of the installation, whose secrets must be readable.

    Raises
    ------
    ClientError
        The platform was never started here.
    """

    def __init__(self, settings: Settings) -> None:
        url = runtime.hub_api_url(ports_here(settings))
        token = token_of(runtime.tokens(settings).operator)
        headers = {"Authorization": f"token {token}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def all(self) -> dict[str, list[str]]:
        """Return every group with who is in it."""
        found: dict[str, list[str]] = {}
        while True:
            page = self._send("GET", f"/groups?offset={len(found)}&limit=200").json()
            found |= {group["name"]: sorted(group["users"]) for group in page}
            if len(page) < 200:
                return found

    def add(self, name: str, users: Sequence[str]) -> None:
        """Put users into a group, which is made when there is none."""
        self._send("POST", _path(name), allow=(409,))
        if users:
            self._send("POST", "/users", {"usernames": list(users)}, allow=(409,))
            self._send("POST", f"{_path(name)}/users", {"users": list(users)})

    def take_out(self, name: str, users: Sequence[str]) -> None:
        """Take users out of a group."""
        self._send("DELETE", f"{_path(name)}/users", {"users": list(users)})

    def remove(self, name: str) -> None:
        """Remove a group."""
        self._send("DELETE", _path(name))

    def _send(
        self, method: str, path: str, body: Mapping[str, object] | None = None, allow: tuple[int, ...] = ()
    ) -> httpx.Response:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise ClientError(f"The hub does not answer: {error}") from error
        if answer.status_code >= 400 and answer.status_code not in allow:
            try:
                told = str(answer.json().get("message", answer.text))
            except ValueError:
                told = answer.text[:300]
            raise ClientError(f"The hub answered {answer.status_code}: {told}", answer.status_code)
        return answer


def _path(name: str) -> str:
    return f"/groups/{quote(name, safe='')}"
