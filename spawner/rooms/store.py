"""The durable edits of one document: what is acknowledged is in here, whatever happens to the process.

One SQLite database per document, so that damage stays with one document and a copy is one file.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spawner.rooms.errors import StoreDamagedError

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS updates (seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL, author TEXT, data BLOB);
CREATE TABLE IF NOT EXISTS revisions (
    n INTEGER PRIMARY KEY, began REAL, at REAL, author TEXT, edits INTEGER, data BLOB
);
CREATE TABLE IF NOT EXISTS checkpoints (n INTEGER PRIMARY KEY, bytes INTEGER, data BLOB);
"""
BUSY_SECONDS = 10.0


@dataclass(frozen=True)
class Edit:
    """One change of a document.

    Parameters
    ----------
    at
        Seconds since the epoch.
    author
        User name; empty for changes on disk; None for the server's own notes, which belong to the edits around them.
    data
        The Yjs update.
    """

    at: float
    author: str | None
    data: bytes


@dataclass(frozen=True)
class FileMark:
    """Which of the stored edits the file on disk contains.

    Parameters
    ----------
    file_hash
        SHA-256 of the file as it was last read or written, in hexadecimal.
    saved_seq
        The file contains all edits up to this one,
    also
        and these.
    intended_hash, intended_seq
        The same for a write that may or may not have happened.
    """

    file_hash: str
    saved_seq: int
    also: tuple[int, ...] = ()
    intended_hash: str = ""
    intended_seq: int = 0


@dataclass(frozen=True)
class Beginning:
    """What a history starts with.

    Parameters
    ----------
    state
        The state of the file as a Yjs update.
    at
        Seconds since the epoch.
    file_hash
        SHA-256 of the file.
    lineage
        The identity of the history.
    """

    state: bytes
    at: float
    file_hash: str
    lineage: str


class EditStore:
    """A document's database. Safe to use from several threads.

    Parameters
    ----------
    path
        The database file; its folder exists.
    beginning
        What a database begins with that is not there yet. It is made at the first use, so that nobody waits for it who
        only looks; before anything is stored in it in any case.

    Raises
    ------
    StoreDamagedError
        The file is no such database, or parts of it are unreadable.
    """

    def __init__(self, path: Path, beginning: Beginning | None = None) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._beginning = beginning
        if beginning is None:
            self._connection = self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, check_same_thread=False, timeout=BUSY_SECONDS)
        with _reporting(self.path):
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")  # acknowledged means on the disk, not in its cache
            connection.execute("PRAGMA journal_size_limit=65536")
            connection.executescript(SCHEMA)
        self._inode = self.path.stat().st_ino
        return connection

    @property
    def lineage(self) -> str:
        """The identity of this history: clients of another one cannot merge with it. Empty before `begin`."""
        beginning = self._beginning
        if beginning is not None:
            return beginning.lineage
        with self._reporting():
            return self._meta("lineage")

    @property
    def mark(self) -> FileMark:
        """What the file on disk contains."""
        with self._reporting():
            value = self._meta("mark")
            given: dict[str, Any] = json.loads(value) if value else {"file_hash": "", "saved_seq": 0, "also": []}
            return FileMark(**given | {"also": tuple(given["also"])})

    def begin(self, beginning: Beginning) -> None:
        """Start the history anew."""
        with self.writing() as database:
            self._begin(database, beginning)

    def _begin(self, database: sqlite3.Connection, beginning: Beginning) -> None:
        for table in ("updates", "revisions", "checkpoints", "meta"):
            database.execute(f"DELETE FROM {table}")  # noqa: S608 - names of this file
        self._set(database, "lineage", beginning.lineage)
        self._set_mark(database, FileMark(beginning.file_hash, 0))
        at, state = beginning.at, beginning.state
        database.execute("INSERT INTO revisions VALUES (0, ?, ?, '', 0, x'')", (at, at))
        database.execute("INSERT INTO checkpoints VALUES (0, ?, ?)", (len(state), zlib.compress(state, 1)))

    def _make(self) -> None:
        """Make the database if it has only been promised."""
        if self._beginning is None:
            return
        connection = self._connect()
        try:
            with connection:
                self._begin(connection, self._beginning)
        except BaseException:
            connection.close()
            raise
        self._connection, self._beginning = connection, None

    def append(self, edits: Sequence[Edit]) -> int:
        """Store edits durably; return the number of the last."""
        with self.writing() as database:
            database.executemany(
                "INSERT INTO updates (at, author, data) VALUES (?, ?, ?)", [(e.at, e.author, e.data) for e in edits]
            )
            return self._last(database)

    def append_outside(self, edit: Edit, file_hash: str) -> int:
        """Store a change that was made to the file, and that the file contains it; return its number."""
        mark = self.mark
        with self.writing() as database:
            database.execute(
                "INSERT INTO updates (at, author, data) VALUES (?, ?, ?)", (edit.at, edit.author, edit.data)
            )
            seq = self._last(database)
            self._set_mark(database, FileMark(file_hash, mark.saved_seq, (*mark.also, seq)))
            return seq

    def set_mark(self, mark: FileMark) -> None:
        """Note what the file contains, or is about to contain."""
        with self.writing() as database:
            self._set_mark(database, mark)

    def base(self) -> list[bytes]:
        """Return updates that together are the document as the file has it."""
        mark = self.mark
        return [*self.compacted(), *(data for seq, data in self.after(0) if seq <= mark.saved_seq or seq in mark.also)]

    def compacted(self) -> list[bytes]:
        """Return updates that together are the document at its newest revision."""
        with self._reporting():
            n, data = self._connection.execute("SELECT n, data FROM checkpoints ORDER BY n DESC LIMIT 1").fetchone()
            later = self._connection.execute("SELECT data FROM revisions WHERE n > ? ORDER BY n", (n,)).fetchall()
            return [zlib.decompress(data), *(zlib.decompress(row[0]) for row in later)]

    def after(self, seq: int) -> list[tuple[int, bytes]]:
        """Return the edits after number `seq` that are in no revision yet, with their numbers."""
        with self._reporting():
            rows = self._connection.execute("SELECT seq, data FROM updates WHERE seq > ? ORDER BY seq", (seq,))
            return [(row[0], row[1]) for row in rows]

    def intact(self) -> bool:
        """Return whether the database is still the file that it was opened as."""
        if self._beginning is not None:
            return True
        try:
            return self.path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def write_again(self) -> None:
        """Write the database into a new file; the old one has been deleted and is known to this connection alone."""
        with self._reporting():
            for rest in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + rest).unlink(missing_ok=True)
            connection = self._connect()
            self._connection.backup(connection)
            connection.execute("PRAGMA journal_mode=WAL")
            self._connection.close()
            self._connection = connection

    def close(self) -> None:
        """Close the database; its file holds everything."""
        with self._lock:
            if self._beginning is None:
                self._connection.close()

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        with self._lock, _reporting(self.path):
            self._make()
            yield

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the database for one transaction, which is durable when the block ends."""
        with self._reporting(), self._connection:
            yield self._connection

    def _meta(self, key: str) -> str:
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    @staticmethod
    def _last(database: sqlite3.Connection) -> int:
        row = database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'updates'").fetchone()
        return int(row[0]) if row else 0

    @staticmethod
    def _set(database: sqlite3.Connection, key: str, value: str) -> None:
        database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def _set_mark(self, database: sqlite3.Connection, mark: FileMark) -> None:
        self._set(database, "mark", json.dumps(mark.__dict__))


@contextmanager
def _reporting(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.DatabaseError, zlib.error, TypeError, ValueError) as error:
        if isinstance(error, sqlite3.OperationalError):
            raise  # disk full, locked: a state of the machine, not of the file
        raise StoreDamagedError(f"{path.name} is damaged: {error}") from error
