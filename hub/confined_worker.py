"""Carry out one item of a pipeline as the project's own user, where projects have users of their own."""

from __future__ import annotations

import sys

import pipelines.graph.worker as worker
from spawner import confine_as_told


def main(arguments: list[str]) -> None:
    """Enter the project's view of the machine, as its server does, then carry out the order."""
    confine_as_told()
    worker.main(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
