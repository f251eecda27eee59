"""Runs one part of the platform in a pod of its own: `python -m hub.part hub|proxy|service|worker|culler`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

PARTS = ("hub", "proxy", "service", "worker", "culler")


def main(arguments: list[str]) -> None:
    """Become the part that the first argument names; the proxy takes the others."""
    part = arguments[0] if arguments else ""
    if part == "hub":
        config = Path(__file__).parent / "jupyterhub_config.py"
        os.execv(sys.executable, [sys.executable, "-m", "jupyterhub", "--config", str(config)])  # noqa: S606
    elif part == "proxy":
        from hub.node import proxy_command

        command = [*proxy_command(), *arguments[1:]]
        os.execv(command[0], command)  # noqa: S606
    elif part == "service":
        from hub.service import main as serve

        serve()
    elif part == "worker":
        os.execv(sys.executable, [sys.executable, "-m", "hub.cli", "grade", "worker"])  # noqa: S606
    elif part == "culler":
        from hub.culler import main as cull

        asyncio.run(cull())
    else:
        sys.exit(f"name a part: {', '.join(PARTS)}")


if __name__ == "__main__":
    main(sys.argv[1:])
