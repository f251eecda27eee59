"""What can go wrong outside the code that a kernel runs."""

from __future__ import annotations


class KernelsError(Exception):
    """Base of every error of this package.

    An error inside a notebook is not one of these: it is recorded in the `NotebookRun`.
    """


class ForkServerError(KernelsError):
    """The preloaded parent could not be started, or did not do what it was asked."""


class StaleForkServerError(ForkServerError):
    """The preloaded parent belongs to an environment that has changed; a new one is needed."""


class KernelStartError(KernelsError):
    """No kernel could be started, forked or cold."""


class SandboxError(KernelsError):
    """The machine cannot give the minimum of isolation that the policy asks for."""


class KernelSpecError(KernelsError):
    """A kernelspec could not be read, written or understood."""
