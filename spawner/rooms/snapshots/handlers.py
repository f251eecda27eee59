"""Snapshots over HTTP."""

from __future__ import annotations

import json
import mimetypes
from pathlib import PurePosixPath

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from spawner.rooms.members import RESOURCE
from spawner.rooms.snapshots import browse
from spawner.rooms.snapshots.service import Snapshots, model
from spawner.rooms.snapshots.store import Entry
from spawner.rooms.talk.service import Talk

SEARCH_LIMIT = 1000


class SnapshotHandler(APIHandler):
    """Base of the handlers of snapshots."""

    auth_resource = RESOURCE

    def initialize(self, snapshots: Snapshots, talk: Talk) -> None:
        """Take over the snapshots."""
        self.snapshots = snapshots
        self.talk = talk

    async def files(self, snapshot: str) -> dict[str, Entry]:
        """Return the files of a snapshot, or answer 404."""
        try:
            return await self.snapshots.run(lambda: self.snapshots.store.files(int(snapshot)))
        except KeyError:
            raise web.HTTPError(404, f"There is no snapshot {snapshot}.") from None


class SnapshotsHandler(SnapshotHandler):
    """`snapshots`."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """Return all snapshots."""
        found = await self.snapshots.run(self.snapshots.store.all)
        await self.finish(json.dumps({"snapshots": [model(each) for each in found]}))

    @web.authenticated
    @authorized("write", RESOURCE)  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        """Take one now."""
        taken = await self.snapshots.take("asked", self.current_user.username)
        assert taken is not None
        await self.talk.note(self.current_user.username, "snapshot", "")
        self.set_status(201)
        await self.finish(json.dumps(model(taken)))


class SnapshotFolderHandler(SnapshotHandler):
    """`snapshots/<id>?folder=`."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self, snapshot: str) -> None:
        """Return what is in a folder."""
        path = self.get_query_argument("folder", "").strip("/")
        try:
            entries = browse.folder(await self.files(snapshot), path)
        except KeyError:
            raise web.HTTPError(404, f"The snapshot has no folder {path!r}.") from None
        await self.finish(json.dumps({"folder": path, "entries": entries}))


class SnapshotSearchHandler(SnapshotHandler):
    """`snapshots/search?query=`."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """Return files by name."""
        query, limit = self.get_query_argument("query", ""), self.get_query_argument("limit", "100")
        if not query or not limit.isdigit():
            raise web.HTTPError(400, "`query` is a part of a name, `limit` a number.")
        many = min(int(limit), SEARCH_LIMIT)
        found = await self.snapshots.run(lambda: browse.search(self.snapshots.store, query, many))
        await self.finish(json.dumps({"found": found}))


class SnapshotFileHandler(SnapshotHandler):
    """`snapshots/<id>/file/<path>`."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self, snapshot: str, path: str) -> None:
        """Send a file as it was."""
        entry = (await self.files(snapshot)).get(path)
        if entry is None:
            raise web.HTTPError(404, f"The snapshot has no file {path!r}.")
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        self.set_attachment_header(PurePosixPath(path).name)
        self.set_header("Content-Type", kind)
        pieces = self.snapshots.store.content(entry)
        while (piece := await self.snapshots.run(lambda: next(pieces, None))) is not None:
            self.write(piece)
            await self.flush()
        await self.finish(set_content_type=kind)


class SnapshotRestoreHandler(SnapshotHandler):
    """`snapshots/<id>/restore`."""

    @web.authenticated
    @authorized("write", RESOURCE)  # type: ignore[untyped-decorator]
    async def post(self, snapshot: str) -> None:
        """Restore files; what is there now is in a snapshot of its own first."""
        body, name = self.get_json_body() or {}, self.current_user.username
        paths, to = body.get("paths"), PurePosixPath(str(body.get("to") or ""))
        if paths is not None and not (isinstance(paths, list) and all(isinstance(path, str) for path in paths)):
            raise web.HTTPError(400, "`paths` is a list of paths, or null for all files.")
        if to.is_absolute() or ".." in to.parts:
            raise web.HTTPError(400, "`to` is a folder of the project.")
        wanted = None if paths is None else [path.strip("/") for path in paths]
        await self.files(snapshot)
        before = await self.snapshots.take("asked", name)
        service, root = self.snapshots, self.snapshots.root / to
        done, failed = await service.run(lambda: service.store.restore(int(snapshot), root, wanted))
        if not done and not failed:
            raise web.HTTPError(404, "The snapshot has none of these files.")
        detail = done[0] if len(done) == 1 else f"{len(done)} files"
        await self.talk.note(name, "restore", done[0] if len(done) == 1 else "", f"{detail} of snapshot {snapshot}")
        reasons = [{"path": path, "reason": reason} for path, reason in failed.items()]
        told = {"restored": done, "snapshot": before.id if before else None, "failed": reasons}
        await self.finish(json.dumps(told))
