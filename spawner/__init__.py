"""How a project's server is started, as a process of this machine or as a pod, and what its state tells without it."""

from typing import TYPE_CHECKING

from spawner.local import LocalProjectSpawner, isolation_problem

if TYPE_CHECKING:
    from spawner.rooms.reading import ProjectState

__all__ = ["LocalProjectSpawner", "ProjectState", "isolation_problem"]


def __getattr__(name: str) -> object:
    if name == "ProjectState":  # its libraries are not for the hub, which starts servers and reads no documents
        from spawner.rooms.reading import ProjectState

        return ProjectState
    raise AttributeError(name)
