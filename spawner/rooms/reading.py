"""What a project's state tells without its server: the past of documents, comments, chat, activity, snapshots."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from spawner.rooms import past
from spawner.rooms.files import FileFormat
from spawner.rooms.snapshots import browse
from spawner.rooms.snapshots.service import model
from spawner.rooms.snapshots.store import Entry, SnapshotStore
from spawner.rooms.talk.store import Model, TalkStore


class ProjectState:
    """Reads the state of one project. Blocks: for use on threads.

    Every method raises `KeyError` when what is asked for is not there.

    Parameters
    ----------
    files
        The project's files.
    state
        The state of its server.
    root
        The project's files as its server sees them, where that is another path.
    """

    def __init__(self, files: Path, state: Path, root: Path | None = None) -> None:
        self._roots = (files, root or files)
        self._state = state
        self._rooms = state / "rooms"
        self._ids = state / "file_id.sqlite"

    def history(self, path: str) -> Model:
        """Return the revisions of a document, the oldest first."""
        store, _ = self._document(path)
        with self._talk() as talk:
            users = talk.names() if talk else {}
        return {"revisions": [vars(each) for each in past.listing(store)], "users": users}

    def revision(self, path: str, number: int) -> Model:
        """Return the content of a document at a revision."""
        store, file_format = self._document(path)
        content = past.content_at(store, file_format, number)
        kind = {"format": file_format.file_format, "type": file_format.content_type}
        return {"revision": number, **kind, "content": content}

    def difference(self, path: str, start: int, end: int) -> Model:
        """Return what changed in a document from one revision to another."""
        store, file_format = self._document(path)
        return past.difference(store, file_format, start, end)

    def comments(self, path: str = "") -> list[Model]:
        """Return the threads of a document, or of all."""
        with self._talk() as talk:
            if talk is None:
                return []
            return talk.threads(self._file_id(path) if path else None)

    def chat(self, before: int | None, limit: int) -> list[Model]:
        """Return messages of the chat, the oldest first."""
        with self._talk() as talk:
            return talk.chat(before, limit) if talk else []

    def activity(self, before: int | None, limit: int) -> list[Model]:
        """Return what happened, the newest first."""
        with self._talk() as talk:
            return talk.activity(before, limit) if talk else []

    def snapshots(self) -> list[Model]:
        """Return the snapshots, the newest first."""
        store = self._snapshots()
        return [model(each) for each in store.all()] if store else []

    def folder(self, snapshot: int, path: str) -> list[Model]:
        """Return what is in a folder of a snapshot."""
        return browse.folder(self._files_of(snapshot), path)

    def file(self, snapshot: int, path: str) -> bytes:
        """Return a file of a snapshot."""
        store = self._snapshots()
        if store is None:
            raise KeyError(snapshot)
        return b"".join(store.content(store.files(snapshot)[path]))

    def file_size(self, snapshot: int, path: str) -> int:
        """Return the bytes of a file of a snapshot."""
        return self._files_of(snapshot)[path].size

    def _files_of(self, snapshot: int) -> dict[str, Entry]:
        store = self._snapshots()
        if store is None:
            raise KeyError(snapshot)
        return store.files(snapshot)

    def _document(self, path: str) -> tuple[Path, FileFormat]:
        file_id = self._file_id(path)
        kinds = (("notebook", "json"),) if path.endswith(".ipynb") else ()
        for content_type, file_format in (*kinds, ("file", "text"), ("file", "base64")):
            store = self._rooms / f"{file_id}-{content_type}-{file_format}.sqlite"
            if self._is_own(store):
                return store, FileFormat(content_type, file_format, None)
        raise KeyError(path)

    def _file_id(self, path: str) -> str:
        if not self._is_own(self._ids):
            raise KeyError(path)
        with closing(_reading(self._ids)) as database:
            query = "SELECT id FROM Files WHERE path IN (?, ?, ?)"
            row = database.execute(query, (*(str(root / path) for root in self._roots), path)).fetchone()
        if row is None:
            raise KeyError(path)
        return str(row[0])

    @contextmanager
    def _talk(self) -> Iterator[TalkStore | None]:
        path = self._rooms / "talk.db"
        if not self._is_own(path):
            yield None
            return
        talk = TalkStore(path)
        try:
            yield talk
        finally:
            talk.close()

    def _snapshots(self) -> SnapshotStore | None:
        folder = self._rooms / "snapshots"
        there = self._is_own(folder / "snapshots.sqlite") and not (folder / "pieces").is_symlink()
        return SnapshotStore(folder) if there else None

    def _is_own(self, database: Path) -> bool:
        """Whether a database of the project's server is there, and no link leads away from it.

        Of use only while the project's code does not run; where it may, the reader must be confined.
        """
        beside = [Path(f"{database}{suffix}") for suffix in ("", "-wal", "-shm", "-journal")]
        above = [folder for folder in database.parents if folder.is_relative_to(self._state)]
        return database.is_file() and not any(path.is_symlink() for path in (*beside, *above))


def _reading(path: Path) -> Any:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
