"""Snapshots in a folder: pieces of files by content, and for each snapshot the list of its files.

A file is kept in pieces of 4 MB, so that a large file that grows costs what was added, and no memory.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import secrets
import sqlite3
import stat
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from spawner.rooms.snapshots.retention import Keep, kept

PIECE_BYTES = 4 * 1024 * 1024
EXCLUDED = (".venv", "venv", "node_modules", "__pycache__", ".ipynb_checkpoints", ".cache", "*.pyc", ".~*")
SCHEMA = """
CREATE TABLE IF NOT EXISTS snapshots (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL, reason TEXT, by TEXT, files INTEGER, bytes INTEGER,
    skipped TEXT, manifest BLOB
);
"""
INSERT = "INSERT INTO snapshots (at, reason, by, files, bytes, skipped, manifest) VALUES (?,?,?,?,?,?,?)"


@dataclass(frozen=True)
class Limits:
    """What a snapshot leaves out, so that its work is bounded.

    Parameters
    ----------
    file_bytes
        Larger files are left out.
    read_bytes
        So much is read anew by one snapshot; files beyond it wait for the next.
    excluded
        Patterns of names of files and folders that are left out.
    """

    file_bytes: int = 500_000_000
    read_bytes: int = 2_000_000_000
    excluded: tuple[str, ...] = EXCLUDED


@dataclass(frozen=True)
class Entry:
    """A file in a snapshot.

    Parameters
    ----------
    pieces
        Digests of its pieces, in order; for a link, its target.
    size
        Bytes.
    modified_ns
        Time of its last change, nanoseconds since the epoch.
    mode
        Type and permissions.
    """

    pieces: tuple[str, ...]
    size: int
    modified_ns: int
    mode: int

    @property
    def digest(self) -> str:
        """The identity of the content."""
        return self.pieces[0] if len(self.pieces) == 1 else hashlib.sha256("".join(self.pieces).encode()).hexdigest()


@dataclass(frozen=True)
class Snapshot:
    """One moment of all files."""

    id: int
    at: float
    reason: str
    by: str
    files: int
    bytes: int
    kept: tuple[str, ...]
    skipped: tuple[str, ...]


class SnapshotStore:
    """Takes snapshots of a folder and reads them. For use on threads beside the event loop.

    Parameters
    ----------
    folder
        Where they are kept; made when missing.
    keep
        How many are kept.
    """

    def __init__(self, folder: Path, keep: Keep | None = None) -> None:
        self._pieces = folder / "pieces"
        self._pieces.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database = folder / "snapshots.sqlite"
        self._keep = keep or Keep()
        self._taking = threading.Lock()
        with closing(self._connect()) as database:
            database.executescript("PRAGMA journal_mode=WAL;" + SCHEMA)

    def take(self, root: Path, at: float, reason: str, by: str = "", limits: Limits | None = None) -> Snapshot | None:
        """Take a snapshot of the files below `root`; None when nothing has changed since the last.

        Files that change while they are read are in it as one of their states, or in the next.
        """
        with self._taking:
            known = self._newest()
            files, skipped = self._read(root, known, limits or Limits())
            if known == files and reason != "asked":
                return None
            manifest = zlib.compress(json.dumps({path: list(asdict(e).values()) for path, e in files.items()}).encode())
            size = sum(entry.size for entry in files.values())
            with closing(self._connect()) as database, database:
                row = (at, reason, by, len(files), size, json.dumps(skipped[:100]), manifest)
                number = database.execute(
                    "INSERT INTO snapshots (at, reason, by, files, bytes, skipped, manifest) VALUES (?,?,?,?,?,?,?)",
                    row,
                ).lastrowid
            self._thin()
        return next(each for each in self.all() if each.id == number)

    def all(self) -> list[Snapshot]:
        """Return the snapshots, the newest first."""
        with closing(self._connect()) as database:
            rows = database.execute(
                "SELECT id, at, reason, by, files, bytes, skipped FROM snapshots ORDER BY id DESC"
            ).fetchall()
        kinds = kept([(row[0], row[1]) for row in rows], self._keep)
        return [
            Snapshot(number, at, reason, by, files, size, tuple(kinds.get(number, ())), tuple(json.loads(skipped)))
            for number, at, reason, by, files, size, skipped in rows
        ]

    def files(self, snapshot: int) -> dict[str, Entry]:
        """Return the files of a snapshot by path.

        Raises
        ------
        KeyError
            There is no such snapshot.
        """
        with closing(self._connect()) as database:
            row = database.execute("SELECT manifest FROM snapshots WHERE id = ?", (snapshot,)).fetchone()
        if row is None:
            raise KeyError(snapshot)
        return _manifest(row[0])

    def content(self, entry: Entry) -> Iterator[bytes]:
        """Yield the content of a file, piece by piece, each verified.

        Raises
        ------
        OSError
            A piece is missing or damaged.
        """
        for name in entry.pieces:
            data = zlib.decompress(self._path(name).read_bytes())
            if hashlib.sha256(data).hexdigest() != name:
                raise OSError(f"the piece {name[:12]}… of a snapshot is damaged")
            yield data

    def restore(self, snapshot: int, root: Path, paths: Sequence[str] | None) -> tuple[list[str], dict[str, str]]:
        """Write files of a snapshot below `root`; return the paths, and why others could not be written.

        A path names a file or a folder; None all files. A file is replaced at once, never half.

        Raises
        ------
        KeyError
            There is no such snapshot.
        """
        done: list[str] = []
        failed: dict[str, str] = {}
        for path, entry in self.files(snapshot).items():
            if paths is None or any(path == each or path.startswith(f"{each}/") for each in paths):
                try:
                    self._write(root / path, root, entry)
                    done.append(path)
                except (OSError, zlib.error) as error:
                    failed[path] = str(error)
        return done, failed

    def _write(self, target: Path, root: Path, entry: Entry) -> None:
        parent = target.parent
        if not parent.resolve().is_relative_to(root.resolve()):
            raise OSError("its folder is a link to outside of the project now")
        parent.mkdir(parents=True, exist_ok=True)
        temporary = parent / f".~{secrets.token_hex(6)}"
        try:
            if stat.S_ISLNK(entry.mode):
                temporary.symlink_to(entry.pieces[0])
            else:
                with temporary.open("xb") as file:
                    for piece in self.content(entry):
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.chmod(stat.S_IMODE(entry.mode))
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def _read(self, root: Path, known: dict[str, Entry], limits: Limits) -> tuple[dict[str, Entry], list[str]]:
        files: dict[str, Entry] = {}
        skipped: list[str] = []
        read = 0
        for path, found in _walk(root, "", limits.excluded):
            before = known.get(path)
            if before and (before.size, before.modified_ns, before.mode) == _stamp(found):
                files[path] = before
            elif found.st_size > limits.file_bytes or read + found.st_size > limits.read_bytes:
                skipped.append(path)
            else:
                read += found.st_size
                try:
                    files[path] = self._file(root / path, found)
                except OSError:
                    skipped.append(path)
        return files, skipped

    def _file(self, path: Path, found: os.stat_result) -> Entry:
        if stat.S_ISLNK(found.st_mode):
            return Entry((str(path.readlink()),), *_stamp(found))
        pieces = []
        with path.open("rb") as file:
            while data := file.read(PIECE_BYTES):
                pieces.append(self._put(data))
        return Entry(tuple(pieces), *_stamp(found))

    def _put(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        path = self._path(name)
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            temporary = path.with_name(f".{secrets.token_hex(8)}")
            with temporary.open("xb") as file:
                file.write(zlib.compress(data, 1))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        return name

    def _newest(self) -> dict[str, Entry]:
        with closing(self._connect()) as database:
            row = database.execute("SELECT manifest FROM snapshots ORDER BY id DESC LIMIT 1").fetchone()
        return _manifest(row[0]) if row else {}

    def _thin(self) -> None:
        """Drop snapshots that are not to be kept, and pieces that no snapshot names."""
        with closing(self._connect()) as database, database:
            rows = database.execute("SELECT id, at FROM snapshots").fetchall()
            wanted = kept(rows, self._keep)
            dropped = [(number,) for number, _ in rows if number not in wanted]
            if not dropped:
                return
            database.executemany("DELETE FROM snapshots WHERE id = ?", dropped)
            manifests = database.execute("SELECT manifest FROM snapshots").fetchall()
        named = {name for row in manifests for entry in _manifest(row[0]).values() for name in entry.pieces}
        for folder in self._pieces.iterdir():
            for path in folder.iterdir():
                if folder.name + path.name not in named:
                    path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._pieces / name[:2] / name[2:]

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._database, timeout=10)


def _walk(root: Path, prefix: str, excluded: Iterable[str]) -> Iterator[tuple[str, os.stat_result]]:
    """Yield paths and stats of files and links; folders that are links are not entered."""
    try:
        entries = sorted(os.scandir(root / prefix), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if any(fnmatch.fnmatchcase(entry.name, pattern) for pattern in excluded):
            continue
        path = f"{prefix}/{entry.name}" if prefix else entry.name
        try:
            found = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        if stat.S_ISDIR(found.st_mode):
            yield from _walk(root, path, excluded)
        elif stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode):
            yield path, found


def _stamp(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_mode


def _manifest(data: bytes) -> dict[str, Entry]:
    listed: dict[str, tuple[list[str], int, int, int]] = json.loads(zlib.decompress(data))
    return {path: Entry(tuple(pieces), *rest) for path, (pieces, *rest) in listed.items()}
