"""Which user of the machine a project's code is."""

from __future__ import annotations

from hub.errors import UnavailableError
from hub.settings import Settings
from spawner import isolation_problem, user_id_of


def project_user_id(settings: Settings, project_id: str) -> int:
    """Return the user id that a project's code has; 0 for the platform's own.

    Raises
    ------
    UnavailableError
        Projects must be isolated here, and cannot be.
    """
    if settings.isolate_projects == "off":
        return 0
    if reason := isolation_problem():
        if settings.isolate_projects == "require":
            raise UnavailableError(f"What is a project's must be isolated here, and {reason}.")
        return 0
    return user_id_of(settings.projects_dir, project_id)
