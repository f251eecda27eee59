"""Documents as files: bytes to content and back, read and written so that a crash leaves the old or the new file."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import nbformat as _nbformat
from jupyter_ydoc import ydocs
from jupyter_ydoc.ybasedoc import YBaseDoc
from nbformat.sign import NotebookNotary
from pycrdt import Doc

from spawner.rooms.errors import DocumentUnreadableError

nbformat: Any = _nbformat  # nbformat is typed only in parts
Stamp = tuple[int, int, int]


class FileFormat:
    """How a document's content is written as bytes.

    Parameters
    ----------
    content_type
        `notebook`, `file` or another of jupyter-ydoc's types.
    file_format
        `json`, `text` or `base64`, as in Jupyter's contents API.
    notary
        Signs notebooks whose outputs may run scripts in the browser; None to trust none.
    """

    def __init__(self, content_type: str, file_format: str, notary: NotebookNotary | None) -> None:
        self.content_type = content_type
        self.file_format = file_format
        self._notary: Any = notary
        self._crlf = False

    def document(self, doc: Doc[Any]) -> YBaseDoc:
        """Return the shared document of this type on `doc`."""
        document: YBaseDoc = ydocs.get(self.content_type, ydocs["file"])(doc)
        return document

    def read(self, data: bytes) -> object:
        """Return the content of a file.

        Raises
        ------
        DocumentUnreadableError
            The bytes are not of this format.
        """
        try:
            if self.content_type == "notebook":
                return self._read_notebook(data)
            if self.file_format == "base64":
                return base64.encodebytes(data).decode("ascii")
            text = data.decode("utf-8")
        except (ValueError, KeyError, nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
            raise DocumentUnreadableError(f"it cannot be read as {self.content_type}: {error}") from error
        self._crlf = "\r\n" in text
        return text.replace("\r\n", "\n")

    def write(self, content: object) -> bytes:
        """Return the bytes of a file with `content`."""
        if self.content_type == "notebook":
            notebook = nbformat.from_dict(content)
            if self._notary is not None and self._notary.check_cells(notebook):
                self._notary.sign(notebook)
            written: str = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
            return (written + "\n").encode()
        text = str(content)
        if self.file_format == "base64":
            return base64.decodebytes(text.encode("ascii"))
        return (text.replace("\n", "\r\n") if self._crlf else text).encode()

    def _read_notebook(self, data: bytes) -> object:
        notebook = nbformat.reads(data.decode("utf-8"), as_version=4)
        trusted = self._notary is not None and self._notary.check_signature(notebook)
        if self._notary is not None:
            self._notary.mark_cells(notebook, trusted)
        return notebook


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data` in hexadecimal, as Jupyter's contents API does."""
    return hashlib.sha256(data).hexdigest()


def stamp(path: Path) -> Stamp | None:
    """Return what changes whenever a file is written or replaced; None when there is no file."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def replace(path: Path, data: bytes) -> None:
    """Write a file so that at any moment the old or the new content is there, and the new one survives a crash."""
    path = path.resolve()  # a link stays a link
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask()
    descriptor, temporary = tempfile.mkstemp(prefix=".~", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
