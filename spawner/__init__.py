"""How a project's server is started, as a process of this machine or as a pod, and what its state tells without it."""

from typing import TYPE_CHECKING

from spawner.confinement import RESULTS_FOLDER, USER_ID_VARIABLE, ConfinementError, confine_as_told
from spawner.local import LocalProjectSpawner, fork_server, isolation_problem, project_user_id

if TYPE_CHECKING:
    from spawner.rooms.confined_reading import ConfinedState

__all__ = [
    "RESULTS_FOLDER",
    "USER_ID_VARIABLE",
    "ConfinedState",
    "ConfinementError",
    "LocalProjectSpawner",
    "confine_as_told",
    "fork_server",
    "isolation_problem",
    "project_user_id",
]


def __getattr__(name: str) -> object:
    if name == "ConfinedState":  # its libraries are not for the hub, which starts servers and reads no documents
        from spawner.rooms.confined_reading import ConfinedState

        return ConfinedState
    raise AttributeError(name)
