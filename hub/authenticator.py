"""Sign-in at the hub with the platform's accounts.

The platform service owns the accounts; the hub asks it. Nothing here decides who may sign in.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import httpx
from jupyterhub.auth import Authenticator
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.user import User
from tornado import web
from traitlets import Bool, Dict, List, Unicode

from hub.jupyterhub_api import PROJECTS_USER

JsonObject = dict[str, object]
AWAY = "Signing in is not possible for a moment; try again."
ALWAYS_REFRESH = -1  # seconds: every page of the hub asks whether the session still counts


@dataclass(frozen=True)
class Answer:
    """What the platform service answered.

    Parameters
    ----------
    status
        HTTP status.
    body
        The answer, or the problem.
    """

    status: int
    body: JsonObject = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        """Whether it did what was asked."""
        return self.status < 300

    @property
    def problem(self) -> str:
        """What was wrong, for a person."""
        return str(self.body.get("detail", AWAY))


class PlatformAuthenticator(Authenticator):  # type: ignore[misc]
    """Asks the platform service whose credentials these are."""

    service_api_url = Unicode(help="Address of the platform service's API.").tag(config=True)
    operator_token = Unicode(help="Token that the platform service knows the hub by.").tag(config=True)
    public_url = Unicode(help="Address that people use, with the final slash.").tag(config=True)
    sign_up = Unicode("closed", help="Who may make an account: open, invitation, closed.").tag(config=True)
    sends_mail = Bool(False, help="Whether passwords can be reset by mail.").tag(config=True)
    providers = List(Dict(), help="The OpenID Connect providers to sign in with.").tag(config=True)

    async def ask(self, path: str, body: JsonObject) -> Answer:
        """Ask the platform service.

        Raises
        ------
        tornado.web.HTTPError
            503 when it does not answer.
        """
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
                answer = await client.post(
                    f"{self.service_api_url}/internal/{path}",
                    json=body,
                    headers={"Authorization": f"Bearer {self.operator_token}"},
                )
        except httpx.HTTPError as error:
            raise web.HTTPError(503, AWAY) from error
        if answer.status_code >= 500:
            raise web.HTTPError(503, AWAY)
        return Answer(answer.status_code, answer.json() if answer.content else {})

    async def authenticate(self, handler: BaseHandler, data: JsonObject) -> str | None:
        """Return the user name, or None when the credentials are wrong; the handler gets the words why.

        Raises
        ------
        tornado.web.HTTPError
            503 when the platform service does not answer.
        """
        path = str(data.pop("ask", "authenticate"))
        if "username" in data:
            data = {"name": str(data["username"]).strip().lower(), "password": data.get("password", "")}
        before = handler.get_session_cookie()
        # Every sign-in is a session of its own, whatever the browser held before.
        fresh = secrets.token_hex(16)
        answer = await self.ask(path, data | {"session": _session(handler, fresh)})
        identity = answer.body.get("identity", answer.body)
        if not answer.is_ok or not isinstance(identity, dict):
            handler.sign_in_answer = answer
            return None
        if before is not None:
            await self.ask("sign-outs", {"session": before})
        handler._session_id = fresh  # upstream's own way to set it
        handler.set_session_cookie()
        name = str(identity["name"])
        return None if name == PROJECTS_USER else name

    async def refresh_user(self, user: User, handler: BaseHandler | None = None) -> bool:
        """Return whether the browser's session still counts; the hub asks at each of its pages."""
        if handler is None or user.name == PROJECTS_USER:
            return True
        session = handler.get_session_cookie()
        if session is None:
            return False
        return (await self.ask("session-checks", {"name": user.name, "session": session})).is_ok

    def get_handlers(self, app: object) -> list[tuple[object, ...]]:
        """Add the pages around signing in."""
        from hub.openid import provider_handlers  # these build on this class
        from hub.sign_in_pages import page_handlers

        return [*page_handlers(), *provider_handlers(self)]


def _session(handler: BaseHandler, session_id: str) -> JsonObject:
    request = handler.request
    agent = request.headers.get("User-Agent", "")[:256]
    return {"id": session_id, "address": (request.remote_ip or "")[:64], "user_agent": agent}
