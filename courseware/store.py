"""What the package asks of its surroundings, and sets of files as immutable contents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy.orm import Session

from courseware.errors import InvalidError

P = ParamSpec("P")
T = TypeVar("T")
FILES_LIMIT = 500
TOTAL_LIMIT_BYTES = 200 * 1024 * 1024
PATH_LIMIT_CHARACTERS = 255


class Blobs(Protocol):
    """Keeps immutable contents by SHA-256 digest; what `put` returned is durable."""

    def put(self, content: bytes) -> str:
        """Keep a content and return its digest."""
        ...

    def get(self, digest: str) -> bytes:
        """Return a content."""
        ...

    def has(self, digest: str) -> bool:
        """Return whether a content is there."""
        ...


class Transactions(Protocol):
    """Runs work in database transactions."""

    def run(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(session, ...)` in one transaction, committed unless it raises."""
        ...

    def read(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(session, ...)`, which changes nothing, on one consistent state."""
        ...


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a set: where it lies, what it contains."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A set of files, sorted by path. Its digest identifies the set and everything in it."""

    files: tuple[StoredFile, ...]

    def to_bytes(self) -> bytes:
        """Return the canonical JSON, whose SHA-256 is the digest of the set."""
        rows = [{"path": f.path, "sha256": f.sha256, "size": f.size_bytes} for f in self.files]
        return json.dumps({"files": rows}, sort_keys=True, separators=(",", ":")).encode()

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def manifest_of(files: Mapping[str, StoredFile]) -> Manifest:
    """Return the manifest of files by path.

    Raises
    ------
    InvalidError
        A path is not plain and relative, there are too many files, or they are too large.
    """
    if len(files) > FILES_LIMIT:
        raise InvalidError(f"{len(files)} files are too many; {FILES_LIMIT} are allowed.")
    total = sum(file.size_bytes for file in files.values())
    if total > TOTAL_LIMIT_BYTES:
        raise InvalidError(f"The files have {total} bytes; {TOTAL_LIMIT_BYTES} are allowed.")
    for path in files:
        check_path(path)
    return Manifest(tuple(files[path] for path in sorted(files)))


def put_files(blobs: Blobs, files: Mapping[str, bytes]) -> Manifest:
    """Keep files and their manifest; return the manifest.

    Raises
    ------
    InvalidError
        As `manifest_of`.
    """
    digests = {
        path: StoredFile(path, hashlib.sha256(content).hexdigest(), len(content)) for path, content in files.items()
    }
    manifest = manifest_of(digests)
    for content in files.values():
        blobs.put(content)
    blobs.put(manifest.to_bytes())
    return manifest


def get_manifest(blobs: Blobs, digest: str) -> Manifest:
    """Return a manifest that was kept."""
    rows = json.loads(blobs.get(digest))["files"]
    return Manifest(tuple(StoredFile(row["path"], row["sha256"], row["size"]) for row in rows))


def get_files(blobs: Blobs, digest: str) -> dict[str, bytes]:
    """Return the files of a kept manifest, by path."""
    return {file.path: blobs.get(file.sha256) for file in get_manifest(blobs, digest).files}


def check_path(path: str) -> None:
    """Check that a path is relative, plain and stays inside its folder.

    Raises
    ------
    InvalidError
        It is not.
    """
    pure = PurePosixPath(path)
    parts = path.split("/")
    bad = (
        not path
        or len(path) > PATH_LIMIT_CHARACTERS
        or pure.is_absolute()
        or any(part in ("", ".", "..") for part in parts)
        or any(ord(letter) < 32 or letter == "\\" for letter in path)
    )
    if bad:
        raise InvalidError(f"The path {path[:80]!r} cannot be used: it must be relative, without “..” and backslashes.")
