"""Carry out orders in worker processes of this machine, forked from a preloaded parent."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from kernels import ForkServer, ForkServerError, RunMode, kernel_parent

from .attempts import known_outcome, prepare
from .orders import Order, Outcome
from .store import Store

log = logging.getLogger("collegium.pipelines")
_POLL_SECONDS = 0.1
_GRACE_SECONDS = 5.0
_LONGEST_CANCEL_SECONDS = 30.0
_LONGEST_PRELOAD_SECONDS = 120.0
_WORKER = "pipelines.graph.worker"


class _Process(Protocol):
    """What a forked worker and a started one have in common."""

    def poll(self) -> int | None: ...

    def wait(self) -> int: ...


class LocalLauncher:
    """Worker processes on this machine; see `Launcher`.

    A worker outlives the service that started it, and holds the lock of its key: a restarted service waits for it
    instead of starting another.

    Parameters
    ----------
    store
        Where results are published.
    runtime_folder
        For the sockets of the preloaded parent; the user's Jupyter runtime folder by default.
    environment
        All variables of the workers, secrets of the step aside; this process's by default.
    worker
        Module whose `main` carries out an order.
    keeper
        `module:function` that starts the parent of kernels where workers live in a view of their own, and stays as
        long as that parent does; it is told the mode, and a descriptor to close when the parent stands. Without one,
        the parent of kernels is started from here.
    user_id
        Who the workers are, where they are not who this process is: nobody else is sent a signal.
    """

    def __init__(
        self,
        store: Store,
        runtime_folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        worker: str = _WORKER,
        keeper: str = "",
        user_id: int | None = None,
    ) -> None:
        self._worker, self._keeper, self._user_id = worker, keeper, user_id
        self._store = store
        self._environment = environment
        self._runtime_folder = runtime_folder
        self._parent: ForkServer | None = None
        self._keepers: dict[RunMode, _Process] = {}
        self._cancelled: set[str] = set()
        self._guard = threading.Lock()

    def run(self, order: Order, secrets: Mapping[str, str]) -> Outcome:
        """Carry out an order, or wait for the worker that does; blocks until it has ended."""
        while not self._is_cancelled(order):
            if (known := known_outcome(order, self._store)) is not None:
                return known
            with self._store.lock(order.key, wait=False) as lock:
                if lock is not None:
                    # It may have ended between the two looks.
                    return known_outcome(order, self._store) or self._run(order, secrets, lock)
            time.sleep(_POLL_SECONDS)
        return Outcome("cancelled", "The run was cancelled.")

    def cancel(self, order: Order) -> None:
        """End the worker that holds the lock of the order's key."""
        self._cancelled.add(order.execution)
        deadline = time.monotonic() + _GRACE_SECONDS
        number = signal.SIGINT
        while True:
            with self._store.lock(order.key, wait=False) as free:
                if free is not None:
                    return
            if time.monotonic() > deadline:
                number = signal.SIGKILL
            if time.monotonic() > deadline + _LONGEST_CANCEL_SECONDS:
                log.warning("something holds on to the lock of %s", order.execution)
                return
            self._signal(order, number)
            time.sleep(_POLL_SECONDS)

    def _is_cancelled(self, order: Order) -> bool:
        return order.execution in self._cancelled or order.execution.rpartition("/")[0] in self._cancelled

    def _run(self, order: Order, secrets: Mapping[str, str], lock: BinaryIO) -> Outcome:
        code = self._start(order, secrets, lock).wait()
        if (known := known_outcome(order, self._store)) is not None:
            return known
        if self._is_cancelled(order):
            return Outcome("cancelled", "The run was cancelled.")
        return Outcome("lost", f"The worker process ended with code {code}.")

    def _signal(self, order: Order, number: signal.Signals) -> None:
        with contextlib.suppress(ValueError, ProcessLookupError):
            pid = int(self._store.lock_path(order.key).read_text() or 0)
            with _held_process(pid) as (process, user_id):
                # The worker wrote its number itself, and whoever it runs for may have had a hand in it.
                if pid > 1 and (self._user_id is None or user_id == self._user_id):
                    signal.pidfd_send_signal(process, number)

    def _start(self, order: Order, secrets: Mapping[str, str], lock: BinaryIO) -> _Process:
        lock.truncate(0)  # the number of an earlier worker may be somebody else's by now
        path = prepare(order, self._store)
        environment = dict(os.environ if self._environment is None else self._environment)
        log_path = self._store.log_path(order.key)
        self._warm(order.mode, environment, log_path)
        environment |= dict(secrets)
        try:
            return self._fork_server().spawn(
                [str(path), "{descriptor:0}"],
                env=environment,
                cwd=self._store.folder,
                stdout=log_path,
                stderr=log_path,
                descriptors=[lock.fileno()],
                survive=True,
            )
        except (ForkServerError, OSError) as error:
            log.warning("a worker starts cold: %s", error)
        with log_path.open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", self._worker, str(path), str(lock.fileno())],
                env=environment,
                cwd=self._store.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                pass_fds=[lock.fileno()],
                start_new_session=True,
            )

    def _warm(self, mode: RunMode, environment: Mapping[str, str], log_path: Path) -> None:
        """Have the parent of the notebook's kernel started: one that the worker starts ends with it."""
        with self._guard:
            try:
                if self._keeper:
                    self._keep(mode, environment, log_path)
                else:
                    kernel_parent(environment, mode).start()
            except (ForkServerError, OSError) as error:
                log.warning("kernels start cold: %s", error)

    def _keep(self, mode: RunMode, environment: Mapping[str, str], log_path: Path) -> None:
        known = self._keepers.get(mode)
        if known is not None and known.poll() is None:
            return
        ready, told = os.pipe()
        try:
            self._keepers[mode] = self._fork_server_unguarded().spawn(
                [mode, "{descriptor:0}"],
                env=environment,
                cwd=self._store.folder,
                stdout=log_path,
                stderr=log_path,
                descriptors=[told],
                target=self._keeper,
                survive=True,
            )
        finally:
            os.close(told)
        with os.fdopen(ready, "rb"):
            ended = select.poll()  # which, unlike `select`, takes any number of open files
            ended.register(ready, select.POLLIN)
            ended.poll(_LONGEST_PRELOAD_SECONDS * 1000)

    def _fork_server(self) -> ForkServer:
        with self._guard:
            return self._fork_server_unguarded()

    def _fork_server_unguarded(self) -> ForkServer:
        if self._parent is None:
            targets = [f"{self._worker}:main", *([self._keeper] if self._keeper else [])]
            self._parent = ForkServer(
                preload=[self._worker], target=",".join(targets), runtime_dir=self._runtime_folder
            )
        return self._parent


@contextmanager
def _held_process(pid: int) -> Iterator[tuple[int, int]]:
    """A descriptor of a process, whose number is then not given to another, and the user that it is.

    Raises
    ------
    ProcessLookupError
        If there is none.
    """
    if pid < 1:
        raise ProcessLookupError(pid)
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor, Path(f"/proc/{pid}").stat().st_uid
    except FileNotFoundError as error:
        raise ProcessLookupError(pid) from error
    finally:
        os.close(descriptor)
