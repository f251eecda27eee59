"""Where a project's server is reached: at a path of the platform's origin, or at a host of its own.

With `wildcard_domain`, code of one project (outputs, extensions, served files) is in another origin than the platform
and every other project: browsers give its scripts neither the person's cookies nor answers from there.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from hub.settings import Settings

PROJECT_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,28}[a-z0-9])?")


def platform_origin(settings: Settings) -> str:
    """Return the origin of the platform's own pages."""
    parts = urlsplit(settings.public_url)
    return f"{parts.scheme}://{parts.netloc}"


def platform_host(settings: Settings) -> str:
    """Return the platform's own host as browsers name it: lower case, no port."""
    return urlsplit(settings.public_url).hostname or ""


def project_origin(settings: Settings, project_id: str = "{project}") -> str:
    """Return the origin of a project, empty where all share the platform's; without an id, the pattern of all."""
    if not settings.wildcard_domain:
        return ""
    parts = urlsplit(settings.public_url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{project_id}.{settings.wildcard_domain}{port}"


def origins_of_projects(settings: Settings) -> str:
    """Return the origins of all projects as a source of a Content-Security-Policy, empty where they have none."""
    return project_origin(settings, "*")


def server_address(settings: Settings, project_id: str, path: str) -> str:
    """Return where a project's server is reached.

    Parameters
    ----------
    settings
        Of the installation.
    project_id
        Whose server.
    path
        Its path at the platform's own origin, as the hub knows it.
    """
    origin = project_origin(settings, project_id)
    return f"{origin}/" if origin else path


def project_at(host: str, domain: str) -> str | None:
    """Return the project that a host belongs to, None when it is none's.

    Parameters
    ----------
    host
        Without a port.
    domain
        The wildcard domain.
    """
    label, dot, rest = host.lower().partition(".")
    return label if dot and rest == domain and PROJECT_ID.fullmatch(label) else None


def has_host_cookies(settings: Settings) -> bool:
    """Return whether cookies carry the prefix by which browsers keep them to one host, which TLS alone allows."""
    return bool(settings.wildcard_domain) and settings.public_url.startswith("https://")
