"""Target: cells of a short notebook, run in the child itself, without sockets."""

from __future__ import annotations


def main(arguments: list[str]) -> None:
    raise SystemExit("not yet")
