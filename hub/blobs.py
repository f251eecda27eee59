"""The blob store: immutable contents under the name of their SHA-256 digest.

One interface of five methods; a folder and an S3-compatible object store implement it. What `put` has returned
survives a crash of the process and of the machine.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from hub.errors import NotFoundError, UnavailableError

DIGEST = re.compile(r"[0-9a-f]{64}")


class BlobStore(Protocol):
    """Keeps contents by digest. Every method may raise `UnavailableError` when the store does not answer."""

    def put(self, content: bytes) -> str:
        """Keep a content, durably, and return its digest: 64 lowercase hexadecimal digits. Repeating it is free."""
        ...

    def get(self, digest: str) -> bytes:
        """Return a content, verified against its digest; `NotFoundError` when it is not there."""
        ...

    def has(self, digest: str) -> bool:
        """Return whether a content is there."""
        ...

    def delete(self, digest: str) -> None:
        """Forget a content; nothing happens when it is not there."""
        ...

    def digests(self) -> Iterator[str]:
        """Return the digests of all contents, in no order."""
        ...


class FolderBlobStore:
    """Blobs as files below a folder, `ab/cdef…` by digest.

    A file is written under a temporary name, flushed to the disk, renamed, and its folder flushed: at any moment a
    digest names the whole content or nothing.

    Parameters
    ----------
    folder
        Made with mode 0700 when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, content: bytes) -> str:
        """Keep a content and return its digest."""
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        if path.exists():
            return digest
        try:
            if not path.parent.exists():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                flush_folder(self._folder)
            temporary = path.parent / f".{secrets.token_hex(8)}"
            try:
                with temporary.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.chmod(0o400)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
            flush_folder(path.parent)
        except OSError as error:
            raise UnavailableError(f"The blob store cannot keep {len(content)} bytes: {error.strerror}.") from error
        return digest

    def get(self, digest: str) -> bytes:
        """Return a content."""
        try:
            content = self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise NotFoundError(f"There is no content {digest[:12]}… in the blob store.") from error
        except OSError as error:
            raise UnavailableError(f"The blob store cannot be read: {error.strerror}.") from error
        return checked(digest, content)

    def has(self, digest: str) -> bool:
        """Return whether a content is there."""
        return self._path(digest).exists()

    def delete(self, digest: str) -> None:
        """Forget a content."""
        self._path(digest).unlink(missing_ok=True)

    def digests(self) -> Iterator[str]:
        """Return the digests of all contents."""
        for folder in self._folder.iterdir():
            for path in folder.iterdir():
                digest = folder.name + path.name
                if DIGEST.fullmatch(digest):
                    yield digest

    def _path(self, digest: str) -> Path:
        if not DIGEST.fullmatch(digest):
            raise NotFoundError(f"{digest[:80]!r} is not a SHA-256 digest.")
        return self._folder / digest[:2] / digest[2:]


@cache
def open_store(url: str, endpoint_url: str = "") -> BlobStore:
    """Return the blob store at an address, the same one for the same address.

    Parameters
    ----------
    url
        Path of a folder, or `s3://bucket/prefix`.
    endpoint_url
        Address of an S3-compatible store that is not Amazon's.
    """
    if url.startswith("s3://"):
        from hub.s3_blobs import S3BlobStore  # boto3 takes a while to import, and a folder does without

        parts = urlsplit(url)
        return S3BlobStore(parts.netloc, parts.path.strip("/"), endpoint_url)
    return FolderBlobStore(Path(url))


def checked(digest: str, content: bytes) -> bytes:
    """Return a content that has its digest.

    Raises
    ------
    UnavailableError
        It has not: the store has damaged it.
    """
    if hashlib.sha256(content).hexdigest() != digest:
        raise UnavailableError(f"The content {digest[:12]}… is damaged; restore it from a backup.")
    return content


def flush_folder(folder: Path) -> None:
    """Write a folder's names to the disk, so that a file made or renamed there outlives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
