"""Results on disk: published whole or not at all, found by key, files kept once by content."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.notebook_files import write_text

from .keys import FileReference, file_digest


@dataclass(frozen=True, slots=True)
class Result:
    """What an item has produced.

    Attributes
    ----------
    key
        By which it is found.
    parts
        What the key was made of, to explain a later miss.
    values
        What the notebook recorded.
    files
        Names in the output folder, relative, to SHA-256.
    made_by
        The execution that ran it.
    duration_seconds, cpu_seconds, peak_memory_bytes
        Of the run.
    """

    key: str
    parts: Mapping[str, Any]
    values: Mapping[str, Any]
    files: Mapping[str, str]
    made_by: str
    duration_seconds: float = 0.0
    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None
    _folder: str = field(default="", repr=False, compare=False)

    @property
    def record(self) -> Path:
        """The notebook that shows the run."""
        return Path(self._folder) / "record.ipynb"

    @property
    def output(self) -> Path:
        """Folder of the files."""
        return Path(self._folder) / "output"

    def file(self, name: str) -> FileReference:
        """One file; raises `KeyError` with the known names when there is none of that name."""
        if name not in self.files:
            raise KeyError(f"file {name!r}; there are: {', '.join(self.files) or 'none'}")
        return FileReference(self.output / name, self.files[name])


class Store:
    """Results and their files in a folder.

    Layout: `objects/` holds each file's content once, by its SHA-256; `results/` holds, per key, the record, the
    recorded values and the output folder, whose files are hard links to the objects; `locks/` holds one lock per
    key, taken by whoever runs it.

    Parameters
    ----------
    folder
        Created when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("objects", "results", "locks", "staging"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def find(self, key: str) -> Result | None:
        """The published result of a key."""
        folder = self._result_folder(key)
        try:
            content = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return Result(**content, _folder=str(folder))

    def publish(self, result: Result, record_text: str, output: Path) -> Result:
        """Make a result visible, in one step; when the key has one already, that one is kept and returned.

        Parameters
        ----------
        result
            Its `files` are filled in here.
        record_text
            The notebook.
        output
            Folder whose files become the result's; they are moved out of it.
        """
        staging = Path(tempfile.mkdtemp(dir=self.folder / "staging"))
        try:
            files = self._take_files(output, staging / "output")
            write_text(staging / "record.ipynb", record_text)
            content = asdict(result) | {"files": files}
            content.pop("_folder")
            write_text(staging / "result.json", json.dumps(content, indent=1))
            target = self._result_folder(result.key)
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError):  # it is there: a rename never replaces a folder that is not empty
                staging.rename(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        published = self.find(result.key)
        if published is None:
            raise OSError(f"the result could not be written to {self._result_folder(result.key)}")
        return published

    def forget(self, key: str) -> None:
        """Remove a result; its files go when `collect` finds nobody who links them."""
        folder = self._result_folder(key)
        doomed = self.folder / "staging" / f"forgotten-{key}-{os.getpid()}"
        with contextlib.suppress(FileNotFoundError):
            folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def expire(self, older_than: datetime, named: Set[str]) -> int:
        """Remove the results that are older and whose keys are not `named`, then `collect`; return what that freed."""
        for folder in (self.folder / "results").glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                if folder.name not in named and folder.stat().st_mtime < older_than.timestamp():
                    self.forget(folder.name)
        return self.collect()

    def collect(self) -> int:
        """Remove the objects that no result links any more; return how many bytes that freed."""
        freed = 0
        for path in (self.folder / "objects").glob("*/*"):
            state = path.stat()
            if state.st_nlink == 1:
                freed += state.st_size
                path.unlink()
        return freed

    @contextmanager
    def lock(self, key: str, *, wait: bool = True) -> Iterator[bool]:
        """Hold the right to run a key; yields whether it is held. The system lets go of it with the process."""
        with self.lock_path(key).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True

    def lock_path(self, key: str) -> Path:
        """The file whose lock `lock` holds."""
        return self.folder / "locks" / f"{key}.lock"

    def _take_files(self, output: Path, target: Path) -> dict[str, str]:
        target.mkdir()
        files: dict[str, str] = {}
        for path in sorted(output.rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            name = path.relative_to(output).as_posix()
            files[name] = file_digest(path)
            placed = self._object(path, files[name])
            link = target / name
            link.parent.mkdir(parents=True, exist_ok=True)
            os.link(placed, link)
        return files

    def _object(self, path: Path, digest: str) -> Path:
        placed = self.folder / "objects" / digest[:2] / digest
        if not placed.exists():
            placed.parent.mkdir(exist_ok=True)
            path.chmod(0o444)
            try:
                path.replace(placed)
            except OSError:  # the folders are on different file systems
                temporary = placed.with_suffix(f".{os.getpid()}")
                shutil.copyfile(path, temporary)
                temporary.chmod(0o444)
                temporary.replace(placed)
        return placed

    def _result_folder(self, key: str) -> Path:
        return self.folder / "results" / key[:2] / key
