"""Search in the files of a project: names, texts, and what stands in the cells of notebooks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from hub.errors import HubError
from hub.project_files import ProjectFolder

RESULT_LIMIT = 100
PER_FILE_LIMIT = 5
SEARCH_SECONDS = 5.0
TEXT_LIMIT_BYTES = 1_000_000
NOTEBOOK_LIMIT_BYTES = 20_000_000
EXCERPT_CHARACTERS = 120
TEXTS = frozenset(
    {
        *(".c", ".cfg", ".cpp", ".csv", ".h", ".html", ".ini", ".jl", ".js", ".json", ".md", ".py", ".pyx", ".r"),
        *(".rst", ".sh", ".sql", ".tex", ".toml", ".ts", ".tsv", ".txt", ".yaml", ".yml"),
    }
)


@dataclass(frozen=True)
class Match:
    """One place where the searched text stands."""

    path: str
    cell: int | None = None
    line: int | None = None
    excerpt: str = ""


@dataclass(frozen=True)
class Found:
    """What a search found, and whether it looked everywhere."""

    matches: tuple[Match, ...]
    is_complete: bool


def search(folder: ProjectFolder, text: str, seconds: float = SEARCH_SECONDS) -> Found:
    """Return where `text` stands in names and contents, ignoring case; names come first."""
    wanted = text.casefold()
    deadline = time.monotonic() + seconds
    names: list[Match] = []
    places: list[Match] = []
    for entry, _ in folder.walk():
        if time.monotonic() > deadline or len(names) + len(places) >= RESULT_LIMIT:
            return Found((*names, *places)[:RESULT_LIMIT], False)
        if wanted in entry.path.casefold():
            names.append(Match(entry.path))
        places.extend(_inside(folder, entry.path, entry.size_bytes, wanted))
    return Found((*names, *places)[:RESULT_LIMIT], len(names) + len(places) <= RESULT_LIMIT)


def _inside(folder: ProjectFolder, path: str, size: int, wanted: str) -> list[Match]:
    suffix = PurePosixPath(path).suffix.lower()
    limit = NOTEBOOK_LIMIT_BYTES if suffix == ".ipynb" else TEXT_LIMIT_BYTES
    if size > limit or not (suffix == ".ipynb" or suffix in TEXTS):
        return []
    try:
        text = folder.read(path, limit).decode("utf-8", errors="replace")
    except HubError:
        return []  # gone meanwhile
    found = _in_cells(path, text, wanted) if suffix == ".ipynb" else _in_lines(path, text, wanted)
    return [match for match, _ in zip(found, range(PER_FILE_LIMIT), strict=False)]


def _in_lines(path: str, text: str, wanted: str) -> Iterator[Match]:
    for number, line in enumerate(text.splitlines(), 1):
        if wanted in line.casefold():
            yield Match(path, None, number, _excerpt(line, wanted))


def _in_cells(path: str, text: str, wanted: str) -> Iterator[Match]:
    if wanted not in text.casefold() and wanted.isascii() and wanted.isalnum():
        return  # far faster than to parse every notebook; what JSON escapes is looked for in the cells
    try:
        cells = json.loads(text)["cells"]
        sources = [(number, cell["source"]) for number, cell in enumerate(cells, 1)]
    except (ValueError, KeyError, TypeError, RecursionError):
        return  # not a notebook
    for number, source in sources:
        lines = source if isinstance(source, list) else str(source).splitlines()
        for line in lines:
            if wanted in str(line).casefold():
                yield Match(path, number, None, _excerpt(str(line), wanted))
                break


def _excerpt(line: str, wanted: str) -> str:
    at = max(line.casefold().find(wanted) - EXCERPT_CHARACTERS // 3, 0)
    return line[at : at + EXCERPT_CHARACTERS].strip()
