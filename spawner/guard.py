"""Ends open websockets (kernels, terminals, events) of people who have lost the right to them."""

from __future__ import annotations

import asyncio
import logging
from weakref import WeakKeyDictionary

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import JupyterHandler
from tornado.websocket import WebSocketHandler

from spawner.access import AccessClient

log = logging.getLogger("collegium.guard")
RECHECK_SECONDS = 1.0
POLICY_VIOLATION = 1008


class SocketGuard:
    """Remembers for which right each websocket was opened, and asks for it again every second.

    The authorizer registers a socket when it lets it through, so that no kind of socket can be forgotten.
    """

    def __init__(self) -> None:
        self._sockets: WeakKeyDictionary[WebSocketHandler, set[tuple[str, str]]] = WeakKeyDictionary()

    def register(self, handler: JupyterHandler, action: str, resource: str) -> None:
        """Remember what a request was allowed for, when it opens a websocket."""
        if isinstance(handler, WebSocketHandler):
            self._sockets.setdefault(handler, set()).add((action, resource))

    async def watch(self) -> None:
        """Recheck until cancelled."""
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            for handler, rights in list(self._sockets.items()):
                try:
                    await self._recheck(handler, rights)
                except Exception:
                    # one broken connection must not keep the others open
                    log.exception("a connection could not be rechecked; it is ended")
                    _end(handler)

    async def _recheck(self, handler: WebSocketHandler, rights: set[tuple[str, str]]) -> None:
        if handler.ws_connection is None:
            return  # not open yet, or not any more
        assert isinstance(handler, JupyterHandler)
        user = handler.current_user
        access = getattr(handler.identity_provider, "access", None)
        if user is None or not isinstance(access, AccessClient) or user.hub_user.get("kind") != "user":
            return
        await access.of_user(user)  # so that the authorizer knows of today
        for action, resource in rights:
            if not await ensure_async(handler.authorizer.is_authorized(handler, user, action, resource)):
                log.info("ending a connection of %s, who may not %s %s any more", user.username, action, resource)
                _end(handler)
                return


def _end(handler: WebSocketHandler) -> None:
    handler.close(POLICY_VIOLATION, "Your rights in this project have changed.")
