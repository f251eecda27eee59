"""Large outputs that no document shows any more are removed, some time after one did for the last time.

Documents of today keep theirs for ever; moments of the past keep theirs for as long as they are likely to be visited.
Files have whole outputs, so that nothing that is in a file is lost with what is removed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pycrdt import Doc

from spawner.rooms.errors import StoreDamagedError
from spawner.rooms.execution.output_store import OutputStore
from spawner.rooms.store import EditStore

log = logging.getLogger("collegium.rooms")
NAME = re.compile(rb"[0-9a-f]{64}|[0-9a-f-]{36}")
LOOK_SECONDS, COLLECT_SECONDS, DAY_SECONDS = 600.0, 86_400.0, 86_400.0
MARK = "collected"


@dataclass(frozen=True)
class Collected:
    """What was removed."""

    files: int
    bytes: int


def collect(outputs: OutputStore, stores: Path, kept_seconds: float, now: float) -> Collected:
    """Remove what no document has shown for a time. For use on a thread.

    Parameters
    ----------
    outputs
        The large outputs.
    stores
        The folder with the documents' databases.
    kept_seconds
        How long an output is kept after a document showed it for the last time, as far as earlier calls saw.
    now
        Seconds since the epoch.
    """
    try:
        documents = [path for path in stores.glob("*-notebook-json.sqlite") if not path.name.startswith("damaged-")]
        shown = {name for path in documents for name in _shown_in(path)}
    except (sqlite3.Error, StoreDamagedError, OSError) as error:
        log.warning("no outputs are removed while a document cannot be read: %s", error)
        return Collected(0, 0)
    files = size = 0
    for name, path in outputs.all():
        with contextlib.suppress(FileNotFoundError):
            found = path.stat()
            if name in shown:
                os.utime(path, (now, now))
            elif now - found.st_mtime > kept_seconds:
                path.unlink()
                files, size = files + 1, size + found.st_size
    return Collected(files, size)


def _shown_in(path: Path) -> Iterator[str]:
    """Yield what may be names of outputs in the newest state of a document."""
    store = EditStore(path)
    try:
        if not store.lineage:
            return
        doc: Doc[Any] = Doc()
        for update in (*store.base(), *(data for _, data in store.after(store.mark.saved_seq))):
            doc.apply_update(update)
    finally:
        store.close()
    for found in NAME.findall(doc.get_update()):  # what was deleted is not in it
        yield found.decode()


async def keep_collecting(outputs: OutputStore, stores: Path, kept_days: float) -> None:
    """Remove what is not needed once a day, also when the server runs for shorter times."""
    mark = outputs.folder / MARK
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        last = mark.stat().st_mtime if mark.exists() else 0.0
        if time.time() - last < COLLECT_SECONDS:
            continue
        try:
            done = await asyncio.to_thread(collect, outputs, stores, kept_days * DAY_SECONDS, time.time())
            mark.touch()
        except OSError as error:
            log.error("large outputs could not be looked through: %s", error)
            continue
        if done.files:
            log.info("removed %d large outputs that no document shows any more: %d bytes", done.files, done.bytes)
