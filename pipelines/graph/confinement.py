"""What a pipeline of a project may name: files of the project, and nothing else of the machine it is run for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

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
    """

    root: Path

    def path(self, name: str) -> Path:
        """The file of that name in the folder.

        Raises
        ------
        PipelineFileError
            If it lies outside, also through a link.
        """
        path = (self.root / name).resolve()
        if not path.is_relative_to(self.root.resolve()) or PurePosixPath(name).is_absolute() or "\0" in name:
            raise PipelineFileError([f"{name}: lies outside the project."])
        return path

    def apply(self, pipeline: Pipeline) -> Pipeline:
        """The pipeline with its references to secrets made absolute.

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
        return replace(step, secrets=secrets)

    def _inside(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self.root.resolve())

    def _secret(self, name: str, reference: str) -> str:
        place = reference.partition(":")[2]
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise SecretError(f"secret {name!r}: {Path(place).name} cannot be read ({error.strerror})") from error
        with os.fdopen(descriptor, "rb") as file:
            # Links may have changed since the pipeline was checked; what is open now does not change any more.
            if not self._inside(Path(f"/proc/self/fd/{descriptor}")):
                raise SecretError(f"secret {name!r}: {Path(place).name} lies outside the project")
            return file.read(_LONGEST_SECRET_BYTES).decode(errors="replace").rstrip("\n")
