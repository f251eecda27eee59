"""Comments, chat and activity of a project in one SQLite database beside its documents' stores."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS people (username TEXT PRIMARY KEY, display_name TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS threads (
    id INTEGER PRIMARY KEY AUTOINCREMENT, file_id TEXT, path TEXT, cell_id TEXT, quote TEXT,
    resolved_by TEXT, created REAL, changed REAL
);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, thread INTEGER, author TEXT, text TEXT, at REAL, edited REAL,
    deleted INTEGER DEFAULT 0
);
CREATE INDEX IF NOT EXISTS messages_by_thread ON messages (thread, id);
CREATE TABLE IF NOT EXISTS activity (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL, user TEXT, kind TEXT, path TEXT, detail TEXT
);
"""
CHAT = 0  # the thread of the chat
MENTION = re.compile(r"(?<![\w@./])@([a-z0-9][a-z0-9._-]*[a-z0-9]|[a-z0-9])")
ACTIVITY_KEPT = 5000
Model = dict[str, object]


@dataclass(frozen=True)
class Place:
    """What a thread is about.

    Parameters
    ----------
    file_id, path
        The document; the id stays when it is renamed.
    cell_id
        The cell; empty for the document as a whole.
    quote
        The text that was selected.
    """

    file_id: str
    path: str
    cell_id: str = ""
    quote: str = ""


class TalkStore:
    """Reads and writes the database. Safe to use from several threads.

    Parameters
    ----------
    path
        The database file; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, timeout=10)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.executescript(SCHEMA)

    def meet(self, username: str, display_name: str) -> None:
        """Remember how somebody is called."""
        with self._writing() as database:
            database.execute("INSERT OR REPLACE INTO people VALUES (?, ?)", (username, display_name))

    def names(self) -> dict[str, str]:
        """Return the display names of everybody who was ever here."""
        with self._lock:
            return dict(tuple(row) for row in self._connection.execute("SELECT * FROM people"))

    def begin(self, place: Place, author: str, text: str, at: float) -> int:
        """Start a thread; return its id."""
        with self._writing() as database:
            row = (place.file_id, place.path, place.cell_id, place.quote, at, at)
            thread = database.execute(
                "INSERT INTO threads (file_id, path, cell_id, quote, created, changed) VALUES (?, ?, ?, ?, ?, ?)", row
            ).lastrowid
            assert thread is not None
            self._say(database, thread, author, text, at)
            return thread

    def reply(self, thread: int, author: str, text: str, at: float) -> int:
        """Add a message to a thread, or to the chat; return its id.

        Raises
        ------
        KeyError
            There is no such thread.
        """
        with self._writing() as database:
            if (
                thread != CHAT
                and not database.execute("UPDATE threads SET changed = ? WHERE id = ?", (at, thread)).rowcount
            ):
                raise KeyError(thread)
            return self._say(database, thread, author, text, at)

    def resolve(self, thread: int, by: str, at: float) -> None:
        """Mark a thread as resolved by somebody, or as open again with an empty name.

        Raises
        ------
        KeyError
            There is no such thread.
        """
        with self._writing() as database:
            row = (by or None, at, thread)
            if not database.execute("UPDATE threads SET resolved_by = ?, changed = ? WHERE id = ?", row).rowcount:
                raise KeyError(thread)

    def change(self, message: int, text: str | None, at: float) -> None:
        """Give a message another text; None deletes it."""
        with self._writing() as database:
            row = (text or "", at, text is None, message)
            database.execute("UPDATE messages SET text = ?, edited = ?, deleted = ? WHERE id = ?", row)

    def author(self, thread: int, message: int) -> str:
        """Return who wrote a message of a thread.

        Raises
        ------
        KeyError
            There is no such message, or it was deleted.
        """
        with self._lock:
            row = self._connection.execute(
                "SELECT author FROM messages WHERE id = ? AND thread = ? AND NOT deleted", (message, thread)
            ).fetchone()
        if row is None:
            raise KeyError(message)
        return str(row[0])

    def threads(self, file_id: str | None = None, only: Sequence[int] = ()) -> list[Model]:
        """Return threads with their messages, the oldest first; of one document, or by id."""
        names = self.names()
        with self._lock:
            query, given = "SELECT * FROM threads", list[object]()
            if file_id is not None:
                query, given = query + " WHERE file_id = ?", [file_id]
            elif only:
                query, given = query + f" WHERE id IN ({','.join('?' * len(only))})", list(only)
            rows = self._connection.execute(query + " ORDER BY id", given).fetchall()
            said: dict[int, list[Model]] = {row["id"]: [] for row in rows}
            for row in self._connection.execute("SELECT * FROM messages WHERE thread != 0 ORDER BY id"):
                if row["thread"] in said:
                    said[row["thread"]].append(_message(row, names))
        return [_thread(row, said[row["id"]]) for row in rows]

    def chat(self, before: int | None, limit: int) -> list[Model]:
        """Return messages of the chat, the oldest first."""
        names = self.names()
        with self._lock:
            rows = self._connection.execute(
                "SELECT * FROM messages WHERE thread = 0 AND id < ? ORDER BY id DESC LIMIT ?",
                (before or 2**62, limit),
            ).fetchall()
        return [_message(row, names) for row in reversed(rows)]

    def message(self, message: int) -> Model:
        """Return one message."""
        names = self.names()
        with self._lock:
            row = self._connection.execute("SELECT * FROM messages WHERE id = ?", (message,)).fetchone()
        return _message(row, names)

    def note(self, at: float, user: str, kind: str, path: str, detail: str) -> Model:
        """Note that something happened."""
        with self._writing() as database:
            row = (at, user, kind, path, detail)
            number = database.execute(
                "INSERT INTO activity (at, user, kind, path, detail) VALUES (?, ?, ?, ?, ?)", row
            ).lastrowid
            database.execute("DELETE FROM activity WHERE id <= ?", ((number or 0) - ACTIVITY_KEPT,))
        entry = dict(zip(("at", "user", "kind", "path", "detail"), row, strict=True))
        return {"id": number, **entry, "display_name": self.names().get(user, user)}

    def activity(self, before: int | None, limit: int) -> list[Model]:
        """Return what happened, the newest first."""
        names = self.names()
        with self._lock:
            rows = self._connection.execute(
                "SELECT * FROM activity WHERE id < ? ORDER BY id DESC LIMIT ?", (before or 2**62, limit)
            ).fetchall()
        return [dict(row) | {"display_name": names.get(row["user"], row["user"])} for row in rows]

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._connection:
            yield self._connection

    @staticmethod
    def _say(database: sqlite3.Connection, thread: int, author: str, text: str, at: float) -> int:
        row = (thread, author, text, at)
        number = database.execute("INSERT INTO messages (thread, author, text, at) VALUES (?, ?, ?, ?)", row).lastrowid
        assert number is not None
        return number


def mentions(text: str) -> list[str]:
    """Return the user names that a text mentions with `@`, each once."""
    return list(dict.fromkeys(MENTION.findall(text)))


def _message(row: sqlite3.Row, names: dict[str, str]) -> Model:
    return {
        "id": row["id"],
        "author": row["author"],
        "display_name": names.get(row["author"], row["author"]),
        "text": row["text"],
        "at": row["at"],
        "edited": row["edited"],
        "deleted": bool(row["deleted"]),
        "mentions": mentions(row["text"]),
    }


def _thread(row: sqlite3.Row, messages: list[Model]) -> Model:
    kept = ("id", "file_id", "path", "cell_id", "quote", "created", "changed")
    resolved = {"resolved": row["resolved_by"] is not None, "resolved_by": row["resolved_by"]}
    return {name: row[name] for name in kept} | resolved | {"messages": messages}
