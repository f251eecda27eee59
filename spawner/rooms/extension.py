"""The rooms as an extension of Jupyter Server, in the place of jupyter-collaboration's."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

from jupyter_core.paths import is_hidden
from jupyter_server.extension.application import ExtensionApp
from tornado.web import HTTPError
from traitlets import Float, Unicode

from spawner.rooms.handlers import RoomSocket, SessionHandler
from spawner.rooms.history_handlers import HistoryHandler
from spawner.rooms.registry import Registry, lock_folder

log = logging.getLogger("collegium.rooms")
RECHECK_SECONDS = 1.0
STOP_SECONDS = 4.0
PARTS_NOT_SERVED = ("@jupyter/docprovider-extension:statusBarTimeline",)


class RoomsExtension(ExtensionApp):
    """Real-time collaboration that stores every edit."""

    name = "collegium_rooms"
    app_name = "Rooms"
    description = "Real-time collaboration that loses nothing"

    state_dir = Unicode(
        config=True, help="Folder for the documents' edits and their history; outside of the project's files."
    )
    idle_seconds = Float(60.0, config=True, help="How long a document stays in memory after everybody has left.")

    def initialize_handlers(self) -> None:
        """Open the rooms for connections."""
        assert self.serverapp is not None
        root = Path(self.serverapp.contents_manager.root_dir)
        self._claim = lock_folder(root)
        state_dir = Path(self.state_dir) if self.state_dir else root / ".jupyter" / "rooms"
        self.registry = Registry(state_dir, self._locate, self.idle_seconds)
        self.sockets: set[RoomSocket] = set()
        page = self.serverapp.web_app.settings.setdefault("page_config_data", {})
        page.setdefault("disableRTC", False)
        page.setdefault("serverSideExecution", False)
        page.setdefault("disabledExtensions", {}).update(dict.fromkeys(PARTS_NOT_SERVED, True))
        given = {"registry": self.registry}
        self.handlers.extend(
            [
                (r"/api/collaboration/room/(.*)", RoomSocket, {**given, "sockets": self.sockets}),
                (r"/api/collaboration/session/(.*)", SessionHandler, given),
                (r"/api/collaboration/history/(.*)", HistoryHandler, given),
            ]
        )
        self.serverapp.io_loop.add_callback(self._start)

    async def stop_extension(self) -> None:
        """Save everything; what cannot be saved in time is in the store and comes back with the next start."""
        self._rechecking.cancel()
        try:
            await asyncio.wait_for(self.registry.close(), STOP_SECONDS)
        except TimeoutError:
            log.error("not all documents could be saved in %s s; their edits are in the store", STOP_SECONDS)
        for socket in tuple(self.sockets):
            socket.close(1001, "the server stops")

    def _start(self) -> None:
        self._rechecking = asyncio.create_task(self._recheck_rights())

    async def _recheck_rights(self) -> None:
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            results = await asyncio.gather(
                *(socket.recheck() for socket in tuple(self.sockets)), return_exceptions=True
            )
            for error in results:
                if isinstance(error, BaseException):
                    log.error("a member's rights could not be checked: %r", error)

    def _locate(self, file_id: str) -> tuple[str, Path | None]:
        assert self.serverapp is not None
        manager: Any = self.serverapp.contents_manager
        path = self.serverapp.web_app.settings["file_id_manager"].get_path(file_id)
        if path is None:
            return "", None
        try:
            found = manager._get_os_path(path.strip("/"))
        except HTTPError:
            return path, None  # outside of the project's folder
        if is_hidden(found, manager.root_dir) and not manager.allow_hidden:
            return path, None
        return path, Path(found)


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    return [{"module": "spawner.rooms", "app": RoomsExtension}]
