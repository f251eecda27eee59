"""Files that somebody else may exchange at any moment, opened without ever following a link.

The notebooks of a project write into the folders of their runs what they like: links, pipes, folders where files were,
while the process that looks there may have rights that they do not have. So each step of a path is opened relative to
the one before, a link is refused at each (`openat(2)` with `O_NOFOLLOW`), and what is read or kept is what was opened.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DEEPEST = 64
_STEP = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not hold the reader up


@contextmanager
def opened_folder(path: Path, *, make: bool = False) -> Iterator[int]:
    """Open a folder; gives its descriptor.

    Parameters
    ----------
    path
        Absolute, without links.
    make
        Make what is missing of it.

    Raises
    ------
    OSError
        If there is none, or a link or a file is in its place.
    """
    descriptor = os.open("/", _STEP)
    try:
        for part in path.parts[1:]:
            descriptor = _step_down(descriptor, part, make=make)
        final = os.open(".", _FOLDER, dir_fd=descriptor)
    except OSError as error:
        raise type(error)(error.errno, f"{path} cannot be used: {os.strerror(error.errno or 0)}") from error
    finally:
        os.close(descriptor)
    try:
        yield final
    finally:
        os.close(final)


@contextmanager
def opened_below(folder: int, name: str) -> Iterator[int]:
    """Open a folder in a folder; gives its descriptor.

    Raises
    ------
    FileNotFoundError
        If there is none, or a link or a file is in its place.
    """
    try:
        descriptor = os.open(name, _FOLDER, dir_fd=folder)
    except OSError as error:
        raise FileNotFoundError(f"{name} is not a folder") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def opened_file(folder: int, name: str) -> Iterator[tuple[int, os.stat_result]]:
    """Open a regular file of a folder for reading; gives its descriptor and its status.

    Raises
    ------
    FileNotFoundError
        If there is none of that name, or it is something else.
    """
    try:
        descriptor = os.open(name, _FILE, dir_fd=folder)
    except OSError as error:
        raise FileNotFoundError(f"{name} is not a file") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FileNotFoundError(f"{name} is not a file")
        yield descriptor, status
    finally:
        os.close(descriptor)


def content(path: Path, limit_bytes: int) -> bytes | None:
    """What a file holds; `None` when there is none, it is larger than the limit, or a link is on the way."""
    try:
        with opened_folder(path.parent) as folder, opened_file(folder, path.name) as (descriptor, status):
            found = b"" if status.st_size > limit_bytes else _read(descriptor, limit_bytes + 1)
    except OSError:
        return None
    return found if status.st_size <= limit_bytes and len(found) <= limit_bytes else None


def names(path: Path) -> list[str]:
    """What a folder holds, that which was changed last first; empty when there is none."""
    try:
        with opened_folder(path) as folder, os.scandir(folder) as entries:
            found = [(entry.stat(follow_symlinks=False).st_mtime_ns, entry.name) for entry in entries]
    except OSError:
        return []
    return [name for _at, name in sorted(found, reverse=True)]


def walk(folder: int, below: str = "", depth: int = 0) -> Iterator[tuple[str, int, str]]:
    """Every regular file below a folder: its relative path, a descriptor of its folder, its name there; no links."""
    with os.scandir(folder) as entries:
        found = sorted((entry.name, entry.stat(follow_symlinks=False).st_mode) for entry in entries)
    for name, mode in found:
        path = f"{below}{name}"
        if stat.S_ISREG(mode):
            yield path, folder, name
        elif stat.S_ISDIR(mode) and depth < DEEPEST:
            with contextlib.suppress(FileNotFoundError), opened_below(folder, name) as inner:  # or exchanged meanwhile
                yield from walk(inner, f"{path}/", depth + 1)


def remove_tree(path: Path) -> None:
    """Remove a folder with everything in it; nothing happens when there is none."""
    # Not `shutil.rmtree`: where a folder is exchanged for a pipe, it waits for somebody to write there.
    with contextlib.suppress(OSError), opened_folder(path.parent) as folder:
        with contextlib.suppress(FileNotFoundError), opened_below(folder, path.name) as doomed:
            _empty(doomed)
        os.rmdir(path.name, dir_fd=folder)


def _empty(folder: int) -> None:
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        with contextlib.suppress(OSError):  # exchanged or gone meanwhile: it stays, as what it is now
            if not is_folder:
                os.unlink(name, dir_fd=folder)
                continue
            with opened_below(folder, name) as inner:
                _empty(inner)
            os.rmdir(name, dir_fd=folder)


def keep(descriptor: int, target: Path) -> None:
    """Give an open file a further name; where that cannot be, its content is copied."""
    folder = os.open(target.parent, _FOLDER)
    try:
        # With a descriptor the call is linkat(2) with AT_SYMLINK_FOLLOW, and what is named is what is open.
        os.link(f"/proc/self/fd/{descriptor}", target.name, dst_dir_fd=folder)
    except FileExistsError:
        raise
    except OSError:
        copy(descriptor, target)
    finally:
        os.close(folder)


def _read(descriptor: int, limit_bytes: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return file.read(limit_bytes)


def copy(descriptor: int, target: Path) -> None:
    """Write the content of an open file into a new one."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    with os.fdopen(os.dup(descriptor), "rb") as source, target.open("xb") as out:
        shutil.copyfileobj(source, out, 1 << 20)


def _step_down(descriptor: int, part: str, *, make: bool) -> int:
    try:
        below = os.open(part, _STEP, dir_fd=descriptor)
    except FileNotFoundError:
        if not make:
            raise
        with contextlib.suppress(FileExistsError):
            os.mkdir(part, 0o700, dir_fd=descriptor)
        below = os.open(part, _STEP, dir_fd=descriptor)
    os.close(descriptor)
    return below
