"""How files that a pipeline names are found and opened; those of a project are with more care than one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

Opener = Callable[[Path], BinaryIO]
"""Opens a file for reading; raises `OSError` where it may not be read."""


class FileAccess(Protocol):
    """What a pipeline sees of the machine that it is read on."""

    def open(self, path: Path) -> BinaryIO:
        """Open a file for reading; raises `OSError` where there is none, or it may not be read."""

    def glob(self, folder: Path, pattern: str) -> Iterator[Path]:
        """The files below a folder that fit a pattern."""


class AllFiles:
    """Everything that this process may read."""

    def open(self, path: Path) -> BinaryIO:
        """See `FileAccess`."""
        return path.open("rb")

    def glob(self, folder: Path, pattern: str) -> Iterator[Path]:
        """See `FileAccess`."""
        return (path for path in folder.glob(pattern) if path.is_file())


ALL_FILES = AllFiles()
open_plainly: Opener = ALL_FILES.open
