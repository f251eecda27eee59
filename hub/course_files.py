"""The files of an assignment in a project: read what is there, write what is delivered."""

from __future__ import annotations

import hashlib
import os
import secrets

from courseware.folders import belongs
from hub.errors import InvalidError, NotFoundError
from hub.project_files import ProjectFolder

FILE_LIMIT_BYTES = 64 * 1024 * 1024


def read_folder(folder: ProjectFolder, name: str) -> dict[str, bytes]:
    """Return the visible files of an assignment's folder by path below it."""
    found: dict[str, bytes] = {}
    try:
        entries = [entry for entry, _ in folder.walk(name)]
    except NotFoundError:
        return {}
    for entry in entries:
        if belongs(entry.path):
            found[entry.path[len(name) + 1 :]] = folder.read(entry.path, FILE_LIMIT_BYTES)
    return found


def digest_of(folder: ProjectFolder, path: str) -> str:
    """Return the SHA-256 of a file, empty when it is not there."""
    try:
        return hashlib.sha256(folder.read(path, FILE_LIMIT_BYTES)).hexdigest()
    except NotFoundError:
        return ""
    except InvalidError:
        return "too large to be ours"


def write_file(folder: ProjectFolder, path: str, content: bytes) -> None:
    """Write a file whole: who reads meanwhile sees the old one or the new one."""
    with folder.writing(path) as (descriptor, name):
        temporary = f".{secrets.token_hex(8)}.delivery"
        new = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=descriptor)
        with os.fdopen(new, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
