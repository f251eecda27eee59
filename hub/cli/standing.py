"""`collegium run` without its imports: in a fork of a process that an earlier `collegium run` has left behind.

What is imported here is imported at every start of the command, so it is the standard library alone, and little of
it. The program that forks is that of `kernels.ForkServer`; only its messages are needed, and they are loaded by
path, because importing `kernels` costs ten times as much as the rest of the command.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from types import FrameType, ModuleType

TARGET = "hub.cli.forked:main"
SWITCH = "COLLEGIUM_STANDING"
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
_SOURCES = ("hub/cli", "pipelines", "kernels", "kernels/_forked")
_READ_AT_START = (
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "VIRTUAL_ENV", "CONDA_PREFIX", "LANG", "LC_ALL", "HOME", "PATH"),
    *("USER", "TMPDIR", "TZ", "MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "JUPYTER_RUNTIME_DIR"),
)
_CONNECT_SECONDS = 5.0


def run_in_copy(arguments: list[str]) -> int | None:
    """Run the command in a fork; return its exit status, or `None` when no process stands ready."""
    if os.environ.get(SWITCH) == "0" or "--short" in arguments:
        return None
    connection = _connect()
    if connection is None:
        return None
    with connection:
        return _run(connection, arguments)


def pointer_path() -> str:
    """The file that names the socket: one for each interpreter, version of the sources, and its environment."""
    parts = [sys.executable, str(os.geteuid())]
    parts += [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("PYTHON")]
    parts += [f"{name}={os.environ.get(name)}" for name in _READ_AT_START]
    for folder in _SOURCES:
        with os.scandir(os.path.join(_ROOT, folder)) as entries:  # noqa: PTH118
            parts += sorted(f"{e.name} {e.stat().st_mtime_ns}" for e in entries if e.name.endswith(".py"))
    import hashlib

    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    return os.path.join(cache, "collegium", f"run-{digest}")  # noqa: PTH118


def _connect() -> socket.socket | None:
    try:
        with open(pointer_path(), encoding="utf-8") as file:  # noqa: PTH123
            path, kernels = file.read().split("\n")
        # Without the parent of kernels, the fork would start one that ends with it: the next start is for a process
        # of its own, which leaves both behind.
        _open(kernels).close()
        connection = _open(path)
    except (OSError, ValueError):
        return None
    if _wire().peer_user_id(connection) != os.geteuid():
        connection.close()
        return None
    return connection


def _open(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_CONNECT_SECONDS)
    connection.connect(path)
    return connection


def _run(connection: socket.socket, arguments: list[str]) -> int | None:
    wire = _wire()
    order = {
        "target": TARGET,
        "arguments": arguments,
        "environment": dict(os.environ),
        "working_folder": os.getcwd(),  # noqa: PTH109
        "stdio": [0, 1, 2],
        "survive": False,
        "resource_limits": {},
        "data_growth_bytes": None,
        "memory_limit_bytes": None,
        "own_names": [],
        "sandbox": None,
    }
    try:
        wire.send(connection, {"operation": "spawn", "order": order}, [0, 1, 2])
        answer, _none = wire.receive(connection)
    except (wire.WireError, OSError):
        return None
    if "error" in answer:
        return None
    pid = int(answer["pid"])
    connection.settimeout(None)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        os.kill(pid, number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    try:
        ended, _none = wire.receive(connection)
    except wire.WireError:
        sys.stderr.write("Error: the process that ran the notebook was lost.\n")
        return 1
    number, code = ended.get("signal_number"), ended.get("exit_code")
    return 128 + int(str(number)) if number else int(str(code or 0))


def _wire() -> ModuleType:
    name = "_collegium_fork_wire"
    if name not in sys.modules:
        path = os.path.join(_ROOT, "kernels", "_forked", "wire.py")  # noqa: PTH118
        spec = spec_from_loader(name, SourceFileLoader(name, path))
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]
