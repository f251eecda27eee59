"""What the store of a document tells about its past: moments, who wrote which line, what changed between two moments.

Functions that read a store's file and nothing else; they run beside the event loop, also without a server.
"""

from __future__ import annotations

import difflib
import io
import json
import zipfile
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyter_ydoc import YNotebook
from pycrdt import Doc

from spawner.rooms.files import FileFormat
from spawner.rooms.history import Revision, compact, revisions, state_at
from spawner.rooms.protocol import read_clocks
from spawner.rooms.store import EditStore

EXPORTED_REVISIONS = 500
EVERY_CHARACTER = 20_000


@dataclass(frozen=True)
class Origin:
    """Where a line comes from: who wrote its newest letter, when, in which revision."""

    author: str
    at: float
    revision: int


@contextmanager
def opened(path: Path) -> Iterator[EditStore]:
    """Open a document's store, with what the file contains gathered into revisions."""
    store = EditStore(path)
    try:
        compact(store)
        yield store
    finally:
        store.close()


def listing(path: Path) -> list[Revision]:
    """Return the revisions, oldest first."""
    with opened(path) as store:
        return revisions(store)


def content_at(path: Path, file_format: FileFormat, revision: int) -> Any:
    """Return the content at a revision, as in Jupyter's contents API.

    Raises
    ------
    KeyError
        There is no such revision.
    """
    with opened(path) as store:
        return file_format.document(state_at(store, revision)).get()


def difference(path: Path, file_format: FileFormat, start: int, end: int) -> dict[str, object]:
    """Return what changed from one revision to another, as nbdime's diff and by cell, or as a unified diff.

    Raises
    ------
    KeyError
        There is no such revision.
    """
    before, after = (content_at(path, file_format, revision) for revision in (start, end))
    if not isinstance(before, dict):
        lines = difflib.unified_diff(
            str(before).splitlines(keepends=True), str(after).splitlines(keepends=True), f"{start}", f"{end}"
        )
        return {"from": start, "to": end, "unified": "".join(lines)}
    import nbdime
    import nbformat

    base, remote = (nbformat.from_dict(content) for content in (before, after))  # type: ignore[no-untyped-call]
    diff = nbdime.diff_notebooks(base, remote)
    return {"from": start, "to": end, "base": before, "diff": diff, "cells": cell_changes(before, after)}


def cell_changes(before: Any, after: Any) -> list[dict[str, object]]:
    """Return the cells that were added, removed, changed or moved, in the order of `after`."""
    old = {cell.get("id", str(place)): (place, cell) for place, cell in enumerate(before["cells"])}
    new = {cell.get("id", str(place)): cell for place, cell in enumerate(after["cells"])}
    kept = [old[name][0] for name in new if name in old]
    steady = set(_longest_increasing(kept))
    found: list[dict[str, object]] = []
    for name, cell in new.items():
        if name not in old:
            found.append({"id": name, "change": "added", "before": None, "after": cell})
        elif old[name][1] != cell:
            found.append({"id": name, "change": "changed", "before": old[name][1], "after": cell})
        elif old[name][0] not in steady:
            found.append({"id": name, "change": "moved", "before": old[name][1], "after": cell})
    removed = [name for name in old if name not in new]
    return found + [{"id": name, "change": "removed", "before": old[name][1], "after": None} for name in removed]


def blame(path: Path, file_format: FileFormat, cell_id: str = "") -> dict[str, object]:
    """Return who wrote each line of the newest revision; of one cell when it is named.

    Yjs knows of each letter which client inserted it, and the revisions tell when each client wrote what.
    """
    with opened(path) as store:
        doc: Doc[Any] = Doc()
        origin_of = _origins(store, doc)
    document = file_format.document(doc)
    if not isinstance(document, YNotebook):
        return {"lines": _blamed(doc.get("source", type=_text_type()), origin_of)}
    cells = []
    for cell in document.ycells:
        if cell_id in ("", cell.get("id")):
            lines = _blamed(cell["source"], origin_of)
            newest = max(lines, key=lambda line: float(str(line["at"])), default={"author": "", "at": 0, "revision": 0})
            cells.append({"id": cell.get("id"), "lines": lines, **newest})
    return {"cells": cells}


def exported(path: Path, file_format: FileFormat, name: str) -> bytes:
    """Return a zip with the file at each revision (at most the newest 500) and the list of all."""
    buffer = io.BytesIO()
    with opened(path) as store, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        found = revisions(store)
        archive.writestr("revisions.json", json.dumps([vars(each) for each in found], indent=1))
        for each in found[-EXPORTED_REVISIONS:]:
            moment = datetime.fromtimestamp(each.at, UTC).strftime("%Y-%m-%d_%H-%M-%S")
            data = file_format.write(file_format.document(state_at(store, each.n)).get())
            archive.writestr(f"{each.n:06d}_{moment}_{each.author or 'disk'}_{name}", data)
    return buffer.getvalue()


def _origins(store: EditStore, doc: Doc[Any]) -> Callable[[int, int], Origin]:
    """Bring `doc` to the newest revision; return a function from a letter's client and clock to its origin."""
    with store.writing() as database:
        first = database.execute("SELECT data FROM checkpoints WHERE n = 0").fetchone()
        rows = database.execute("SELECT n, at, author, data FROM revisions ORDER BY n").fetchall()
    ends: dict[int, list[int]] = {}
    origins: dict[int, list[Origin]] = {}
    known: dict[int, int] = {}
    for n, at, author, data in rows:
        update = zlib.decompress(data) if data else zlib.decompress(first[0])
        doc.apply_update(update)
        for client, clock in read_clocks(doc.get_state()).items():
            if clock > known.get(client, 0):
                known[client] = clock
                ends.setdefault(client, []).append(clock)
                origins.setdefault(client, []).append(Origin(author, at, n))

    def find(client: int, clock: int) -> Origin:
        place = bisect_right(ends.get(client, []), clock)
        return origins[client][min(place, len(origins[client]) - 1)] if client in origins else Origin("", 0.0, 0)

    return find


def _blamed(text: Any, origin_of: Callable[[int, int], Origin]) -> list[dict[str, object]]:
    lines, at = [], 0
    content = str(text)
    step = 1 if len(content) <= EVERY_CHARACTER else 8
    for line in content.splitlines(keepends=True):
        size = len(line.encode())
        visible = max(1, len(line.rstrip("\n").encode()))
        ids = (text.sticky_index(at + offset).to_json()["item"] for offset in range(0, min(visible, size), step))
        newest = max((origin_of(item["client"], item["clock"]) for item in ids), key=lambda origin: origin.revision)
        lines.append(dict(vars(newest)))
        at += size
    return lines


def _text_type() -> Any:
    from pycrdt import Text

    return Text


def _longest_increasing(numbers: list[int]) -> list[int]:
    """Return a longest increasing subsequence (patience sorting)."""
    tails: list[int] = []
    before: dict[int, int | None] = {}
    for number in numbers:
        place = bisect_right(tails, number)
        before[number] = tails[place - 1] if place else None
        tails[place : place + 1] = [number]
    found: list[int] = []
    last: int | None = tails[-1] if tails else None
    while last is not None:
        found.append(last)
        last = before[last]
    return found[::-1]
