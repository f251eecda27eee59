"""Carry out orders in worker processes of this machine, forked from a preloaded parent."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from kernels import ForkServer, ForkServerError, kernel_parent
from pipelines.notebook_files import write_text

from .orders import Order, Outcome
from .store import Store
from .worker import read_outcome

log = logging.getLogger("collegium.pipelines")
_POLL_SECONDS = 0.1
_GRACE_SECONDS = 5.0
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
    warm
        Whether the parent of kernels is started from here; not where workers live in a view of their own.
    """

    def __init__(
        self,
        store: Store,
        runtime_folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        worker: str = _WORKER,
        warm: bool = True,
    ) -> None:
        self._worker, self._warms = worker, warm
        self._store = store
        self._environment = environment
        self._runtime_folder = runtime_folder
        self._parent: ForkServer | None = None
        self._guard = threading.Lock()

    def run(self, order: Order, secrets: Mapping[str, str]) -> Outcome:
        """Carry out an order, or wait for the worker that does; blocks until it has ended."""
        while (known := self._known(order)) is None:
            with self._store.lock(order.key, wait=False) as free:
                pass
            if not free:
                time.sleep(_POLL_SECONDS)
                continue
            known = self._known(order)  # it may have ended between the two looks
            if known is None:
                code = self._start(order, secrets).wait()
                known = self._known(order) or Outcome("lost", f"The worker process ended with code {code}.")
            break
        return known

    def cancel(self, order: Order) -> None:
        """End the worker that holds the lock of the order's key."""
        deadline = time.monotonic() + _GRACE_SECONDS
        number = signal.SIGINT
        while True:
            with self._store.lock(order.key, wait=False) as free:
                if free:
                    return
            if time.monotonic() > deadline:
                number = signal.SIGKILL
            self._signal(order, number)
            time.sleep(_POLL_SECONDS)

    def _known(self, order: Order) -> Outcome | None:
        if self._store.find(order.key) is not None:
            return Outcome("ok")
        return read_outcome(order)

    def _signal(self, order: Order, number: signal.Signals) -> None:
        try:
            pid = int(self._store.lock_path(order.key).read_text() or 0)
            if pid > 0:
                os.kill(pid, number)
        except (ValueError, ProcessLookupError):
            return

    def _start(self, order: Order, secrets: Mapping[str, str]) -> _Process:
        folder = Path(order.attempt_folder)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "order.json"
        write_text(path, order.to_json())
        environment = dict(os.environ if self._environment is None else self._environment) | dict(secrets)
        if self._warms:
            self._warm(order, environment)
        log_path = folder / "worker.log"
        try:
            return self._fork_server().spawn(
                [str(path)], env=environment, cwd=folder, stdout=log_path, stderr=log_path, survive=True
            )
        except (ForkServerError, OSError) as error:
            log.warning("a worker starts cold: %s", error)
        with log_path.open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", self._worker, str(path)],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def _warm(self, order: Order, environment: Mapping[str, str]) -> None:
        """Have the parent of the notebook's kernel started from here: one that the worker starts ends with it."""
        with self._guard:
            try:
                kernel_parent(environment, order.mode).start()
            except (ForkServerError, OSError) as error:
                log.warning("kernels start cold: %s", error)

    def _fork_server(self) -> ForkServer:
        with self._guard:
            if self._parent is None:
                self._parent = ForkServer(
                    preload=[self._worker], target=f"{self._worker}:main", runtime_dir=self._runtime_folder
                )
            return self._parent
