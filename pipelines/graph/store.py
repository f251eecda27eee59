"""Results on disk: published whole or not at all, found by key, files kept once by content."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from pipelines.notebook_files import write_text

from . import no_follow
from .keys import FileReference


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
    """Results and their files in a folder that the notebooks themselves need not be able to write.

    Layout: `objects/` holds each file's content once, by its SHA-256; `results/` holds, per key, the record, the
    recorded values and the output folder, whose files are hard links to the objects; `orders/` holds the last order
    for a key that has no result, `locks/` one lock per key, held from before the start of whoever runs it until the
    result is published; `logs/` what workers say.

    Parameters
    ----------
    folder
        Created when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("objects", "results", "orders", "locks", "logs", "staging"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def find(self, key: str) -> Result | None:
        """The published result of a key."""
        folder = self._result_folder(key)
        try:
            content = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return Result(**content, _folder=str(folder))

    def publish(self, result: Result, attempt: int, record: str, output: str) -> Result:
        """Make a result visible, in one step; when the key has one already, that one is kept and returned.

        Parameters
        ----------
        result
            Its `files` are filled in here.
        attempt
            Descriptor of the folder that has the files; links in it are left out.
        record, output
            Names in it: of the notebook, and of the folder whose files become the result's, which may be missing.

        Raises
        ------
        OSError
            If there is no such record, or the result cannot be written.
        """
        staging = Path(tempfile.mkdtemp(dir=self.folder / "staging"))
        try:
            with no_follow.opened_file(attempt, record) as (descriptor, _status):
                no_follow.copy(descriptor, staging / "record.ipynb")
            files = self._take_files(attempt, output, staging / "output")
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
        self.order_path(result.key).unlink(missing_ok=True)
        return published

    def forget(self, key: str) -> None:
        """Remove a result; its files go when `collect` finds nobody who links them."""
        self.order_path(key).unlink(missing_ok=True)
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
        for path in (file for name in ("orders", "logs", "locks") for file in (self.folder / name).iterdir()):
            with contextlib.suppress(FileNotFoundError):
                if path.stem not in named and path.stat().st_mtime < older_than.timestamp():
                    path.unlink()
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
    def lock(self, key: str, *, wait: bool = True) -> Iterator[BinaryIO | None]:
        """Hold the right to run a key; gives the file that holds it, or `None` when somebody else does.

        A process that inherits the file holds the right, too, and the system lets go of it with the last of them.
        """
        with self.lock_path(key).open("a+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield None
                return
            yield file

    def lock_path(self, key: str) -> Path:
        """The file whose lock `lock` holds; in it is the number of the process that runs the key."""
        return self.folder / "locks" / f"{key}.lock"

    def order_path(self, key: str) -> Path:
        """The last order for a key."""
        return self.folder / "orders" / f"{key}.json"

    def log_path(self, key: str) -> Path:
        """What the workers of a key say."""
        return self.folder / "logs" / f"{key}.log"

    def _take_files(self, attempt: int, output: str, target: Path) -> dict[str, str]:
        target.mkdir()
        files: dict[str, str] = {}
        with contextlib.suppress(FileNotFoundError), no_follow.opened_below(attempt, output) as folder:
            for name, inner, own_name in no_follow.walk(folder):
                with contextlib.suppress(FileNotFoundError), no_follow.opened_file(inner, own_name) as (found, _status):
                    files[name] = self._keep(found)
                    link = target / name
                    link.parent.mkdir(parents=True, exist_ok=True)
                    os.link(self._object_path(files[name]), link)
        return files

    def _keep(self, descriptor: int) -> str:
        """Have the content of an open file among the objects; return its SHA-256."""
        with os.fdopen(os.dup(descriptor), "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        placed = self._object_path(digest)
        placed.parent.mkdir(exist_ok=True)
        os.fchmod(descriptor, 0o444)
        with contextlib.suppress(FileExistsError):
            no_follow.keep(descriptor, placed)
        return digest

    def _object_path(self, digest: str) -> Path:
        return self.folder / "objects" / digest[:2] / digest

    def _result_folder(self, key: str) -> Path:
        return self.folder / "results" / key[:2] / key
