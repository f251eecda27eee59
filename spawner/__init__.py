"""How a project's server is started, as a process of this machine or as a pod, and what its state tells without it."""

from typing import TYPE_CHECKING

from spawner.confinement import RESULTS_FOLDER, USER_ID_VARIABLE, confine_as_told, user_id_of
from spawner.local import LocalProjectSpawner, fork_server, isolation_problem

if TYPE_CHECKING:
    from spawner.rooms.confined_reading import ConfinedState

__all__ = [
    "RESULTS_FOLDER",
    "USER_ID_VARIABLE",
    "ConfinedState",
    "LocalProjectSpawner",
    "confine_as_told",
    "fork_server",
    "isolation_problem",
    "user_id_of",
]


def __getattr__(name: str) -> object:
    if name == "ConfinedState":  # its libraries are not for the hub, which starts servers and reads no documents
        from spawner.rooms.confined_reading import ConfinedState

        return ConfinedState
    raise AttributeError(name)
