"""Documents as files: bytes to content and back, read and written so that a crash leaves the old or the new file."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import nbformat as _nbformat
from jupyter_ydoc import YNotebook, ydocs
from jupyter_ydoc.ybasedoc import YBaseDoc
from nbformat.sign import NotebookNotary
from pycrdt import Doc

from spawner.rooms.errors import DocumentUnreadableError
from spawner.rooms.notebook_file import NotebookWriter, Signer, parse

nbformat: Any = _nbformat  # nbformat is typed only in parts
Stamp = tuple[int, int, int]
Output = dict[str, object]
MOMENT_KEY = "collegium"  # metadata of a cell that waits or runs
MARKS = (b"w\x07running", b"\x07requestw")  # what an update of Yjs holds of a value "running", and of that metadata


class Aside(Protocol):
    """Where large outputs are put aside."""

    def put_aside(self, output: Mapping[str, object]) -> list[Output]:
        """Return what the document holds of an output."""

    def whole(self, outputs: list[Output]) -> list[Output]:
        """Return outputs with everything in them."""


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
    large
        Where large outputs are while the document is open; None to leave them in it.
    """

    def __init__(
        self, content_type: str, file_format: str, notary: NotebookNotary | None, large: Aside | None = None
    ) -> None:
        self.content_type = content_type
        self.file_format = file_format
        self._large = large
        self._crlf = False
        self._signer = Signer(notary) if notary is not None else None

    def unsigned(self) -> FileFormat:
        """Return the same format for other threads: it signs nothing, because signatures belong to one thread."""
        other = FileFormat(self.content_type, self.file_format, None, self._large)
        other._crlf = self._crlf
        return other

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

    def writer(self, document: YBaseDoc) -> Callable[[], list[bytes]]:
        """Return what makes the bytes of the file of `document`, in pieces, and signs them where that is due.

        For the thread that the notary belongs to.
        """
        if isinstance(document, YNotebook):
            return NotebookWriter(document, self._make_whole, self._signer).write
        return lambda: [self.write(document.get())]

    def write(self, content: Any) -> bytes:
        """Return the bytes of a file with `content`, which is the caller's to give away."""
        if self.content_type == "notebook":
            for cell in content["cells"]:
                self._make_whole(cell)
            written: str = nbformat.writes(nbformat.from_dict(content), version=nbformat.NO_CONVERT)
            return (written + "\n").encode()
        text = str(content)
        if self.file_format == "base64":
            return base64.decodebytes(text.encode("ascii"))
        return (text.replace("\n", "\r\n") if self._crlf else text).encode()

    def _read_notebook(self, data: bytes) -> object:
        notebook = parse(data.decode("utf-8"))
        if self._signer is not None:
            self._signer.mark(notebook)
        if self._large is not None:
            for cell in notebook["cells"]:
                if cell.get("outputs"):
                    cell["outputs"] = [kept for output in cell["outputs"] for kept in self._large.put_aside(output)]
        return notebook

    def _make_whole(self, cell: Any) -> None:
        """Give a cell what its file has: large outputs, and nothing that is of the moment."""
        cell.get("metadata", {}).pop(MOMENT_KEY, None)
        if cell.get("outputs") and self._large is not None:
            cell["outputs"] = self._large.whole(cell["outputs"])


def unmark(cell: Any) -> None:
    """Show in a shared cell that it does not run."""
    if cell.get("execution_state") != "idle":
        cell["execution_state"] = "idle"
    if MOMENT_KEY in cell["metadata"]:
        del cell["metadata"][MOMENT_KEY]


def may_be_marked(update: bytes) -> bool:
    """Return whether an update holds what `unmark` takes away; looking into each of many cells takes much longer."""
    return any(mark in update for mark in MARKS)


def digest(*pieces: bytes) -> str:
    """Return the SHA-256 of data in hexadecimal, as Jupyter's contents API does."""
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def stamp(path: Path) -> Stamp | None:
    """Return what changes whenever a file is written or replaced; None when there is no file."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def replace(path: Path, data: Iterable[bytes], seen: Stamp | None = None) -> bool:
    """Write a file so that at any moment the old or the new content is there, and the new one survives a crash.

    Parameters
    ----------
    path
        The file.
    data
        Its new content, in pieces.
    seen
        The file as it was when `data` was made; None to write whatever is there.

    Returns
    -------
    bool
        False when somebody has changed the file since then: it is left alone.
    """
    path = path.resolve()  # a link stays a link
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask()
    descriptor, temporary = tempfile.mkstemp(prefix=".~", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        if seen is not None and stamp(path) not in (seen, None):
            Path(temporary).unlink()
            return False
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
    return True


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
