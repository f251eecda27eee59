"""What a pipeline of a project may name: files of the project, and nothing else of the machine it is run for."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from .errors import PipelineFileError, SecretError
from .model import Pipeline, Step

_LONGEST_SECRET_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Confinement:
    """The folder that everything has to lie in; the process that reads a pipeline may have rights beyond it.

    Attributes
    ----------
    root
        The project's files.
    longest_seconds
        Bound on each item of a step that has none of its own, or a longer one; `None` for none.
    """

    root: Path
    longest_seconds: float | None = None

    def path(self, name: str) -> Path:
        """The file of that name in the folder.

        Raises
        ------
        PipelineFileError
            If it lies outside, also through a link.
        """
        if "\0" not in name and not PurePosixPath(name).is_absolute():
            path = (self.root / name).resolve()
            if self._holds(path):
                return path
        raise PipelineFileError([f"{name}: lies outside the project."])

    def open(self, path: Path) -> BinaryIO:
        """Open a file of the folder for reading.

        Links may be exchanged at any moment, so it is not the path that is looked at, but what was found by it; only
        then is it opened for reading.

        Raises
        ------
        OSError
            If there is no such file in the folder.
        """
        found = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            own_name = Path(f"/proc/self/fd/{found}")
            is_file = stat.S_ISREG(os.fstat(found).st_mode)
            if not is_file or not self._holds(own_name.readlink()):
                raise PermissionError(errno.EACCES, "there is no such file in the project")
            return own_name.open("rb")
        finally:
            os.close(found)

    def glob(self, folder: Path, pattern: str) -> Iterator[Path]:
        """The files below a folder that fit a pattern; a link that leads outside is as if it were not there."""
        parts = PurePosixPath(pattern).parts
        if ".." not in parts and not PurePosixPath(pattern).is_absolute():
            yield from (path for path in self._fitting(folder, parts) if path.is_file())

    def apply(self, pipeline: Pipeline) -> Pipeline:
        """The pipeline with its references to secrets made absolute, and a bound on the time of each item.

        Raises
        ------
        PipelineFileError
            If it names what lies outside of the folder, or a variable of the process that runs pipelines.
        """
        problems: list[str] = []
        steps = {name: self._step(pipeline, step, problems) for name, step in pipeline.steps.items()}
        if problems:
            raise PipelineFileError(problems)
        return replace(pipeline, steps=steps)

    def resolve(self, references: Mapping[str, str]) -> dict[str, str]:
        """The values of secrets, read from files in the folder.

        Raises
        ------
        SecretError
            If there is none; the message never holds a value.
        """
        return {name: self._secret(name, reference) for name, reference in references.items()}

    def _fitting(self, folder: Path, parts: tuple[str, ...]) -> Iterator[Path]:
        if not parts:
            yield folder
            return
        first, rest = parts[0], parts[1:]
        if first == "**":
            yield from self._fitting(folder, rest)
            for inner in self._inside_of(folder, "*"):
                if inner.is_dir() and not inner.is_symlink():
                    yield from self._fitting(inner, parts)
            return
        for inner in self._inside_of(folder, first):
            if not rest or inner.is_dir():
                yield from self._fitting(inner, rest)

    def _inside_of(self, folder: Path, pattern: str) -> list[Path]:
        try:
            names = [path.name for path in folder.iterdir() if fnmatchcase(path.name, pattern)]
        except OSError:
            return []
        return [folder / name for name in sorted(names) if self._holds((folder / name).resolve())]

    def _holds(self, path: Path) -> bool:
        return path.is_relative_to(self.root.resolve())

    def _step(self, pipeline: Pipeline, step: Step, problems: list[str]) -> Step:
        where = f"{pipeline.file}, line {step.line}: step {step.name!r}"
        if not self._inside(pipeline.folder / step.notebook):
            problems.append(f"{where}: the notebook {step.notebook!r} lies outside the project.")
        for pattern in step.inputs:
            if PurePosixPath(pattern).is_absolute() or ".." in PurePosixPath(pattern).parts:
                problems.append(f"{where}: the input {pattern!r} lies outside the project.")
        secrets = {}
        for name, reference in step.secrets.items():
            kind, _, place = reference.partition(":")
            path = pipeline.folder / place
            if kind != "file" or not self._inside(path):
                problems.append(
                    f"{where}: secret {name!r}: in a project a secret is a file of the project, file:PATH; "
                    f"{reference!r} is not one."
                )
            secrets[name] = f"file:{path}"
        bounds = [seconds for seconds in (step.timeout_seconds, self.longest_seconds) if seconds is not None]
        return replace(step, secrets=secrets, timeout_seconds=min(bounds, default=None))

    def _inside(self, path: Path) -> bool:
        return self._holds(path.resolve())

    def _secret(self, name: str, reference: str) -> str:
        place = reference.partition(":")[2]
        try:
            with self.open(Path(place)) as file:
                return file.read(_LONGEST_SECRET_BYTES).decode(errors="replace").rstrip("\n")
        except OSError as error:
            raise SecretError(f"secret {name!r}: {Path(place).name} cannot be read ({error.strerror})") from error
