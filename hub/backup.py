"""A backup of a whole installation in one file, made while it runs.

The archive is a tar file: the data folder (database, secrets, blobs, files of projects) below `data/`, a dump of a
PostgreSQL database as `database.dump`, the objects of an S3-compatible store below `blobs/`, and last `manifest.json`
with the SHA-256 digest of every file. An archive without a manifest was cut off and is not restored.

What counts is written first: the databases, by their own means, as of one moment; then the contents that they name,
which never change; then the files of projects, each as it is when its turn comes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

from sqlalchemy import URL, make_url

from hub.blobs import open_store
from hub.settings import Settings
from hub.version import VERSION

FORMAT = 1
DATA, DUMP, BLOBS, MANIFEST = "data/", "database.dump", "blobs/", "manifest.json"
LEFT_OUT = ("run", "logs")  # of the running platform, made anew
SQLITE_MAGIC = b"SQLite format 3\0"
SQLITE_COMPANIONS = ("-wal", "-shm", "-journal")
SQLITE_UNFINISHED = ("-wal", "-journal")  # without these a database as a file may lack what was written last
LOCKED_SECONDS = 5.0  # how long the lock of somebody's database in a project is waited for
IN_MEMORY_BYTES = 32_000_000
COMPRESSIONS: dict[str, Literal["w", "w:gz", "w:xz"]] = {".tar": "w", ".gz": "w:gz", ".tgz": "w:gz", ".xz": "w:xz"}
Progress = Callable[[int, int], None]
"""Called with the number of files and of bytes written so far."""


class BackupError(Exception):
    """A backup or a restoration is not possible; the message says why and what to do."""


@dataclass
class Manifest:
    """What an archive holds."""

    format: int
    version: str
    created_at: str
    database: str  # sqlite or postgresql
    files: dict[str, str] = field(default_factory=dict)  # name in the archive: SHA-256 digest
    links: dict[str, str] = field(default_factory=dict)  # symbolic links: name in the archive: target
    left_out: list[str] = field(default_factory=list)  # sockets, pipes, devices, files that could not be read
    as_files: list[str] = field(default_factory=list)  # databases in projects that are locked or have an open journal
    total_bytes: int = 0

    def as_json(self) -> bytes:
        """Return the manifest as it is stored."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()


def make_backup(settings: Settings, target: Path, progress: Progress = lambda _files, _bytes: None) -> Manifest:
    """Write a backup; the file appears under its name when it is complete and on the disk.

    Parameters
    ----------
    settings
        The installation; it may run.
    target
        `.tar`, `.tar.gz` or `.tar.xz`; must not exist.

    Returns
    -------
    Manifest
        What the archive holds.

    Raises
    ------
    BackupError
        The target exists or cannot be written, there is nothing to back up, or the database cannot be dumped.
    """
    mode = COMPRESSIONS.get(target.suffix)
    if mode is None:
        raise BackupError(f"{target.name}: name the file .tar, .tar.gz or .tar.xz.")
    if target.exists():
        raise BackupError(f"{target} is there already; give the backup another name.")
    if not settings.data_dir.is_dir():
        raise BackupError(f"There is nothing to back up: {settings.data_dir} does not exist.")
    if settings.data_dir in target.absolute().parents:
        raise BackupError(f"{target} lies in the data folder itself; write the backup somewhere else.")
    part = target.with_name(f".{target.name}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds secrets
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode=mode, format=tarfile.PAX_FORMAT) as tar:
                manifest = _Writer(tar, settings, progress).write()
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise BackupError(f"The backup cannot be written to {target}: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)
    return manifest


class _Writer:
    def __init__(self, tar: tarfile.TarFile, settings: Settings, progress: Progress) -> None:
        self._tar, self._settings, self._progress = tar, settings, progress
        kind = make_url(settings.database_url).get_backend_name()
        self._manifest = Manifest(FORMAT, VERSION, datetime.now(UTC).isoformat(), kind)

    def write(self) -> Manifest:
        """Write everything, the manifest last."""
        root = self._settings.data_dir
        if self._manifest.database == "postgresql":
            self._add_dump(make_url(self._settings.database_url))
        first = [path for path in _files(root) if path.parent == root]
        for path in first:
            self._add(path, DATA + path.name)
        if self._settings.blob_store != str(root / "blobs"):
            self._add_blobs()
        for path in _files(root):
            if path.parent != root:
                self._add(path, DATA + str(path.relative_to(root)))
        content = self._manifest.as_json()
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mode = len(content), 0o600
        self._tar.addfile(info, io.BytesIO(content))
        return self._manifest

    def _add(self, path: Path, name: str) -> None:
        try:
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                self._manifest.links[name] = str(path.readlink())
            elif stat.S_ISDIR(status.st_mode):
                self._add_folder(name, status)
            elif stat.S_ISREG(status.st_mode):
                self._add_file(path, name, status)
            else:
                self._manifest.left_out.append(name)
        except FileNotFoundError:
            return  # deleted by its owner meanwhile
        except PermissionError:
            self._manifest.left_out.append(name)

    def _add_folder(self, name: str, status: os.stat_result) -> None:
        info = tarfile.TarInfo(name)
        info.type = tarfile.DIRTYPE
        _describe(info, status)
        self._tar.addfile(info)

    def _add_file(self, path: Path, name: str, status: os.stat_result) -> None:
        with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as copy:
            is_database = _is_sqlite(path)
            is_copied = is_database and _copy_sqlite(path, copy, is_ours=path.parent == self._settings.data_dir)
            if not is_copied:
                copy.seek(0)
                copy.truncate()
                _copy_bytes(path, copy)
            info = tarfile.TarInfo(name)
            _describe(info, status)
            self._add_stream(info, copy)
        unfinished = [ending for ending in SQLITE_UNFINISHED if path.with_name(path.name + ending).exists()]
        if is_database and not is_copied and unfinished:
            self._manifest.as_files.append(name)
            for ending in unfinished:
                self._add(path.with_name(path.name + ending), name + ending)

    def _add_stream(self, info: tarfile.TarInfo, stream: IO[bytes]) -> None:
        info.size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        digest = hashlib.sha256()
        while piece := stream.read(1 << 20):
            digest.update(piece)
        stream.seek(0)
        self._tar.addfile(info, stream)
        self._manifest.files[info.name] = digest.hexdigest()
        self._manifest.total_bytes += info.size
        self._progress(len(self._manifest.files), self._manifest.total_bytes)

    def _add_dump(self, url: URL) -> None:
        with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as copy:
            content = run_postgresql("pg_dump", url, ["--format=custom", "--no-owner", "--no-privileges"])
            copy.write(content)
            info = tarfile.TarInfo(DUMP)
            info.mode = 0o600
            self._add_stream(info, copy)

    def _add_blobs(self) -> None:
        store = open_store(self._settings.blob_store, self._settings.s3_endpoint_url)
        for digest in store.digests():
            info = tarfile.TarInfo(BLOBS + digest)
            info.mode = 0o600
            self._add_stream(info, io.BytesIO(store.get(digest)))


def run_postgresql(program: str, url: URL, options: list[str], content: bytes = b"") -> bytes:
    """Run one of PostgreSQL's programs against a database, the password not on its command line.

    Raises
    ------
    BackupError
        The program is missing or fails.
    """
    found = shutil.which(program) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))), None)
    if found is None:
        raise BackupError(f"{program} is needed for a PostgreSQL database: install the package postgresql-client.")
    place = {"PGHOST": url.host, "PGPORT": str(url.port or 5432), "PGUSER": url.username, "PGPASSWORD": url.password}
    env = os.environ | {name: str(value) for name, value in place.items() if value}
    command = [found, *options, f"--dbname={url.database}"]
    done = subprocess.run(command, env=env, input=content, capture_output=True, check=False)
    if done.returncode != 0:
        raise BackupError(f"{program} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _files(root: Path) -> Iterator[Path]:
    """Yield folders, files and links below a folder, without following links; no temporary parts of databases."""
    for folder, names, files in os.walk(root, followlinks=False):
        here = Path(folder)
        if here == root:
            names[:] = [name for name in names if name not in LEFT_OUT]
        names.sort()
        for name in names:
            yield here / name
        for name in sorted(files):
            if not (name.endswith(SQLITE_COMPANIONS) and _is_sqlite(here / name.rpartition("-")[0])):
                yield here / name


def _copy_sqlite(path: Path, copy: IO[bytes], *, is_ours: bool) -> bool:
    """Copy an SQLite database as of one moment; False when one of a project's files cannot be read as a database.

    What people have in their projects is opened for reading only: SQLite would otherwise do what a journal beside it
    says, in the name of the platform. A project's database that stays locked is not waited for.

    Raises
    ------
    BackupError
        One of the platform's own databases cannot be copied.
    """
    give_up_at = None if is_ours else time.monotonic() + LOCKED_SECONDS

    def look(*_pages: int) -> None:
        if give_up_at is not None and time.monotonic() > give_up_at:
            raise TimeoutError

    url = f"{path.absolute().as_uri()}?mode={'rw' if is_ours else 'ro'}"
    wait_seconds = 30.0 if is_ours else LOCKED_SECONDS
    with tempfile.TemporaryDirectory() as folder:
        snapshot = Path(folder) / "snapshot"
        try:
            with (
                closing(sqlite3.connect(url, uri=True, timeout=wait_seconds)) as source,
                closing(sqlite3.connect(snapshot)) as target,
            ):
                source.backup(target, progress=look)
        except (sqlite3.Error, TimeoutError) as error:
            if is_ours:
                raise BackupError(f"The database {path} cannot be copied: {error}.") from error
            return False
        _copy_bytes(snapshot, copy)
    return True


def _copy_bytes(path: Path, copy: IO[bytes]) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as source:
        shutil.copyfileobj(source, copy, 1 << 20)


def _is_sqlite(path: Path) -> bool:
    try:
        if path.is_symlink() or not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    except OSError:
        return False


def _describe(info: tarfile.TarInfo, status: os.stat_result) -> None:
    info.mode, info.mtime = stat.S_IMODE(status.st_mode), status.st_mtime
    info.uid, info.gid = status.st_uid, status.st_gid
