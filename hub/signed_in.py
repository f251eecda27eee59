"""Handlers that know who is signed in: the hub's OAuth, with the one client that the application holds."""

from __future__ import annotations

from jupyterhub.services.auth import HubAuth, HubOAuth, HubOAuthCallbackHandler, HubOAuthenticated


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
