"""What a project's state tells, asked from a process that is the project's own.

A project's code can put into its state whatever it likes: links to somebody else's files, databases whose reading never
ends or fills the memory. So the service, which may do what the project may not, does not open them: a process does that
is confined as the project's server is, for a bounded time and in bounded memory.
"""

from __future__ import annotations

import json
import os
import resource
import select
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from kernels import ForkServer, SpawnLimits
from spawner.confinement import USER_ID_VARIABLE, confine_as_told
from spawner.local import STATE_READER
from spawner.rooms.reading import ProjectState

QUESTIONS: Final = frozenset(
    ["history", "revision", "difference", "comments", "chat", "activity", "snapshots", "folder", "file", "file_size"]
)
LONGEST_SECONDS = 30.0
MEMORY_BYTES = 2 << 30
ANSWER_BYTES = 400_000_000
_VALUE, _BYTES, _MISSING, _FAILED = b"V", b"B", b"K", b"F"


class ConfinedState:
    """Asks `ProjectState` in a process of the project. Blocks: for use on threads.

    Parameters
    ----------
    parent
        Forks the process; `spawner.fork_server`'s.
    files, state, root
        As for `ProjectState`.
    user_id
        The project's user, 0 where projects have none of their own.
    """

    def __init__(self, parent: ForkServer, files: Path, state: Path, root: Path | None, user_id: int) -> None:
        self._parent, self._files, self._state, self._root = parent, files, state, root
        kept = ("PATH", "LANG", "LC_ALL", "TZ")
        self._environment = {name: os.environ[name] for name in kept if name in os.environ}
        self._environment |= {"JUPYTERHUB_ROOT_DIR": str(files), "COLLEGIUM_STATE_DIR": str(state), "HOME": str(files)}
        if user_id:
            self._environment[USER_ID_VARIABLE] = str(user_id)

    def ask(self, question: str, *arguments: str | int | None) -> Any:
        """Return what the method of `ProjectState` called `question` returns.

        Raises
        ------
        KeyError
            What is asked for is not there.
        OSError
            It cannot be read, or not within the bounds on time and memory.
        ForkServerError
            The process cannot be started.
        """
        if question not in QUESTIONS:
            raise ValueError(question)
        if not self._state.is_dir():  # no code of the project has run yet
            return getattr(ProjectState(self._files, self._state), question)(*arguments)
        root = None if self._root is None else str(self._root)
        order = json.dumps([str(self._files), str(self._state), root, question, arguments])
        answer, told = os.pipe()
        with os.fdopen(answer, "rb", buffering=0) as pipe:
            try:
                process = self._parent.spawn(
                    [order, "{descriptor:0}"],
                    env=self._environment,
                    cwd="/",
                    descriptors=[told],
                    target=STATE_READER,
                    limits=SpawnLimits(memory_bytes=MEMORY_BYTES),
                )
            finally:
                os.close(told)
            with closing(process):  # which ends it, whatever it does
                said = _received(pipe.fileno())
        if said[:1] == _BYTES:
            return said[1:]
        if said[:1] == _VALUE:
            return json.loads(said[1:])
        if said[:1] == _MISSING:
            raise KeyError(json.loads(said[1:]))
        raise OSError(said[1:].decode(errors="replace") or "the project's record cannot be read")


def _received(descriptor: int) -> bytes:
    said = bytearray()
    deadline = time.monotonic() + LONGEST_SECONDS
    ready = select.poll()
    ready.register(descriptor, select.POLLIN)
    while (left := deadline - time.monotonic()) > 0:
        if ready.poll(left * 1000):
            piece = os.read(descriptor, 1 << 20)
            if not piece:
                return bytes(said)
            said += piece
            if len(said) > ANSWER_BYTES:
                raise OSError("the project's record is too large to be read here")
    raise OSError("the project's record was not read in time")


def main(arguments: list[str]) -> None:
    """Answer one question: an order in JSON, and the descriptor to write the answer to."""
    confine_as_told()
    seconds = int(LONGEST_SECONDS)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    files, state, root, question, given = json.loads(arguments[0])
    with os.fdopen(int(arguments[1]), "wb") as pipe:
        try:
            if question not in QUESTIONS:
                raise ValueError(question)
            found = getattr(ProjectState(Path(files), Path(state), root and Path(root)), question)(*given)
            pipe.write(_BYTES + found if isinstance(found, bytes) else _VALUE + json.dumps(found).encode())
        except KeyError as error:
            pipe.write(_MISSING + json.dumps(str(error.args[0]) if error.args else "").encode())
        except Exception as error:  # at the edge: whatever the project's databases hold, the service is told
            pipe.write(_FAILED + f"{type(error).__name__}: {error}".encode(errors="replace")[:2000])
