"""What can be wrong with a pipeline or one of its runs."""

from __future__ import annotations

from pipelines.errors import PipelineFileError, PipelinesError

__all__ = [
    "ExpressionError",
    "InputFileError",
    "LaunchError",
    "PipelineFileError",
    "RunStateError",
    "SecretError",
    "UnknownRunError",
]


class ExpressionError(PipelinesError):
    """An expression in `${…}` cannot be read or has no value."""


class InputFileError(PipelinesError):
    """A file that a step declares as its input cannot be read."""


class UnknownRunError(PipelinesError):
    """There is no run of that name."""


class RunStateError(PipelinesError):
    """What was asked for does not fit the state of the run."""


class SecretError(PipelinesError):
    """A secret cannot be found where its reference points."""


class LaunchError(PipelinesError):
    """An item of a step could not be started, or its process ended without a result."""
