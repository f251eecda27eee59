"""The past of a document: edits gathered into revisions with author and time, any of which can be rebuilt.

A revision is a run of edits by one author without a long pause. Full states ("checkpoints") are kept only so often
that they never take more room than the edits between them, so that the store grows with what is typed and not with
the size of the document.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pycrdt import Doc, merge_updates

from spawner.rooms.store import EditStore

PAUSE_SECONDS = 20.0
SPAN_SECONDS = 120.0
CHECKPOINT_REVISIONS = 250
CHECKPOINT_BYTES = 16_384


@dataclass(frozen=True)
class Revision:
    """A moment of a document's past.

    Parameters
    ----------
    n
        Number, growing with time.
    began, at
        Seconds since the epoch of its first and last edit.
    author
        User name; empty for changes on disk.
    edits
        How many edits it gathers.
    """

    n: int
    began: float
    at: float
    author: str
    edits: int


@dataclass(frozen=True)
class Run:
    """Edits that belong together."""

    began: float
    at: float
    author: str
    updates: tuple[bytes, ...]
    noted: bool = False  # nothing but the server's notes so far


def runs(edits: Iterable[tuple[float, str | None, bytes]]) -> list[Run]:
    """Gather edits into runs: the same author, pauses of at most 20 seconds, at most two minutes.

    Edits without an author are the server's notes; they go with the run before them, or with the first.
    """
    found: list[Run] = []
    for at, author, data in edits:
        last = found[-1] if found else None
        if last is not None and not last.author and last.noted:
            found[-1] = Run(max(at, last.at), max(at, last.at), author or "", (*last.updates, data), author is None)
            continue
        if last is not None and (author is None or (last.author == author and _close(last, at))):
            until = last.at if author is None else max(at, last.at)
            found[-1] = Run(last.began, until, last.author, (*last.updates, data))
        else:
            at = max(at, last.at) if last else at  # a clock that is set back does not turn history around
            found.append(Run(at, at, author or "", (data,), author is None))
    return found


def _close(run: Run, at: float) -> bool:
    return at - run.at <= PAUSE_SECONDS and at - run.began <= SPAN_SECONDS


def compact(store: EditStore) -> int:
    """Turn the edits that the file contains into revisions; return how many edits that were."""
    mark = store.mark
    if mark.also:
        return 0  # edits out of order are in the file: the next save puts them in order
    with store.writing() as database:
        rows = database.execute(
            "SELECT seq, at, author, data FROM updates WHERE seq <= ? ORDER BY seq", (mark.saved_seq,)
        ).fetchall()
        if all(author is None for _, _, author, _ in rows):
            return 0  # notes of the server are no revision of their own
        n, latest = database.execute("SELECT n, at FROM revisions ORDER BY n DESC LIMIT 1").fetchone()
        for run in runs((at, author, data) for _, at, author, data in rows):
            n += 1
            began, latest = max(run.began, latest), max(run.at, latest)
            data = zlib.compress(merge_updates(*run.updates), 9)
            row = (n, began, latest, run.author, len(run.updates), data)
            database.execute("INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?)", row)
        database.execute("DELETE FROM updates WHERE seq <= ?", (mark.saved_seq,))
    while _maybe_checkpoint(store):
        pass
    return len(rows)


def revisions(store: EditStore) -> list[Revision]:
    """Return the revisions, oldest first."""
    with store.writing() as database:
        rows = database.execute("SELECT n, began, at, author, edits FROM revisions ORDER BY n").fetchall()
    return [Revision(*row) for row in rows]


def state_at(store: EditStore, n: int) -> Doc[Any]:
    """Return the document as it was at revision `n`.

    Raises
    ------
    KeyError
        There is no such revision.
    """
    with store.writing() as database:
        if database.execute("SELECT 1 FROM revisions WHERE n = ?", (n,)).fetchone() is None:
            raise KeyError(n)
        start, data = database.execute(
            "SELECT n, data FROM checkpoints WHERE n <= ? ORDER BY n DESC LIMIT 1", (n,)
        ).fetchone()
        later = database.execute("SELECT data FROM revisions WHERE n > ? AND n <= ? ORDER BY n", (start, n)).fetchall()
    doc: Doc[Any] = Doc()
    doc.apply_update(zlib.decompress(data))
    if later:
        doc.apply_update(merge_updates(*(zlib.decompress(row[0]) for row in later)))
    return doc


def _maybe_checkpoint(store: EditStore) -> bool:
    """Keep the full state of a moment where one is due; return whether one was."""
    with store.writing() as database:
        last, size = database.execute("SELECT n, length(data) FROM checkpoints ORDER BY n DESC LIMIT 1").fetchone()
        newest, grown = database.execute(
            "SELECT max(n), total(length(data)) FROM revisions WHERE n >= ?", (last,)
        ).fetchone()
    if newest - last >= CHECKPOINT_REVISIONS and size <= CHECKPOINT_BYTES:
        newest = last + CHECKPOINT_REVISIONS  # of many that come at once, each so many
    elif newest == last or grown <= max(CHECKPOINT_BYTES, size):
        return False
    state = state_at(store, newest).get_update()
    with store.writing() as database:
        row = (newest, len(state), zlib.compress(state, 1))
        database.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?)", row)
    return True
