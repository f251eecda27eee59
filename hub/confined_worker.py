"""Carry out one item of a pipeline as the project's own user, where projects have users of their own."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, cast

import pipelines.graph.worker as worker
from kernels import kernel_parent
from spawner import USER_ID_VARIABLE, confine_as_told

if TYPE_CHECKING:
    from kernels import RunMode

IDLE_SECONDS = 180.0
MOST_PROCESSES = 1000


def main(arguments: list[str]) -> None:
    """Enter the project's view of the machine, as its server does, then carry out the order."""
    confined = USER_ID_VARIABLE in os.environ
    confine_as_told()
    # The bound counts all processes of the user, so it is for a user that only this project is.
    worker.main(arguments, MOST_PROCESSES if confined else None)


def keep_kernels(arguments: list[str]) -> None:
    """Start the parent of the project's kernels in the project's view, and stay until nobody has needed it for long.

    Parameters
    ----------
    arguments
        The mode of the kernels, and the descriptor to close when their parent stands.
    """
    confine_as_told()
    try:
        kernel_parent(os.environ, cast("RunMode", arguments[0]), idle_seconds=IDLE_SECONDS).start()
    finally:
        os.close(int(arguments[1]))
    # Whatever leaves its own parent becomes a child of this process, and would end with it.
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
