"""Who may do what on a project's server: Jupyter's identity and authorization seams, filled from the platform."""

from __future__ import annotations

import os

from jupyter_server.auth import Authorizer
from jupyter_server.base.handlers import JupyterHandler
from jupyterhub.singleuser.extension import JupyterHubIdentityProvider, JupyterHubUser
from tornado.web import HTTPError
from traitlets import Instance, default

from spawner.access import TOKEN_PREFIX, AccessClient, token_key
from spawner.guard import SocketGuard

NO_MEMBER = "You are not a member of this project. Ask one of its owners."
READ, WRITE, EXECUTE = "read", "write", "execute"

# The capability that an action on one of Jupyter Server's resources needs. What is not named here is refused.
NEEDED: dict[str, dict[str, str]] = {
    "contents": {"read": READ, "write": WRITE},
    "checkpoints": {"read": READ, "write": WRITE},
    "files": {"read": READ},
    "view": {"read": READ},
    "lab": {"read": READ, "write": READ},  # write: one's own workspaces and settings of the user interface
    "kernels": {"read": READ, "write": EXECUTE, "execute": EXECUTE},
    "kernelspecs": {"read": READ},
    "sessions": {"read": READ, "write": EXECUTE},
    "terminals": {"read": EXECUTE, "write": EXECUTE, "execute": EXECUTE},
    "nbconvert": {"read": READ, "write": READ, "execute": READ},
    "api": {"read": READ, "write": EXECUTE},
    "events": {"read": READ, "write": WRITE, "execute": READ},
    "server": {"read": READ, "write": EXECUTE, "execute": EXECUTE},
    "config": {"read": READ, "write": WRITE},
    "fileid": {"read": READ, "write": READ},
    "me": {"read": READ},
}


class ProjectIdentityProvider(JupyterHubIdentityProvider):  # type: ignore[misc]
    """The hub says who somebody is, the platform whether they are a member."""

    access = Instance(AccessClient)

    @default("access")
    def _default_access(self) -> AccessClient:
        return AccessClient(
            os.environ["COLLEGIUM_ACCESS_URL"],
            self.hub_auth.api_token,
            float(os.environ["COLLEGIUM_ACCESS_CACHE_SECONDS"]),
        )

    async def get_user(self, handler: JupyterHandler) -> JupyterHubUser | None:
        """Return the signed-in member; refuse people who are signed in and not members."""
        if hasattr(handler, "_jupyterhub_user"):
            return handler._jupyterhub_user  # asked before, in this request
        token = self.hub_auth.get_token(handler, in_cookie=False)
        if token is not None and token.startswith(TOKEN_PREFIX):
            return await self._holder_of(handler, token)
        user = await super().get_user(handler)
        if user is None or user.hub_user.get("kind") != "user":
            return user
        access = await self.access.of(user.username)
        if access.role is not None and not access.covers(user.hub_user.get("session_id")):
            return None  # the session was ended elsewhere: sign in again
        if access.role is not None:
            user.name = user.display_name = access.display_name
            return user
        self._refuse(handler, NO_MEMBER)
        return None

    async def _holder_of(self, handler: JupyterHandler, token: str) -> JupyterHubUser | None:
        """Return whose personal access token a request carries; what it is good for is the authorizer's question."""
        key = token_key(token)
        access = await self.access.of(key)
        if not access.user_name:
            self._patch_get_login_url(handler)
            setattr(handler, "_jupyterhub_user", None)  # noqa: B010 - as below
            return None
        if access.role is None or READ not in access.capabilities:
            scopes = "This token lacks the scope “read”, which a project's server needs."
            self._refuse(handler, NO_MEMBER if access.role is None else scopes)
            return None
        user = JupyterHubUser({"kind": "user", "name": access.user_name, "scopes": [], "access_key": key})
        user.name = user.display_name = access.display_name
        # No cookie signs in, so that no other site can have sent the request: upstream's marks for that.
        setattr(handler, "_token_authenticated", True)  # noqa: B010
        setattr(handler, "_jupyterhub_user", user)  # noqa: B010
        return user

    @staticmethod
    def _refuse(handler: JupyterHandler, why: str) -> None:
        def refuse(*_args: object, **_kwargs: object) -> None:
            raise HTTPError(403, why)

        # A redirect to the sign-in page would lead straight back here: the person is signed in already.
        setattr(handler, "redirect", refuse)  # noqa: B010 - upstream's own way, on the one request
        setattr(handler, "_jupyterhub_user", None)  # noqa: B010 - where upstream remembers its answer


class ProjectAuthorizer(Authorizer):
    """Lets a member do what their role carries, on every resource of the server.

    Websockets that it lets through are guarded: they end when the right goes.
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.guard = SocketGuard()

    def is_authorized(self, handler: JupyterHandler, user: JupyterHubUser, action: str, resource: str) -> bool:
        """Return whether `user` may do `action` on `resource`."""
        if user.hub_user.get("kind") == "service":
            return True  # the platform itself, which holds the hub's scope for project servers
        needed = NEEDED.get(resource, {}).get(action)
        if needed is None:
            self.log.warning("refused: no rule for %s on %s", action, resource)
            return False
        client = getattr(self.identity_provider, "access", None)
        if not isinstance(client, AccessClient):
            return False
        access = client.known(user)
        is_allowed = needed in access.capabilities and access.covers(user.hub_user.get("session_id"))
        if is_allowed:
            self.guard.register(handler, action, resource)
        return is_allowed
