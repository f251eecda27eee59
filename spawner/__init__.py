"""How a project's server is started: as a process of this machine, or as a pod."""

from spawner.local import LocalProjectSpawner

__all__ = ["LocalProjectSpawner"]
