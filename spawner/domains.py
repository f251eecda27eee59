"""A project's server in an origin of its own: its addresses, cookies and sign-in there, not in the platform's.

JupyterHub knows domains for users, and one user has all project servers here. Its names of routes stay as they are; the
hub's proxy sends each project's host to its server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traitlets import Unicode
from traitlets.config import Configurable

if TYPE_CHECKING:
    from jupyterhub.spawner import Spawner as _Spawner
else:
    _Spawner = Configurable  # JupyterHub takes every subclass of its Spawner for a whole one

PLATFORM_VARIABLE = "COLLEGIUM_PLATFORM_ORIGIN"  # set where servers have origins of their own
CALLBACK = "/oauth_callback"


class OwnDomain(_Spawner):  # type: ignore[misc]
    """Mixin of spawners: `https://<project>.<domain>/` where such a domain is set, else nothing changes."""

    project_origin = Unicode(
        help="Origin of a project, with {project} in the place of its id. Empty: all share the platform's."
    ).tag(config=True)
    platform_origin = Unicode(help="Origin of the platform's own pages, where people sign in.").tag(config=True)

    @property
    def origin(self) -> str:
        """This project's origin, empty where all share one."""
        return str(self.project_origin).replace("{project}", str(self.name))

    def move_to_domain(self) -> None:
        """Have the server answer at the root of its own host, and sign people in there only; before its environment."""
        if not self.origin:
            return
        self.server.base_url = "/"
        self.orm_spawner.oauth_client.redirect_uri = self.origin + CALLBACK
        self.db.commit()

    def get_env(self) -> dict[str, str]:
        """Return the server's environment, with its addresses."""
        env: dict[str, str] = super().get_env()
        if self.origin:
            env |= {
                PLATFORM_VARIABLE: self.platform_origin,
                "JUPYTERHUB_HOST": self.platform_origin,
                "JUPYTERHUB_OAUTH_CALLBACK_URL": self.origin + CALLBACK,
                "JUPYTERHUB_PUBLIC_URL": self.origin + "/",
                "JUPYTERHUB_PUBLIC_HUB_URL": self.platform_origin + "/hub/",
            }
        return env
