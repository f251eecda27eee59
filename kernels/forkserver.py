"""Ask a preloaded parent for children, and start that parent when there is none.

One parent serves one runtime folder, interpreter, list of modules and set of environment variables that the
interpreter reads at its start. The runtime folder belongs to one user and is closed to all others; a project's
server has its own, so that the parents of different projects cannot be reached from each other.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from ._forked import wire
from .errors import ForkServerError, StaleForkServerError
from .process import ForkedProcess

_PROGRAM = Path(__file__).parent / "_forked" / "__main__.py"
_MAX_SOCKET_PATH_BYTES = 100
_ANSWER_TIMEOUT_SECONDS = 120.0  # the first answer comes after the imports
_INTERPRETER_VARIABLES = ("LD_LIBRARY_PATH", "LD_PRELOAD", "VIRTUAL_ENV", "CONDA_PREFIX", "LANG", "LC_ALL")
_PARENT_VARIABLES = ("PATH", "HOME", "USER", "TMPDIR", "TZ", "MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")


@dataclass(frozen=True, slots=True)
class SpawnLimits:
    """Bounds that the operating system puts on one child.

    Attributes
    ----------
    resource_limits
        Name as in `resource.RLIMIT_*` without the prefix, to (soft, hard).
    data_growth_bytes
        Growth of the data segment of each process beyond the parent's; allocations beyond fail.
    memory_bytes
        Memory of the child and everything it starts, together, that is not shared with the parent. Kept by a
        control group where one can be made; otherwise the parent looks four times a second, and ends them all when
        they use more.
    processes, cpu_cores
        Of the child and everything it starts, together; kept by a control group, where one can be made.
    """

    resource_limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    data_growth_bytes: int | None = None
    memory_bytes: int | None = None
    processes: int | None = None
    cpu_cores: float | None = None


@dataclass(frozen=True, slots=True)
class ForkServerStatus:
    """What a parent says about itself.

    Attributes
    ----------
    pid
        Of the parent.
    children
        Process ids that live.
    forked
        How many it has forked in all.
    modules
        Preloaded, in order.
    missing
        Not preloaded, with the reason.
    preload_cpu_seconds
        What the imports cost, once.
    descriptors
        Open in the parent, for the tests of leaks.
    control_groups
        `version` (0 without any) and `controllers` of the control groups that it makes for children with limits.
    """

    pid: int
    children: tuple[int, ...]
    forked: int
    modules: tuple[str, ...]
    missing: Mapping[str, str]
    preload_cpu_seconds: float
    descriptors: int
    control_groups: Mapping[str, object]


class ForkServer:
    """A preloaded parent of child processes, started when first needed and shared by those who ask for the same.

    Parameters
    ----------
    preload
        Modules to import once, before any child.
    target
        `module:function`, called in each child with its list of arguments. The child ends when it returns.
        Several targets may be given, separated by commas; `spawn` then says which.
    python
        Interpreter of the parent and its children; this one by default.
    runtime_dir
        Folder for the socket; created with mode 0700. The user's Jupyter runtime folder by default.
    rehearsal
        `module:function` that a throw-away child runs so that the parent learns what is imported late.
    prepare
        `module:function` called in the parent before it serves; what it builds, all children have.
    idle_seconds
        The parent ends itself after so long without children and without connections.
    environment
        Variables from which the interpreter's own (`PYTHON*`, `LD_LIBRARY_PATH`, …) are taken; this process's
        by default. Nothing else of it reaches the parent, so that the parent holds no secrets.

    Notes
    -----
    All methods block; from a coroutine, call them in a thread. An instance holds no connection and no lock.
    """

    def __init__(
        self,
        *,
        preload: Sequence[str] = (),
        target: str,
        python: str | None = None,
        runtime_dir: Path | str | None = None,
        rehearsal: str = "",
        prepare: str = "",
        idle_seconds: float = 600.0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.targets = tuple(target.split(","))
        self.python = python or sys.executable
        self._preload = tuple(preload)
        self._rehearsal = rehearsal
        self._prepare = prepare
        self._idle_seconds = idle_seconds
        self._environment = _parent_environment(os.environ if environment is None else environment)
        key = json.dumps(
            [self._preload, self.targets, self.python, rehearsal, prepare, self._environment, _program_digest()]
        )
        name = hashlib.sha256(key.encode()).hexdigest()[:16]
        folder = _private_folder(Path(runtime_dir) if runtime_dir else Path(jupyter_runtime_dir()) / "forkserver")
        self.socket_path = folder / f"{name}.sock"
        self._lock_path = folder / f"{name}.lock"
        self.log_path = folder / f"{name}.log"

    def spawn(
        self,
        arguments: Sequence[str] = (),
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | str | None = None,
        stdin: Path | str | int | None = None,
        stdout: Path | str | int | None = None,
        stderr: Path | str | int | None = None,
        descriptors: Sequence[int] = (),
        target: str | None = None,
        limits: SpawnLimits | None = None,
        survive: bool = False,
        own_names: Sequence[str] = (),
        sandbox: Mapping[str, object] | None = None,
    ) -> ForkedProcess:
        """Fork a child.

        Parameters
        ----------
        arguments
            For the target. `{descriptor:N}` becomes the child's number of `descriptors[N]`.
        env
            All variables of the child; this process's by default.
        cwd
            Its working folder; this process's by default.
        stdin, stdout, stderr
            A file's path (appended to, for output), a descriptor of this process, or `None` for the null device.
        descriptors
            Descriptors of this process that the child gets, besides; closing them here stays with the caller.
        target
            Which of the targets; the first by default.
        limits
            Bounds on the child.
        survive
            Let the child live on when this process closes the returned object or ends; otherwise it is killed.
        own_names
            Preloaded top-level modules that give way when the working folder has a module of that name.

        sandbox
            What isolates the child, see `kernels.isolation.sandbox_order`; `cwd` has no effect then.

        Raises
        ------
        ForkServerError
            If the parent cannot be started or refuses.
        """
        limits = limits or SpawnLimits()
        opened, passed, stdio = _open_stdio((stdin, stdout, stderr))
        shift = len(passed)
        order: wire.Message = {
            "target": target or self.targets[0],
            "arguments": [_shift_descriptors(argument, shift) for argument in arguments],
            "environment": dict(os.environ if env is None else env),
            "working_folder": str(cwd or Path.cwd()),
            "stdio": stdio,
            "survive": survive,
            "resource_limits": {name: list(pair) for name, pair in limits.resource_limits.items()},
            "data_growth_bytes": limits.data_growth_bytes,
            "memory_limit_bytes": limits.memory_bytes,
            "processes": limits.processes,
            "cpu_cores": limits.cpu_cores,
            "own_names": list(own_names),
            "sandbox": None if sandbox is None else dict(sandbox),
        }
        try:
            return self._spawn_with_retry(order, [*passed, *descriptors])
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def attach(self, pid: int, token: str) -> ForkedProcess:
        """Own a surviving child again, from this process; its end is reported here from now on.

        Raises
        ------
        ForkServerError
            If no parent runs, or it does not know the child.
        """
        return attach(self.socket_path, pid, token)

    def start(self) -> ForkServerStatus:
        """Start the parent unless it runs, wait until it has preloaded, and return what it says."""
        with self._connect_or_start() as connection:
            return _status(_ask(connection, {"operation": "status"}))

    def status(self) -> ForkServerStatus | None:
        """What the parent says, or `None` when none runs."""
        connection = self._connect()
        if connection is None:
            return None
        with connection:
            return _status(_ask(connection, {"operation": "status"}))

    def stop(self) -> None:
        """Let the parent take no more orders and end with its last child; nothing happens when none runs."""
        connection = self._connect()
        if connection is not None:
            with connection:
                _ask(connection, {"operation": "stop"})

    def _spawn_with_retry(self, order: wire.Message, descriptors: list[int]) -> ForkedProcess:
        for attempt in range(3):
            connection = self._connect_or_start()
            try:
                answer = _ask(connection, {"operation": "spawn", "order": order}, descriptors)
                return ForkedProcess(int(str(answer["pid"])), str(answer["token"]), connection)
            except (StaleForkServerError, wire.WireError, OSError) as error:
                connection.close()
                if attempt == 2:
                    raise ForkServerError(f"the parent at {self.socket_path} does not answer: {error}") from error
            except ForkServerError:
                connection.close()
                raise
        raise AssertionError("unreachable")

    def _connect_or_start(self) -> socket.socket:
        connection = self._connect()
        if connection is not None:
            return connection
        with self._lock_path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            connection = self._connect()
            if connection is None:
                self._start_program()
                connection = self._connect()
        if connection is None:
            raise ForkServerError(f"the parent did not start; see {self.log_path}")
        return connection

    def _connect(self) -> socket.socket | None:
        return _connect(self.socket_path)

    def _start_program(self) -> None:
        self.socket_path.unlink(missing_ok=True)
        configuration = {
            "socket_path": str(self.socket_path),
            "preload": list(self._preload),
            "targets": list(self.targets),
            "rehearsal": self._rehearsal,
            "prepare": self._prepare,
            "idle_seconds": self._idle_seconds,
            "log_path": str(self.log_path),
        }
        command = [self.python, str(_PROGRAM), json.dumps(configuration)]
        try:
            subprocess.run(
                command, env=self._environment, check=True, timeout=60, stdin=subprocess.DEVNULL, capture_output=True
            )
        except subprocess.CalledProcessError as error:
            raise ForkServerError(f"{self.python} could not start the parent: {error.stderr.decode()}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ForkServerError(f"{self.python} could not start the parent: {error}") from error


def attach(socket_path: Path, pid: int, token: str) -> ForkedProcess:
    """As `ForkServer.attach`, by the socket's path; a parent that has been replaced is found, too."""
    error = ForkServerError(f"no parent listens at {socket_path}")
    for path in (socket_path, *socket_path.parent.glob(f"{socket_path.name}.*")):
        connection = _connect(path)
        if connection is None:
            continue
        try:
            answer = _ask(connection, {"operation": "attach", "pid": pid, "token": token})
            return ForkedProcess(pid, str(answer["token"]), connection)
        except (ForkServerError, wire.WireError) as refusal:
            connection.close()
            error = ForkServerError(str(refusal))
    raise error


def _connect(path: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_ANSWER_TIMEOUT_SECONDS)
    try:
        connection.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    if wire.peer_user_id(connection) != os.geteuid():
        connection.close()
        raise ForkServerError(f"{path} is served by another user")
    return connection


def _ask(connection: socket.socket, message: wire.Message, descriptors: list[int] | None = None) -> wire.Message:
    wire.send(connection, message, descriptors)
    answer, _none = wire.receive(connection)
    if "error" in answer:
        kind = StaleForkServerError if answer.get("stale") else ForkServerError
        raise kind(str(answer["error"]))
    return answer


def _status(answer: wire.Message) -> ForkServerStatus:
    content = dict(answer)
    content.pop("accepting")
    content["children"] = tuple(content["children"])  # type: ignore[arg-type]
    content["modules"] = tuple(content["modules"])  # type: ignore[arg-type]
    return ForkServerStatus(**content)  # type: ignore[arg-type]


def _parent_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith("PYTHON") or name in _INTERPRETER_VARIABLES or name in _PARENT_VARIABLES
    }


@cache
def _program_digest() -> str:
    """A new version of the program gets a parent of its own."""
    digest = hashlib.sha256()
    for path in sorted(_PROGRAM.parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _private_folder(folder: Path) -> Path:
    """The folder itself, or a short one when a socket's path in it would be too long for the system."""
    if len(os.fsencode(folder / "0123456789abcdef.sock")) > _MAX_SOCKET_PATH_BYTES:
        name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"forkserver-{os.geteuid()}-{name}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or state.st_mode & 0o077:
        raise ForkServerError(f"{folder} must be a folder of user {os.geteuid()} with mode 0700")
    return folder


def _open_stdio(standard: tuple[Path | str | int | None, ...]) -> tuple[list[int], list[int], list[int | None]]:
    """Descriptors opened here, descriptors to pass, and which of those is 0, 1 and 2 in the child."""
    opened: list[int] = []
    passed: list[int] = []
    stdio: list[int | None] = []
    for number, stream in enumerate(standard):
        if stream is None:
            stdio.append(None)
            continue
        if not isinstance(stream, int):
            flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
            stream = os.open(stream, flags, 0o600)
            opened.append(stream)
        stdio.append(len(passed))
        passed.append(stream)
    return opened, passed, stdio


def _shift_descriptors(argument: str, shift: int) -> str:
    head, marker, tail = argument.partition("{descriptor:")
    number, brace, rest = tail.partition("}")
    if not marker or not brace or not number.isdigit():
        return argument
    return f"{head}{marker}{int(number) + shift}{brace}{_shift_descriptors(rest, shift)}"
