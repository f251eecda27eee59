"""Sign-in at the hub with the platform's accounts: a user name and password, or a one-time link.

The platform service owns the accounts; the hub asks it. Nothing here decides who may sign in.
"""

from __future__ import annotations

import httpx
from jupyterhub.auth import Authenticator
from jupyterhub.handlers.base import BaseHandler
from tornado import web
from traitlets import Unicode

from hub.jupyterhub_api import PROJECTS_USER


class PlatformAuthenticator(Authenticator):  # type: ignore[misc]
    """Asks the platform service whose credentials these are."""

    service_api_url = Unicode(help="Address of the platform service's API.").tag(config=True)
    operator_token = Unicode(help="Token that the platform service knows the hub by.").tag(config=True)

    async def authenticate(self, handler: BaseHandler, data: dict[str, str]) -> str | None:
        """Return the user name, or None when the credentials are wrong.

        Raises
        ------
        tornado.web.HTTPError
            503 when the platform service does not answer.
        """
        if "link" in data:
            credentials = {"link": data["link"]}
        else:
            credentials = {"name": data.get("username", "").strip().lower(), "password": data.get("password", "")}
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
                answer = await client.post(
                    f"{self.service_api_url}/internal/authenticate",
                    json=credentials,
                    headers={"Authorization": f"Bearer {self.operator_token}"},
                )
        except httpx.HTTPError as error:
            raise web.HTTPError(503, "Signing in is not possible for a moment; try again.") from error
        if answer.status_code == 401:
            handler.sign_in_problem = answer.json()["detail"]
            return None
        if answer.status_code != 200:
            raise web.HTTPError(503, "Signing in is not possible for a moment; try again.")
        name = str(answer.json()["name"])
        return None if name == PROJECTS_USER else name

    def get_handlers(self, app: object) -> list[tuple[str, type]]:
        """Add the page that one-time links lead to."""
        return [*super().get_handlers(app), ("/sign-in", SignInLinkHandler)]


class SignInLinkHandler(BaseHandler):  # type: ignore[misc]
    """Signs the bearer of a one-time link in.

    GET shows a button and POST uses the link up: mail programs and chat previews that follow links would otherwise
    spend it before its reader does.
    """

    async def get(self) -> None:
        """Show the button."""
        await self._show(self.get_query_argument("link", ""), "")

    async def post(self) -> None:
        """Use the link up and lead to the projects."""
        link = self.get_body_argument("link", "")
        user = await self.login_user({"link": link})
        if user is None:
            self.set_status(403)
            await self._show("", getattr(self, "sign_in_problem", "This sign-in link is not valid."))
            return
        self.redirect(self.get_next_url(user))

    async def _show(self, link: str, problem: str) -> None:
        page = await self.render_template(
            "sign_in_link.html", link=link, problem=problem, login_url=self.settings["login_url"]
        )
        self.finish(page)
