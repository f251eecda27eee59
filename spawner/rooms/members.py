"""What the person behind a connection may do now, asked through Jupyter Server's identity and authorization seams."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import JupyterHandler

from spawner.access import AccessClient
from spawner.rooms.awareness import Person

RESOURCE = "contents"


@dataclass(frozen=True)
class Rights:
    """What somebody may do with the project's documents."""

    read: bool
    write: bool


async def rights_of(handler: JupyterHandler) -> Rights:
    """Return the rights of the user of `handler` now, not at the time of its request."""
    user = handler.current_user
    access = getattr(handler.identity_provider, "access", None)
    if isinstance(access, AccessClient) and user.hub_user.get("kind") == "user":
        await access.of_user(user)  # so that the authorizer knows of today
    answers = [
        bool(await ensure_async(handler.authorizer.is_authorized(handler, user, action, RESOURCE)))
        for action in ("read", "write")
    ]
    return Rights(*answers)


def person_of(handler: JupyterHandler) -> Person:
    """Return the authenticated user of `handler` as shown to others."""
    user = handler.current_user
    return Person(user.username, user.display_name or user.name or user.username)
