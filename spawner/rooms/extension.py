"""The rooms as an extension of Jupyter Server, in the place of jupyter-collaboration's."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from pathlib import Path
from typing import Any

from jupyter_core.paths import is_hidden
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.extension.application import ExtensionApp
from tornado.web import HTTPError
from traitlets import Float, Int, List, Unicode

from spawner.rooms.events import Events
from spawner.rooms.execution.collection import keep_collecting
from spawner.rooms.execution.executor import Executor
from spawner.rooms.execution.handlers import (
    AnswerHandler,
    ExecuteHandler,
    InputHandler,
    QueueHandler,
    RequestHandler,
    ResultHandler,
    RunHandler,
)
from spawner.rooms.execution.large_outputs import LargeOutputs
from spawner.rooms.execution.output_handlers import OutputHandler, StreamHandler
from spawner.rooms.execution.output_store import OutputStore
from spawner.rooms.handlers import RoomSocket, SessionHandler
from spawner.rooms.history_handlers import BlameHandler, DiffHandler, ExportHandler, HistoryHandler, RestoreHandler
from spawner.rooms.page_handlers import EventsSocket, SignedInHandler, StatusHandler
from spawner.rooms.registry import Registry, lock_folder
from spawner.rooms.snapshots.handlers import (
    SnapshotFileHandler,
    SnapshotFolderHandler,
    SnapshotRestoreHandler,
    SnapshotSearchHandler,
    SnapshotsHandler,
)
from spawner.rooms.snapshots.retention import Keep
from spawner.rooms.snapshots.service import Snapshots
from spawner.rooms.snapshots.store import EXCLUDED, Limits, SnapshotStore
from spawner.rooms.talk.handlers import (
    ActivityHandler,
    ChatHandler,
    ChatMessageHandler,
    CommentHandler,
    CommentsHandler,
    MembersHandler,
    ThreadHandler,
)
from spawner.rooms.talk.platform import PlatformClient
from spawner.rooms.talk.service import Talk
from spawner.rooms.talk.store import TalkStore

log = logging.getLogger("collegium.rooms")
RECHECK_SECONDS = 1.0
STOP_SECONDS = 4.0
SWITCH_SECONDS = 0.001  # edits pass while another thread saves: the loop waits for it so long at most
Route = tuple[str, type[JupyterHandler], dict[str, object]]
ACCESS_URL_VARIABLE = "COLLEGIUM_ACCESS_URL"
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
    outputs_kept_days = Float(
        30.0,
        config=True,
        help="How many days a large output is kept after no document shows it any more: moments of the past beyond "
        "that show a link in its place.",
    )
    snapshots_kept = List(
        [24, 14, 7, 4],
        config=True,
        help="How many snapshots are kept: of the newest, and one each of so many days, weeks and months.",
    )
    snapshots_excluded = List(
        list(EXCLUDED), config=True, help="Patterns of names of files and folders that snapshots leave out."
    )
    snapshot_file_bytes = Int(500_000_000, config=True, help="Files larger than this are not in snapshots.")
    snapshot_interval_seconds = Float(
        1800.0, config=True, help="How often a snapshot is taken when files have changed without being saved; 0: never."
    )

    def initialize_handlers(self) -> None:
        """Open the rooms for connections."""
        assert self.serverapp is not None
        sys.setswitchinterval(SWITCH_SECONDS)
        root = Path(self.serverapp.contents_manager.root_dir)
        self._claim = lock_folder(root)
        state_dir = Path(self.state_dir) if self.state_dir else root / ".jupyter" / "rooms"
        self.events = Events()
        self._stores = state_dir
        self.outputs = OutputStore(state_dir / "outputs")
        large = LargeOutputs(self.outputs, self.serverapp.base_url)
        self.registry = Registry(state_dir, self._locate, self.idle_seconds, self.events, large)
        self.executor = Executor(self.serverapp, self.registry, self.events, large)
        self.talk = Talk(TalkStore(state_dir / "talk.db"), self.events)
        store = SnapshotStore(state_dir / "snapshots", Keep(*self.snapshots_kept))
        limits = Limits(self.snapshot_file_bytes, excluded=tuple(self.snapshots_excluded))
        self.snapshots = Snapshots(store, root, limits, self.snapshot_interval_seconds, self.events)
        self.sockets: set[RoomSocket | EventsSocket] = set()
        page = self.serverapp.web_app.settings.setdefault("page_config_data", {})
        page.setdefault("disableRTC", False)
        page.setdefault("serverSideExecution", True)
        page.setdefault("disabledExtensions", {}).update(dict.fromkeys(PARTS_NOT_SERVED, True))
        self.handlers.extend(self._document_handlers() + self._execution_handlers())
        self.handlers.extend(self._talk_handlers() + self._snapshot_handlers())
        self.serverapp.io_loop.add_callback(self._start)

    async def stop_extension(self) -> None:
        """Save everything; what cannot be saved in time is in the store and comes back with the next start."""
        self._rechecking.cancel()
        self._collecting.cancel()
        self.snapshots.close()
        await self.executor.close()
        try:
            await asyncio.wait_for(self.registry.close(), STOP_SECONDS)
        except TimeoutError:
            log.error("not all documents could be saved in %s s; their edits are in the store", STOP_SECONDS)
        for socket in tuple(self.sockets):
            socket.close(1001, "the server stops")

    def _document_handlers(self) -> list[Route]:
        given: dict[str, object] = {"registry": self.registry}
        sockets, past = {**given, "sockets": self.sockets}, {**given, "talk": self.talk}
        base = "/api/collaboration"
        return [
            (rf"{base}/room/(.*)", RoomSocket, {**sockets, "talk": self.talk}),
            (rf"{base}/session/(.*)", SessionHandler, given),
            (rf"{base}/history/(.*)", HistoryHandler, past),
            (rf"{base}/diff/(.*)", DiffHandler, past),
            (rf"{base}/blame/(.*)", BlameHandler, past),
            (rf"{base}/restore/(.*)", RestoreHandler, past),
            (rf"{base}/export/(.*)", ExportHandler, past),
            (rf"{base}/status/(.*)", StatusHandler, given),
            (rf"{base}/signed-in", SignedInHandler, {}),
            (rf"{base}/events", EventsSocket, {**sockets, "events": self.events}),
            (rf"{base}/outputs/([0-9a-f]+)", OutputHandler, {"outputs": self.outputs}),
            (rf"{base}/streams/([0-9a-f-]+)", StreamHandler, {"outputs": self.outputs}),
        ]

    def _talk_handlers(self) -> list[Route]:
        given: dict[str, object] = {"talk": self.talk}
        base = "/api/collaboration"
        return [
            (rf"{base}/comments", CommentsHandler, given),
            (rf"{base}/comments/(\d+)", ThreadHandler, given),
            (rf"{base}/comments/(\d+)/(\d+)", CommentHandler, given),
            (rf"{base}/chat", ChatHandler, given),
            (rf"{base}/chat/(\d+)", ChatMessageHandler, given),
            (rf"{base}/activity", ActivityHandler, given),
            (rf"{base}/members", MembersHandler, given),
        ]

    def _snapshot_handlers(self) -> list[Route]:
        given: dict[str, object] = {"snapshots": self.snapshots, "talk": self.talk}
        base = "/api/collaboration/snapshots"
        return [
            (base, SnapshotsHandler, given),
            (rf"{base}/search", SnapshotSearchHandler, given),
            (rf"{base}/(\d+)", SnapshotFolderHandler, given),
            (rf"{base}/(\d+)/file/(.+)", SnapshotFileHandler, given),
            (rf"{base}/(\d+)/restore", SnapshotRestoreHandler, given),
        ]

    def _execution_handlers(self) -> list[Route]:
        given: dict[str, object] = {"executor": self.executor}
        kernel, request = r"/api/kernels/([\w-]+)", r"([\w-]+)"
        base = "/api/collaboration"
        return [
            (rf"{kernel}/execute", ExecuteHandler, given),
            (rf"{kernel}/input", InputHandler, given),
            (rf"{kernel}/requests/{request}", RequestHandler, given),
            (rf"{base}/run/(.*)", RunHandler, given),
            (rf"{base}/queue/(.*)", QueueHandler, given),
            (rf"{base}/input/(.*)", AnswerHandler, given),
            (rf"{base}/requests/{request}", ResultHandler, given),
        ]

    def _start(self) -> None:
        assert self.serverapp is not None
        gc.freeze()  # what is loaded stays: while it is looked through for garbage, every edit waits 50 to 100 ms
        self.snapshots.start()
        hub = getattr(self.serverapp.identity_provider, "hub_auth", None)
        address = os.environ.get(ACCESS_URL_VARIABLE, "")
        if hub is not None and address:
            self.talk.platform = PlatformClient(address.removesuffix("/access"), hub.api_token)
        self._rechecking = asyncio.create_task(self._recheck_rights())
        self._collecting = asyncio.create_task(keep_collecting(self.outputs, self._stores, self.outputs_kept_days))

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
