"""One kernel for a document, however many people open it at the same moment."""

from __future__ import annotations

import asyncio
import contextlib
import re
from posixpath import dirname, join
from typing import Any

from jupyter_server.services.sessions.sessionmanager import KernelName, ModelName, SessionManager
from tornado.web import HTTPError

REQUEST = re.compile(r"(?:.*/)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class SharedSessions(SessionManager):
    """Jupyter's sessions, where a document that has a kernel gets no second.

    Jupyter looks for a session before it starts a kernel, and notes it afterwards: of two people who open a notebook
    together each would get a kernel, and neither would see the other's variables. JupyterLab asks for a session by a
    path of its own making (the notebook's folder and a UUID, with the notebook's name beside it) and gives it the
    notebook's path when it has begun: such a session is a second one, with the kernel of the first.
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
        document = document_of(path, name)
        locks: dict[str | None, asyncio.Lock] = self.__dict__.setdefault("_of_documents", {})
        async with locks.setdefault(document, asyncio.Lock()):
            there = await self._session_of(document) if kernel_id is None else None
            if there is not None and there["path"] == path:
                return there
            if there is not None:
                kernel_id = there["kernel"]["id"]
            made: dict[str, Any] = await super().create_session(path, name, type, kernel_name, kernel_id)
            self._begun[document] = made["id"]
            return made

    async def delete_session(self, session_id: str) -> None:
        """End a session and its kernel; one that was given up before it had its path leaves others their kernel."""
        known: Any = self
        found = await known.get_session(session_id=session_id)
        sessions = await known.list_sessions()
        is_shared = any(each["id"] != session_id and each["kernel"]["id"] == found["kernel"]["id"] for each in sessions)
        if is_shared and REQUEST.fullmatch(found["path"]):
            self.cursor.execute("DELETE FROM session WHERE session_id=?", (session_id,))
            return
        await super().delete_session(session_id)  # type: ignore[no-untyped-call]

    @property
    def _begun(self) -> dict[str | None, str]:
        """The last session that was begun for each document."""
        found: dict[str | None, str] = self.__dict__.setdefault("_last_begun", {})
        return found

    async def _session_of(self, document: str | None) -> dict[str, Any] | None:
        known: Any = self  # typed only in parts
        found: dict[str, Any]
        if await known.session_exists(path=document):
            found = await known.get_session(path=document)
            return found
        if document in self._begun:
            with contextlib.suppress(HTTPError, KeyError):  # it has ended
                found = await known.get_session(session_id=self._begun[document])
                if REQUEST.fullmatch(found["path"]):  # it has not been given the document's path yet
                    return found
        return None


def document_of(path: str | None, name: str | None) -> str | None:
    """Return the path of the document that a session is asked for."""
    return join(dirname(path), name) if path and name and REQUEST.fullmatch(path) else path
