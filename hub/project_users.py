"""Which user of the machine a project's code is."""

from __future__ import annotations

from hub.errors import UnavailableError
from hub.settings import Settings
from spawner import ConfinementError
from spawner import project_user_id as user_id_in


def project_user_id(settings: Settings, project_id: str) -> int:
    """Return the user id that a project's code has; 0 for the platform's own.

    Raises
    ------
    UnavailableError
        Projects must be isolated here, and cannot be.
    """
    try:
        return user_id_in(settings.isolate_projects, settings.projects_dir, project_id)
    except ConfinementError as error:
        raise UnavailableError(f"This cannot be done: {error}") from error
