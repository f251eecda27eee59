"""Copies of a project's files in the blob store: what is published, and what is made of it again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from hub.blobs import BlobStore
from hub.errors import InvalidError, NotFoundError
from hub.project_files import Entry, ProjectFolder, parts_of

FILES_LIMIT = 2000
FILE_LIMIT_BYTES = 100_000_000
TOTAL_LIMIT_BYTES = 500_000_000


def snapshot(folder: ProjectFolder, path: str, store: BlobStore) -> dict[str, tuple[str, int]]:
    """Put a file, or all files of a folder, into the blob store; return digest and size by path below `path`.

    Hidden files stay out: settings and keys are kept in them.

    Raises
    ------
    NotFoundError
        There is nothing to publish at `path`.
    InvalidError
        It is too much.
    """
    contents: dict[str, tuple[str, int]] = {}
    total = 0
    for name, place, size in _named(folder, path):
        total += size
        if len(contents) >= FILES_LIMIT or total > TOTAL_LIMIT_BYTES:
            raise InvalidError(
                f"At most {FILES_LIMIT} files and {TOTAL_LIMIT_BYTES / 1e6:.0f} MB can be published at once; "
                "publish a folder with less in it."
            )
        content = folder.read(place, FILE_LIMIT_BYTES)
        contents[name] = (store.put(content), len(content))
    if not contents:
        raise NotFoundError(f"There is nothing to publish in “{path or 'this project'}”. Put files into it first.")
    return contents


def write_out(contents: Mapping[str, tuple[str, int]], store: BlobStore, target: Path) -> None:
    """Write the files of a publication into a new folder."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, (digest, _size) in contents.items():
        to = target.joinpath(*parts_of(name))
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(store.get(digest))


def _named(folder: ProjectFolder, path: str) -> list[tuple[str, str, int]]:
    """Return name below the published path, path in the project, and size of each file."""
    clean = "/".join(parts_of(path))
    if clean and any(part.startswith(".") for part in clean.split("/")):
        raise InvalidError("Hidden files are not published.")
    try:
        with folder.open_file(clean) as (_descriptor, status):
            return [(clean.rpartition("/")[2], clean, status.st_size)]
    except NotFoundError:
        pass  # a folder, or nothing: then the walk says so
    return [(_below(entry, clean), entry.path, entry.size_bytes) for entry, _ in folder.walk(clean)]


def _below(entry: Entry, path: str) -> str:
    return entry.path[len(path) + 1 :] if path else entry.path
