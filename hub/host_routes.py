"""The hub's proxy where each project has a host of its own: routes are of one host each.

JupyterHub goes on to name its routes by paths. The route of a project's server becomes the project's whole host, every
other one a path of the platform's host; what belongs to neither goes to the default of the proxy, the platform
service, which says in words that nothing is there.
"""

from __future__ import annotations

import re

from jupyterhub.proxy import ConfigurableHTTPProxy
from traitlets import Unicode

SERVER_ROUTE = re.compile(r"/user/projects/([a-z0-9-]+)/")


class HostRoutes(ConfigurableHTTPProxy):  # type: ignore[misc]
    """Client of a proxy that was started with `--host-routing`."""

    platform_host = Unicode(help="Host of the platform's own pages, without a port.").tag(config=True)
    wildcard_domain = Unicode(help="Domain below which each project has a host.").tag(config=True)

    def _routespec_to_chp_path(self, routespec: str) -> str:
        if match := SERVER_ROUTE.fullmatch(routespec):
            return f"/{match[1]}.{self.wildcard_domain}"
        path: str = super()._routespec_to_chp_path(routespec)
        return f"/{self.platform_host}{path}".rstrip("/")

    def _routespec_from_chp_path(self, chp_path: str) -> str:
        host, _, path = chp_path.removeprefix("/").partition("/")
        label, _, rest = host.partition(".")
        if not path and rest == self.wildcard_domain and host != self.platform_host:
            return f"/user/projects/{label}/"
        return str(super()._routespec_from_chp_path(f"/{path}" if host == self.platform_host else chp_path))
