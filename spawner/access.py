"""What the signed-in person may do in this project, asked of the platform and remembered for a moment."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

log = logging.getLogger("collegium.access")
OUTAGE_GRACE_SECONDS = 60.0


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
    """

    role: str | None
    capabilities: frozenset[str]
    display_name: str = ""
    sessions: frozenset[str] | None = None

    def covers(self, session_id: str | None) -> bool:
        """Return whether a browser session of the hub still counts; a token of the hub has none."""
        if self.sessions is None or session_id is None:
            return True
        return hashlib.sha256(session_id.encode()).hexdigest() in self.sessions


NOTHING = Access(None, frozenset())


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
        self._client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"token {token}"}, timeout=5, trust_env=False
        )
        self._cache_seconds = cache_seconds
        self._clock = clock
        self._answers: dict[str, tuple[float, Access]] = {}

    async def of(self, user_name: str) -> Access:
        """Return the rights of `user_name` now."""
        at, known = self._answers.get(user_name, (float("-inf"), NOTHING))
        age = self._clock() - at
        if age <= self._cache_seconds:
            return known
        try:
            answer = await self._client.get(f"/{user_name}")
        except httpx.HTTPError as error:
            log.warning("the platform does not answer about the rights of %s: %s", user_name, error)
            return known if age <= OUTAGE_GRACE_SECONDS else NOTHING
        if answer.status_code >= 500:
            log.warning("the platform answered %s about the rights of %s", answer.status_code, user_name)
            return known if age <= OUTAGE_GRACE_SECONDS else NOTHING
        if answer.status_code != 200:
            log.warning("the platform refused to tell the rights of %s: %s", user_name, answer.text[:200])
            access = NOTHING
        else:
            model = answer.json()
            sessions = model.get("sessions")
            access = Access(
                model["role"],
                frozenset(model["capabilities"]),
                model["user"]["display_name"],
                frozenset(sessions) if sessions is not None else None,
            )
        self._answers[user_name] = (self._clock(), access)
        return access

    def known(self, user_name: str) -> Access:
        """Return the last answer about `user_name`, without asking."""
        return self._answers.get(user_name, (0.0, NOTHING))[1]
