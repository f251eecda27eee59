"""What can be wrong with a notebook, its parameters, a pipeline or an experiment."""

from __future__ import annotations


class PipelinesError(Exception):
    """Base of every error of this package; the message says what to do."""


class NotebookFileError(PipelinesError):
    """A notebook is missing or cannot be read."""


class ParameterCellError(PipelinesError):
    """The cell tagged `parameters` is not valid Python."""


class ParameterValueError(PipelinesError):
    """Values do not fit the notebook: unknown names, wrong types, missing ones.

    Attributes
    ----------
    problems
        One sentence per value, by the parameter's name.
    """

    def __init__(self, message: str, problems: dict[str, str]) -> None:
        super().__init__(message)
        self.problems = problems


class PipelineFileError(PipelinesError):
    """The description of a pipeline or an experiment is wrong; each problem names file and line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems) + "\nNothing was run.")
        self.problems = problems
