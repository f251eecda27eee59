"""The file of a document: a change from outside that comes while it is being written is neither lost nor doubled."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from pathlib import Path

import pytest
from pycrdt import Doc, Text

from spawner.rooms.disk import DiskCopy
from spawner.rooms.files import FileFormat
from spawner.rooms.store import Beginning, Edit, EditStore

BEFORE = "first line\nlast line\n"


class Author:
    """Somebody who has the document open."""

    def __init__(self, copy: DiskCopy, path: Path) -> None:
        self.copy, self.path = copy, path
        self.doc: Doc = Doc()
        self.text = self.doc.get("source", type=Text)
        self.doc.apply_update(copy.open(path).state)

    def insert(self, at: int, words: str) -> None:
        known = self.doc.get_state()
        self.text.insert(at, words)
        self.copy.store.append([Edit(time.time(), "ada", self.doc.get_update(known))])

    def save(self) -> None:
        outside = self.copy.sync(self.path, write=True).outside
        if outside:
            self.doc.apply_update(outside)


@pytest.fixture
def author(tmp_path: Path) -> Author:
    (tmp_path / "notes.txt").write_text(BEFORE)
    return Author(DiskCopy(FileFormat("file", "text", None), tmp_path / "notes.sqlite"), tmp_path / "notes.txt")


def change_while_it_is_written(author: Author, monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """Have another program add lines to the file after its new content was made and before it takes the place."""
    fsync, added = os.fsync, []

    def fsync_late(descriptor: int) -> None:
        fsync(descriptor)
        if len(added) < times and str(Path(f"/proc/self/fd/{descriptor}").readlink()).rpartition("/")[2].startswith(
            ".~"
        ):
            added.append(f"outside {len(added)}\n")
            author.path.write_text(author.path.read_text() + added[-1])

    monkeypatch.setattr("spawner.rooms.files.os.fsync", fsync_late)
    return added


@pytest.mark.parametrize("times", [1, 3])
def test_what_another_program_writes_during_a_save_is_kept_once(
    author: Author, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    author.insert(len("first line\n"), "typed\n")
    added = change_while_it_is_written(author, monkeypatch, times)
    author.save()
    expected = "first line\ntyped\nlast line\n" + "".join(added)
    assert len(added) == times
    assert author.path.read_text() == expected
    assert str(author.text) == expected
    assert author.copy.sync(author.path, write=True).outside == b""
    assert author.path.read_text() == expected
    author.copy.close()
    assert not list(author.path.parent.glob(".~*"))

    again = Author(DiskCopy(FileFormat("file", "text", None), author.path.with_suffix(".sqlite")), author.path)
    assert str(again.text) == expected


def test_a_file_that_never_rests_is_written_all_the_same(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    author.insert(0, "typed\n")
    added = change_while_it_is_written(author, monkeypatch, 1000)
    author.save()
    assert len(added) < 10
    assert "typed\n" in author.path.read_text()
    assert author.path.read_text() == str(author.text)


def test_what_was_typed_before_a_failed_save_outlives_a_change_from_outside(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    author.insert(len("first line\n"), "typed\n")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("spawner.rooms.files.os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            author.save()
    author.path.write_text(BEFORE + "outside\n")
    author.save()
    expected = "first line\ntyped\nlast line\noutside\n"
    assert author.path.read_text() == str(author.text) == expected
    author.save()
    assert author.path.read_text() == expected


def test_a_store_is_made_at_its_first_use_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "notes.sqlite"
    promised = EditStore(path, Beginning(b"\x00\x00", 1.0, "hash", "lineage"))
    assert promised.lineage == "lineage"
    assert promised.intact()
    assert not path.exists()

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(EditStore, "_set_mark", full)
        with pytest.raises(sqlite3.OperationalError):
            promised.append([Edit(2.0, "ada", b"typed")])
    assert EditStore(path).lineage == ""  # as after a kill in between: it begins anew
    assert promised.append([Edit(2.0, "ada", b"typed")]) == 1
    promised.close()
    again = EditStore(path)
    assert again.lineage == "lineage"
    assert [data for _, data in again.after(0)] == [b"typed"]
    assert again.base() == [b"\x00\x00"]
