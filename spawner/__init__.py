"""How a project's server is started, as a process of this machine or as a pod, and what its state tells without it."""

from typing import TYPE_CHECKING

from spawner.confinement import RESULTS_FOLDER, USER_ID_VARIABLE, confine_as_told, user_id_of
from spawner.local import LocalProjectSpawner, isolation_problem

if TYPE_CHECKING:
    from spawner.rooms.reading import ProjectState

__all__ = [
    "RESULTS_FOLDER",
    "USER_ID_VARIABLE",
    "LocalProjectSpawner",
    "ProjectState",
    "confine_as_told",
    "isolation_problem",
    "user_id_of",
]


def __getattr__(name: str) -> object:
    if name == "ProjectState":  # its libraries are not for the hub, which starts servers and reads no documents
        from spawner.rooms.reading import ProjectState

        return ProjectState
    raise AttributeError(name)
