"""The `collegium` command."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command; `collegium run` in a copy of a process that has imported everything, when one stands ready."""
    if sys.argv[1:2] == ["run"]:
        from hub.cli.standing import run_in_copy

        code = run_in_copy(sys.argv[1:])
        if code is not None:
            sys.exit(code)
    from hub.cli.app import main as run_here

    run_here()
