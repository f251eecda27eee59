"""What the signed-in person may do in this project, asked of the platform and remembered for a moment."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from jupyterhub.singleuser.extension import JupyterHubUser

log = logging.getLogger("collegium.access")
OUTAGE_GRACE_SECONDS = 60.0
MOST_ANSWERS = 5000


@dataclass(frozen=True)
class Access:
    """A user's rights in this project.

    Parameters
    ----------
    role
        `owner`, `editor`, `viewer`, or None for those who are not members.
    capabilities
        What the role carries, by the names of the platform's policy.
    display_name
        The user's name as people see it.
    sessions
        Hashes of the browser sessions in which they are signed in; None where the platform does not tell.
    user_name
        The user's name.
    """

    role: str | None
    capabilities: frozenset[str]
    display_name: str = ""
    sessions: frozenset[str] | None = None
    user_name: str = ""

    def covers(self, session_id: str | None) -> bool:
        """Return whether a browser session of the hub still counts; a token of the hub has none."""
        if self.sessions is None or session_id is None:
            return True
        return hashlib.sha256(session_id.encode()).hexdigest() in self.sessions


NOTHING = Access(None, frozenset())
TOKEN_PREFIX = "clg_"  # noqa: S105 - what personal access tokens begin with
TOKEN_KEY = "token "  # noqa: S105 - no user name has a space


def token_key(token: str) -> str:
    """Return the key by which the rights of a personal access token are asked and remembered; not the token."""
    return TOKEN_KEY + hashlib.sha256(token.encode()).hexdigest()


def key_of(user: JupyterHubUser) -> str:
    """Return the key of somebody's rights: of the token that they sent, else their name."""
    return str(user.hub_user.get("access_key", user.username))


class AccessClient:
    """Asks the platform's API for members' rights.

    While the platform does not answer, an answer of less than a minute ago still counts, so that a restart of the
    service does not throw people out; after that nobody has any rights.

    Parameters
    ----------
    url
        Address of this project in the API: `.../internal/projects/<id>/access`.
    token
        The server's own token.
    cache_seconds
        How long an answer counts without asking again.
    clock
        Monotonic seconds.
    """

    def __init__(self, url: str, token: str, cache_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.token = token
        self._url = url
        self._client = httpx.AsyncClient(headers={"Authorization": f"token {token}"}, timeout=5, trust_env=False)
        self._cache_seconds = cache_seconds
        self._clock = clock
        self._answers: dict[str, tuple[float, Access]] = {}

    async def of(self, key: str) -> Access:
        """Return the rights of a user, by name, or of a token, by its key, now."""
        at, known = self._answers.get(key, (float("-inf"), NOTHING))
        age = self._clock() - at
        if age <= self._cache_seconds:
            return known
        name = "a token" if key.startswith(TOKEN_KEY) else key
        try:
            answer = await self._ask(key)
        except httpx.HTTPError as error:
            log.warning("the platform does not answer about the rights of %s: %s", name, error)
            return known if age <= OUTAGE_GRACE_SECONDS else NOTHING
        if answer.status_code >= 500:
            log.warning("the platform answered %s about the rights of %s", answer.status_code, name)
            return known if age <= OUTAGE_GRACE_SECONDS else NOTHING
        if answer.status_code != 200:
            log.warning("the platform refused to tell the rights of %s: %s", name, answer.text[:200])
            access = NOTHING
        else:
            model = answer.json()
            sessions = model.get("sessions")
            access = Access(
                model["role"],
                frozenset(model["capabilities"]),
                model["user"]["display_name"],
                frozenset(sessions) if sessions is not None else None,
                model["user"]["name"],
            )
        self._remember(key, access)
        return access

    async def of_user(self, user: JupyterHubUser) -> Access:
        """Return the rights of somebody who was let in, by session or token, now."""
        return await self.of(key_of(user))

    def known(self, user: JupyterHubUser) -> Access:
        """Return the last answer about somebody who was let in, without asking."""
        return self._answers.get(key_of(user), (0.0, NOTHING))[1]

    async def _ask(self, key: str) -> httpx.Response:
        if key.startswith(TOKEN_KEY):
            url = f"{self._url.removesuffix('/access')}/token-checks"
            return await self._client.post(url, json={"sha256": key.removeprefix(TOKEN_KEY)})
        return await self._client.get(f"{self._url}/{key}")

    def _remember(self, key: str, access: Access) -> None:
        now = self._clock()
        if len(self._answers) >= MOST_ANSWERS:  # whoever sends made-up tokens fills no memory
            self._answers = {k: v for k, v in self._answers.items() if now - v[0] <= OUTAGE_GRACE_SECONDS and v[1].role}
        self._answers[key] = (now, access)
