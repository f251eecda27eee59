"""One kernel for a document, also when several people open it at the same moment."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_server.services.sessions.sessionmanager import KernelName, ModelName, SessionManager


class SharedSessions(SessionManager):
    """Jupyter's sessions, where a document that has one gets no second.

    Jupyter looks for a session before it starts a kernel, and notes it afterwards: of two people who open a notebook
    together each would get a kernel, and neither would see the other's variables.
    """

    async def create_session(
        self,
        path: str | None = None,
        name: ModelName | None = None,
        type: str | None = None,
        kernel_name: KernelName | None = None,
        kernel_id: str | None = None,
    ) -> dict[str, Any]:
        """Return the session of a path, begun when there is none."""
        known: Any = self  # typed only in parts
        locks: dict[str | None, asyncio.Lock] = self.__dict__.setdefault("_of_paths", {})
        async with locks.setdefault(path, asyncio.Lock()):
            found: dict[str, Any]
            if kernel_id is None and await known.session_exists(path=path):
                found = await known.get_session(path=path)
            else:
                found = await super().create_session(path, name, type, kernel_name, kernel_id)
            return found
