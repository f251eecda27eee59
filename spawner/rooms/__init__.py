"""Real-time rooms of a project's server: documents that several people write in, and lose nothing of.

Speaks the protocol of jupyter-collaboration, so that its front-end packages work unchanged.
"""

__all__ = ["_jupyter_server_extension_points"]


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    from spawner.rooms.extension import RoomsExtension  # not for who only reads the stores

    return [{"module": "spawner.rooms", "app": RoomsExtension}]
