"""The files of a project as the platform service touches them: never through a symbolic link, never outside.

Members write whatever they like into their project's folder, links and renames at any moment included, while the
service may run with more rights than they have. So every step of a path is opened by itself, relative to the one
before, and a symbolic link is refused at each (`openat(2)` with `O_NOFOLLOW`): there is no moment at which a checked
path could become another one.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from hub.errors import ConflictError, InvalidError, NotFoundError, UnavailableError

NAME_LIMIT_BYTES = 255
DEPTH_LIMIT = 64
NOT_COPIED = frozenset({".ipynb_checkpoints", "__pycache__"})
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not hold the service up


@dataclass(frozen=True)
class Entry:
    """One file or folder."""

    name: str
    path: str
    is_folder: bool
    size_bytes: int
    modified_at: datetime


def parts_of(path: str) -> tuple[str, ...]:
    """Return the steps of a path below the project's folder; empty for the folder itself.

    Raises
    ------
    InvalidError
        It is absolute, leads upwards, or holds what no file name may.
    """
    pure = PurePosixPath(path)
    parts = tuple(part for part in pure.parts if part != ".")
    is_wrong = pure.is_absolute() or ".." in parts or "\0" in path or len(parts) > DEPTH_LIMIT
    if is_wrong or any(len(part.encode(errors="replace")) > NAME_LIMIT_BYTES for part in parts):
        raise InvalidError(f"{path[:200]!r} is not a path inside of the project.", {"path": "leads out of the project"})
    return parts


class ProjectFolder:
    """One project's files.

    Parameters
    ----------
    root
        Folder of the files; it may not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def open_file(self, path: str) -> Iterator[tuple[int, os.stat_result]]:
        """Open a regular file for reading; gives its descriptor, which is closed at the end, and its status.

        Raises
        ------
        NotFoundError
            There is no such file, or the path leads through a symbolic link.
        """
        *above, name = parts_of(path) or ("",)
        with self._folder(above) as folder, _opened(name, _FILE, folder, path) as descriptor:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise NotFoundError(f"“{path}” is not a file.")
            yield descriptor, status

    def read(self, path: str, limit_bytes: int) -> bytes:
        """Return a file's content.

        Raises
        ------
        InvalidError
            It is larger than `limit_bytes`.
        """
        with self.open_file(path) as (descriptor, status):
            if status.st_size > limit_bytes:
                raise InvalidError(
                    f"“{path}” has {status.st_size / 1e6:.0f} MB; at most {limit_bytes / 1e6:.0f} MB can be shown. "
                    "Download it, or clear the outputs of a notebook."
                )
            with os.fdopen(os.dup(descriptor), "rb") as file:
                return file.read(limit_bytes)

    def entries(self, path: str = "", *, hidden: bool = False) -> list[Entry]:
        """Return what a folder holds, folders first; links and devices are left out."""
        with self._folder(parts_of(path)) as folder:
            found = list(_entries(folder, path.strip("/"), hidden=hidden))
        return sorted(found, key=lambda entry: (not entry.is_folder, entry.name.casefold()))

    def walk(self, path: str = "", *, hidden: bool = False) -> Iterator[tuple[Entry, int]]:
        """Yield every file below a folder with a descriptor of the folder that it is in, in the order of names."""
        with self._folder(parts_of(path)) as folder:
            yield from _walk(folder, path.strip("/"), hidden=hidden, depth=0)

    def size_bytes(self) -> int:
        """Return what all files take, hidden ones included."""
        try:
            return sum(entry.size_bytes for entry, _ in self.walk(hidden=True))
        except NotFoundError:
            return 0

    @contextmanager
    def writing(self, path: str) -> Iterator[tuple[int, str]]:
        """Give the folder (a descriptor; made when missing) and the name to write a file under.

        Raises
        ------
        InvalidError
            The path names no file.
        ConflictError
            A file, a link or a device is where a folder must be.
        """
        parts = parts_of(path)
        if not parts:
            raise InvalidError("Give the file a name.", {"path": "is empty"})
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.root, _FOLDER)
        try:
            for part in parts[:-1]:
                descriptor = _step_down(descriptor, part, path)
            yield descriptor, parts[-1]
        finally:
            os.close(descriptor)

    def copy_to(self, target: Path, path: str = "", limit_bytes: int | None = None) -> int:
        """Copy all files below `path` into a new folder; return how many bytes that were. Links are left out.

        Raises
        ------
        InvalidError
            They are more than `limit_bytes`.
        """
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        copied = 0
        for entry, folder in self.walk(path, hidden=True):
            relative = PurePosixPath(entry.path).relative_to(path.strip("/") or ".")
            copied += entry.size_bytes
            if limit_bytes is not None and copied > limit_bytes:
                raise InvalidError(f"The files are larger than the {limit_bytes / 1e9:.1f} GB that a project may hold.")
            to = target / relative
            to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _opened(entry.name, _FILE, folder, entry.path) as descriptor:
                _copy(descriptor, to)
        return copied

    @contextmanager
    def _folder(self, parts: tuple[str, ...] | list[str]) -> Iterator[int]:
        path = "/".join(parts)
        with _opened(str(self.root), _FOLDER, None, path) as top:
            descriptor = os.dup(top)
            try:
                for part in parts:
                    with _opened(part, _FOLDER, descriptor, path) as below:
                        os.close(descriptor)
                        descriptor = os.dup(below)
                yield descriptor
            finally:
                os.close(descriptor)


def remove_folder(folder: Path) -> None:
    """Delete a folder with everything in it, without following links; nothing happens when it is not there."""
    if folder.exists():
        shutil.rmtree(
            folder
        )  # safe against exchanged links: it works on descriptors (shutil.rmtree.avoids_symlink_attacks)


def replace_file(temporary: str, folder: int, name: str) -> None:
    """Put a complete temporary file in the place of another, so that readers see the old or the new one."""
    try:
        os.replace(temporary, name, dst_dir_fd=folder)
    except IsADirectoryError as error:
        raise ConflictError(f"“{name}” is a folder; choose another name.") from error


@contextmanager
def _opened(name: str, flags: int, folder: int | None, path: str) -> Iterator[int]:
    try:
        descriptor = os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise NotFoundError(f"There is no “{path}” in the project, or it is a link.") from error
        raise UnavailableError(f"“{path}” cannot be read: {error.strerror}.") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _step_down(descriptor: int, part: str, path: str) -> int:
    try:
        try:
            below = os.open(part, _FOLDER, dir_fd=descriptor)
        except FileNotFoundError:
            os.mkdir(part, 0o700, dir_fd=descriptor)
            below = os.open(part, _FOLDER, dir_fd=descriptor)
    except OSError as error:
        raise ConflictError(f"“{path}” cannot be made: “{part}” is not a folder ({error.strerror}).") from error
    os.close(descriptor)
    return below


def _entries(folder: int, path: str, *, hidden: bool) -> Iterator[Entry]:
    with os.scandir(folder) as found:
        for item in found:
            if (item.name.startswith(".") and not hidden) or item.is_symlink():
                continue
            try:
                status = item.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # gone meanwhile
            if stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode):
                is_folder = stat.S_ISDIR(status.st_mode)
                at = datetime.fromtimestamp(status.st_mtime, UTC)
                place = f"{path}/{item.name}" if path else item.name
                yield Entry(item.name, place, is_folder, 0 if is_folder else status.st_size, at)


def _walk(folder: int, path: str, *, hidden: bool, depth: int) -> Iterator[tuple[Entry, int]]:
    if depth > DEPTH_LIMIT:
        return
    for entry in sorted(_entries(folder, path, hidden=hidden), key=lambda e: e.name):
        if not entry.is_folder:
            yield entry, folder
        elif entry.name not in NOT_COPIED:
            try:
                with _opened(entry.name, _FOLDER, folder, entry.path) as below:
                    yield from _walk(below, entry.path, hidden=hidden, depth=depth + 1)
            except NotFoundError:
                continue  # exchanged for a link, or gone


def _copy(descriptor: int, to: Path) -> None:
    executable = os.fstat(descriptor).st_mode & 0o100
    with os.fdopen(os.dup(descriptor), "rb") as source, to.open("xb") as out:
        shutil.copyfileobj(source, out, 1 << 20)
    to.chmod(0o700 if executable else 0o600)
