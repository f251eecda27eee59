"""Handlers that know who is signed in: the hub's OAuth, with the one client that the application holds."""

from __future__ import annotations

import re
from collections.abc import Mapping

from jupyterhub.services.auth import HubAuth, HubOAuth, HubOAuthCallbackHandler, HubOAuthenticated

from hub.jupyterhub_api import PROJECTS_USER

SERVER_SCOPE = re.compile(rf"access:servers!server={PROJECTS_USER}/([a-z0-9-]+)")


class SignedIn(HubOAuthenticated):  # type: ignore[misc]
    """Mixin for handlers of an application whose settings hold a `hub_auth`."""

    @property
    def hub_auth(self) -> HubOAuth:
        """The application's client of the hub (upstream makes one per handler from the environment)."""
        return self.settings["hub_auth"]

    @property
    def server_auth(self) -> HubAuth:
        """Who finds out which project's server a token belongs to."""
        return self.settings["server_auth"]


class OAuthCallbackHandler(SignedIn, HubOAuthCallbackHandler):  # type: ignore[misc]
    """Where the hub sends the browser after it signed in."""


def project_of_server(model: Mapping[str, object]) -> str | None:
    """Return the project whose server a hub token is, None when it is something else.

    A visitor's page holds a token with the same scope: that one is a person's, and no server's.

    Parameters
    ----------
    model
        What the hub says about the token.
    """
    scopes = model.get("scopes", ())
    if model.get("kind") != "user" or model.get("name") != PROJECTS_USER or not isinstance(scopes, list):
        return None
    return next((match[1] for scope in scopes if (match := SERVER_SCOPE.fullmatch(scope))), None)
