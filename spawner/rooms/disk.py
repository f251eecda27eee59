"""A document's file and its stored edits, kept in step on a thread beside the event loop."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pycrdt import Doc, merge_updates

from spawner.rooms import files
from spawner.rooms.errors import DocumentNotFoundError, StoreDamagedError
from spawner.rooms.files import FileFormat
from spawner.rooms.history import compact
from spawner.rooms.merge import beginning, merge_content
from spawner.rooms.store import Beginning, Edit, EditStore, FileMark

log = logging.getLogger("collegium.rooms")
COMPACT_AT = 200  # edits
MOST_ATTEMPTS = 5


@dataclass(frozen=True)
class Opened:
    """What a room starts from.

    Parameters
    ----------
    state
        The whole document as one Yjs update.
    lineage
        The identity of its history.
    file_hash
        SHA-256 of the file.
    unsaved
        Whether there are edits that the file lacks.
    is_new
        Whether the document has been made from its file just now.
    """

    state: bytes
    lineage: str
    file_hash: str
    unsaved: bool
    is_new: bool = False


@dataclass(frozen=True)
class Synced:
    """The result of bringing file and document together.

    Parameters
    ----------
    outside
        The change that somebody made to the file, as a Yjs update; empty without one.
    file_hash
        SHA-256 of the file now.
    missing
        Whether the file is gone.
    """

    outside: bytes
    file_hash: str
    missing: bool = False


class DiskCopy:
    """The document as its file has it.

    A second Y.Doc holds what the file contains. A change from outside becomes an edit of that older state, which
    Yjs then merges with whatever was written since: nobody's text is lost, and none comes twice.

    All methods run on one thread that is not the event loop's.

    Parameters
    ----------
    file_format
        How it is read and written.
    store_path
        The database of its edits.
    """

    def __init__(self, file_format: FileFormat, store_path: Path) -> None:
        self.format = file_format
        self._store_path = store_path
        self._go_back_to([], 0)
        self._stamp: files.Stamp | None = None
        self._file_hash = ""
        self.store: EditStore

    def open(self, path: Path | None) -> Opened:
        """Read file and store; a store that is damaged is put aside and begun again from the file.

        Parameters
        ----------
        path
            The file; None when it has been deleted.

        Raises
        ------
        DocumentNotFoundError, DocumentUnreadableError
            The file is not there, or not of its type.
        """
        self._stamp = files.stamp(path) if path else None
        if path is None or self._stamp is None:
            raise DocumentNotFoundError(f"{path or 'the document'} is not there any more")
        data = path.read_bytes()
        file_hash = files.digest(data)
        known = None if self.format.content_type == "notebook" else self.format.read(data)  # ends of lines are noted

        def read() -> object:
            return self.format.read(data) if known is None else known

        try:
            return self._open_store(read, file_hash)
        except StoreDamagedError:
            self._put_store_aside()
            return self._open_store(read, file_hash)

    def rebuild(self, lineage: str, whole: bytes) -> None:
        """Begin the store anew that was damaged while the document is open; what people see stays as it is.

        Parameters
        ----------
        lineage
            The identity that the open pages know.
        whole
            The document as people see it, as one Yjs update.
        """
        log.error(
            "the store %s is damaged and begun anew from what is open; its history is put aside", self._store_path
        )
        self.store.close()
        self._put_store_aside()
        self._load()
        self.store = EditStore(self._store_path)
        self.store.begin(Beginning(self._doc.get_update(), time.time(), self._file_hash, lineage))
        self._seq = 0
        self.store.append([Edit(time.time(), "", whole)])

    def _put_store_aside(self) -> None:
        for part in self._store_path.parent.glob(self._store_path.name + "*"):
            part.rename(part.with_name(f"damaged-{time.time_ns()}-{part.name}"))

    def sync(self, path: Path | None, write: bool) -> Synced:
        """Take a change of the file at `path` over, and write the stored edits into it if `write`."""
        if not self.store.intact():
            log.error("the store %s was deleted while it is open; it is written again", self._store_path)
            self.store.write_again()
        if path is None or (not write and files.stamp(path) is None):
            return Synced(b"", self.store.mark.file_hash, missing=True)
        taken: list[bytes] = []
        for attempt in range(1, MOST_ATTEMPTS + 1):
            taken += self._look_at(path)
            if not (write or taken):
                break
            # the last attempt writes even into a file that never rests: the document has all that was ever read of it
            if self._write(path, None if attempt == MOST_ATTEMPTS else self._stamp):
                break
        self._file_hash = self.store.mark.file_hash
        return Synced(merge_updates(*taken) if taken else b"", self._file_hash)

    def _look_at(self, path: Path) -> list[bytes]:
        """Take over what was changed from outside; return it as an update, or nothing."""
        found = files.stamp(path)
        if found is None or found == self._stamp:
            return []
        data = path.read_bytes()
        self._stamp = found
        if files.digest(data) in (self.store.mark.file_hash, ""):
            return []
        return [self._take_over(self.format.read(data), files.digest(data))]

    def close(self) -> None:
        """Put the edits in order and close the store."""
        compact(self.store)
        self.store.close()

    def _open_store(self, read: Callable[[], object], file_hash: str) -> Opened:
        """Bring store and file together; the file is read only when the store does not have its content."""
        self._file_hash = file_hash
        if not self._store_path.exists():
            begun = self._begun(read(), file_hash)
            self.store = EditStore(self._store_path, begun)
            return Opened(begun.state, begun.lineage, file_hash, unsaved=False, is_new=True)
        self.store = store = EditStore(self._store_path)
        if not store.lineage:
            begun = self._begun(read(), file_hash)
            store.begin(begun)
            return Opened(begun.state, begun.lineage, file_hash, unsaved=False, is_new=True)
        mark = store.mark
        if file_hash == mark.intended_hash:  # the write happened, and the note that it did was lost
            mark = FileMark(file_hash, mark.intended_seq)
            store.set_mark(mark)
        base = store.base()
        self._go_back_to(base, mark.saved_seq)
        if file_hash != mark.file_hash:
            self._take_over(read(), file_hash)
        later = [data for _, data in store.after(mark.saved_seq)]
        return Opened(_together(base + later), store.lineage, file_hash, bool(later))

    def _begun(self, content: object, file_hash: str) -> Beginning:
        """Have the document of a file that has no history yet; return what its history begins with."""
        state = beginning(self.format.document(Doc()), content)
        self._go_back_to([state], 0)
        return Beginning(state, time.time(), file_hash, uuid.uuid4().hex)

    def _go_back_to(self, base: list[bytes], seq: int) -> None:
        """Have the document as these updates make it, which are the stored edits up to number `seq`.

        They are applied when it is needed first: whoever opens a document does not wait for what its next save needs.
        """
        self._base: list[bytes] = base
        self._seq = seq
        self._doc: Doc[Any] = Doc()
        self._document = self.format.document(self._doc)
        self._written: Callable[[], list[bytes]] | None = None

    def _load(self) -> Callable[[], list[bytes]]:
        """Have the document in memory; return what makes the bytes of its file."""
        for update in self._base:
            self._doc.apply_update(update)
        self._base = []
        if self._written is None:
            self._written = self.format.writer(self._document)  # which follows changes from here on
        return self._written

    def _take_over(self, content: object, file_hash: str) -> bytes:
        self._load()
        before = self._doc.get_state()
        merge_content(self._document, content)
        update = self._doc.get_update(before)
        self.store.append_outside(Edit(time.time(), "", update), file_hash)
        return update

    def _write(self, path: Path, seen: files.Stamp | None) -> bool:
        """Write the stored edits into the file; False when it was changed since it was `seen`."""
        mark, is_written = self.store.mark, False
        try:
            data = self._latest()
            file_hash = files.digest(*data)
            is_due = file_hash != mark.file_hash or files.stamp(path) is None
            if is_due:
                self.store.set_mark(replace(mark, intended_hash=file_hash, intended_seq=self._seq))
            is_written = not is_due or files.replace(path, data, seen)
        finally:
            if not is_written:
                self._go_back_to(self.store.base(), mark.saved_seq)  # a change from outside is an edit of that state
        if not is_written:
            return False
        if is_due:
            self._stamp = files.stamp(path)
        if file_hash != mark.file_hash or self._seq > mark.saved_seq:
            self.store.set_mark(FileMark(file_hash, self._seq))
        if self._seq - mark.saved_seq > COMPACT_AT:
            compact(self.store)
        return True

    def _latest(self) -> list[bytes]:
        """Bring the document to the stored edits; return the bytes of its file."""
        written = self._load()
        for seq, update in self.store.after(self._seq):
            self._doc.apply_update(update)
            self._seq = seq
        return written()


def _together(updates: list[bytes]) -> bytes:
    """Return updates as one."""
    if len(updates) == 1:
        return updates[0]
    whole: Doc[Any] = Doc()
    for update in updates:
        whole.apply_update(update)
    return whole.get_update()
