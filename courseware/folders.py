"""Which files of a folder belong to an assignment or a hand-in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath

LEFT_OUT = frozenset({"__pycache__"})  # beside everything whose name begins with a dot, checkpoints among it


def belongs(path: str | PurePath) -> bool:
    """Return whether a file, by its path below the folder, is a part of the work: no hidden and no made-up file."""
    return not any(part.startswith(".") or part in LEFT_OUT for part in PurePath(path).parts)


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a folder that belong to the work, by path below it, with what is in them."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and belongs(relative):
            yield relative.as_posix(), path.read_bytes()
