"""Uploads that can be continued: parts are kept beside the project's files, out of its members' reach."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.errors import ConflictError, InvalidError, UnavailableError
from hub.project_files import ProjectFolder, parts_of, replace_file

KEPT_SECONDS = 7 * 24 * 3600.0


class Upload:
    """One file on its way into a project; the same user can go on with it after any interruption.

    Parameters
    ----------
    folder
        The project's files.
    path, size
        Where it is to go, and how large it will be.
    user_name
        Who uploads.
    """

    def __init__(self, folder: ProjectFolder, path: str, size: int, user_name: str) -> None:
        self._folder, self._size = folder, size
        self._path = "/".join(parts_of(path))
        if not self._path:
            raise InvalidError("Give the file a name.", {"path": "is empty"})
        key = hashlib.sha256(f"{user_name}\0{self._path}\0{size}".encode()).hexdigest()[:32]
        self._part = folder.root.parent / "uploads" / key

    def received_bytes(self) -> int:
        """Return how much has arrived."""
        try:
            return self._part.stat().st_size
        except FileNotFoundError:
            return 0

    def add(self, offset: int, content: bytes) -> int:
        """Add a part that begins at `offset`; return how much has arrived.

        Raises
        ------
        ConflictError
            It does not continue what has arrived; the message says where to go on.
        InvalidError
            It is more than was announced.
        """
        self._part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _writing(self._path):
            descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                received = os.fstat(descriptor).st_size
                if offset > received:
                    raise ConflictError(f"{received} bytes have arrived, so the next part begins there, not later.")
                if offset + len(content) > self._size:
                    raise InvalidError(f"This is more than the {self._size} bytes that were announced.")
                os.lseek(descriptor, offset, os.SEEK_SET)
                written = 0
                while written < len(content):
                    written += os.write(descriptor, content[written:])
                return max(received, offset + len(content))
            finally:
                os.close(descriptor)

    def finish(self, replace: bool) -> None:
        """Put the complete file into the project; an older file of that name stays unless `replace` is given.

        Raises
        ------
        ConflictError
            There is a file, or a folder, of that name.
        """
        with self._folder.writing(self._path) as (folder, name), _writing(self._path):
            if not replace and _exists(name, folder):
                raise ConflictError(
                    f"There is a file “{self._path}” already. Replace it, or upload under another name."
                )
            descriptor = os.open(self._part, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            replace_file(str(self._part), folder, name)


def forget_old(projects_dir: Path, now: float | None = None) -> int:
    """Delete parts that nobody went on with for a week; return how many."""
    before = (time.time() if now is None else now) - KEPT_SECONDS
    old = [part for part in projects_dir.glob("*/uploads/*") if part.stat().st_mtime < before]
    for part in old:
        part.unlink(missing_ok=True)
    return len(old)


def _exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


@contextmanager
def _writing(path: str) -> Iterator[None]:
    """Turn a full disk into words."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "the disk of the platform is full; tell the operator" if full else error.strerror
        raise UnavailableError(f"“{path}” cannot be written: {why}.") from error
