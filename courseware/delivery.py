"""What a release does to a student's folder: nothing of theirs is ever overwritten. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath


class Step(StrEnum):
    """What to do with a released file."""

    WRITE = "write"  # it is new to the student, or replaces a version that they have not touched
    KEEP = "keep"  # it is there already
    BESIDE = "beside"  # the student has changed theirs: the released one goes beside it


@dataclass(frozen=True, slots=True)
class Delivery:
    """A released file and where it goes.

    Attributes
    ----------
    path
        In the assignment.
    target
        Where it is written, relative to the assignment's folder; the path itself unless it goes beside.
    step
        What to do.
    """

    path: str
    target: str
    step: Step


def plan_delivery(
    released: Mapping[str, str], present: Mapping[str, str], untouched: Mapping[str, Set[str]], version: int
) -> list[Delivery]:
    """Decide for each file of a version.

    Parameters
    ----------
    released
        SHA-256 of the version's files by path.
    present
        SHA-256 of what lies in the student's folder by path.
    untouched
        SHA-256 of each path as earlier versions had it: such a file holds no work.
    version
        Number of the version, which names a file that goes beside.
    """
    found = []
    for path, digest in sorted(released.items()):
        theirs = present.get(path)
        if theirs == digest:
            found.append(Delivery(path, path, Step.KEEP))
        elif theirs is None or theirs in untouched.get(path, ()):
            found.append(Delivery(path, path, Step.WRITE))
        else:
            target = beside(path, version)
            is_there = present.get(target) == digest
            found.append(Delivery(path, target, Step.KEEP if is_there else Step.BESIDE))
    return found


def beside(path: str, version: int) -> str:
    """Return the name of a released file that goes beside the student's: `p1 (released, version 2).ipynb`."""
    pure = PurePosixPath(path)
    return str(pure.with_name(f"{pure.stem} (released, version {version}){pure.suffix}"))
