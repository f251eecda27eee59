"""Make a test cell prove that it ran, unaltered, against honest objects.

Placeholder until the checks are in: the source goes through as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbformat import NotebookNode


@dataclass(frozen=True, slots=True)
class Guarded:
    """A test ready to be sent to a kernel."""

    source: str
    nonce: str
    lasting: str


def guard(source: str) -> Guarded:
    """Return the test as it is sent."""
    return Guarded(source, "", "")


def unguard(outputs: Sequence[NotebookNode], guarded: Guarded) -> tuple[list[NotebookNode], str]:
    """Return the outputs of the test itself, and what was noticed."""
    return list(outputs), ""
