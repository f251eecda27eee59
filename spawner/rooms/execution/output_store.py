"""Large outputs beside the documents: complete data by content, printed text while it grows.

`<folder>/ab/cdef…` is a JSON object of a MIME bundle, or the text of a stream, named by the SHA-256 of its bytes;
`<folder>/growing/<id>` a text that is still being printed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NAME = re.compile(r"[0-9a-f]{64}|[0-9a-f-]{36}")
STREAM_BYTES = 100_000_000


@dataclass(frozen=True)
class Piece:
    """A part of a printed text."""

    text: str
    offset: int
    next_offset: int | None
    total: int
    complete: bool


class OutputStore:
    """Keeps large outputs in a folder.

    Parameters
    ----------
    folder
        Made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "growing").mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, content: bytes) -> str:
        """Keep a content durably; return its digest."""
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            temporary = path.with_name(f".{secrets.token_hex(8)}")
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        else:
            os.utime(path)  # shown again
        return digest

    def get(self, digest: str) -> bytes:
        """Return a content.

        Raises
        ------
        KeyError
            It is not there.
        """
        try:
            return self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise KeyError(digest) from error

    def bundle(self, digest: str) -> dict[str, object]:
        """Return a MIME bundle.

        Raises
        ------
        KeyError
            It is not there.
        """
        found: dict[str, object] = json.loads(self.get(digest))
        return found

    def grow(self, name: str, text: str) -> int:
        """Append to a text that is being printed; return its bytes. Beyond 100 MB nothing is kept."""
        with self._path(name).open("ab") as file:
            room = STREAM_BYTES - file.tell()
            file.write(text.encode()[: max(room, 0)])
            return file.tell()

    def finish(self, name: str) -> str:
        """Give a text that is printed completely its lasting name, and return it."""
        path = self._path(name)
        digest = self.put(path.read_bytes())
        path.unlink()
        return digest

    def piece(self, name: str, offset: int, limit: int) -> Piece:
        """Return at most `limit` bytes of a text from `offset` on, cut between characters.

        Raises
        ------
        KeyError
            It is not there.
        """
        path = self._path(name)
        try:
            with path.open("rb") as file:
                total = file.seek(0, os.SEEK_END)
                file.seek(min(offset, total))
                data = file.read(limit)
        except FileNotFoundError as error:
            raise KeyError(name) from error
        text = data.decode("utf-8", errors="ignore")
        end = min(offset, total) + len(text.encode())
        if end == offset and data and end < total:
            end = offset + 1  # not at the start of a character: go on behind it
        return Piece(text, offset, end if end < total else None, total, len(name) == 64)

    def all(self) -> Iterator[tuple[str, Path]]:
        """Yield names and files of everything that is kept."""
        for folder in self.folder.iterdir():
            if folder.is_dir():
                for path in folder.iterdir():
                    name = path.name if folder.name == "growing" else folder.name + path.name
                    if NAME.fullmatch(name):
                        yield name, path

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise KeyError(name)
        return self.folder / (f"{name[:2]}/{name[2:]}" if len(name) == 64 else f"growing/{name}")
