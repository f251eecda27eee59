"""The platform's side of talking: who is a member, and mails to those who are mentioned."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

log = logging.getLogger("collegium.rooms")


@dataclass(frozen=True)
class Member:
    """Somebody who belongs to the project."""

    username: str
    display_name: str
    role: str


class PlatformClient:
    """Asks the platform's API about this project.

    Parameters
    ----------
    url
        Address of this project in the API: `.../internal/projects/<id>`.
    token
        The server's own token.
    """

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"token {token}"}, timeout=5, trust_env=False
        )

    async def members(self) -> list[Member]:
        """Return the members of the project; none while the platform does not answer."""
        try:
            answer = await self._client.get("/members")
            answer.raise_for_status()
        except httpx.HTTPError as error:
            log.warning("the platform does not tell the members: %s", error)
            return []
        return [Member(each["name"], each["display_name"], each["role"]) for each in answer.json()["members"]]

    async def mention(self, by: str, users: Sequence[str], text: str, path: str) -> None:
        """Have those who are mentioned told by mail, where the platform sends any."""
        body = {"by": by, "users": list(users), "text": text, "path": path}
        try:
            answer = await self._client.post("/mentions", json=body)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            log.warning("the platform did not take a mention: %s", error)
