"""Real-time rooms of a project's server: documents that several people write in, and lose nothing of.

Speaks the protocol of jupyter-collaboration, so that its front-end packages work unchanged.
"""

from spawner.rooms.extension import RoomsExtension, _jupyter_server_extension_points

__all__ = ["RoomsExtension", "_jupyter_server_extension_points"]
