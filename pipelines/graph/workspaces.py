"""Pipelines of many scopes, the projects of a platform, under one engine and in one database."""

from __future__ import annotations

import fcntl
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from .engine import DbosEngine, Engine, Handler
from .errors import RunStateError
from .history import History
from .service import PipelineService

MakeService = Callable[[str, History], PipelineService]


class Workspaces:
    """One `PipelineService` for each scope, made when it is asked for.

    What only looks works at once; the engine is opened by whoever first begins something, or by `open`.

    Parameters
    ----------
    folder
        For the database, unless `database_url` names one, and the lock.
    make
        Makes the service of a scope from its part of the history.
    database_url
        As SQLAlchemy spells it.
    executor_id
        What a process of the same id had begun when it was killed goes on when this one opens.
    runs_at_once, items_at_once
        Bounds over all scopes; what is beyond them waits. No scope takes all the places.
    handlers
        Further kinds of executions, besides runs and items.
    """

    def __init__(
        self,
        folder: Path,
        make: MakeService,
        *,
        database_url: str | None = None,
        executor_id: str = "service",
        runs_at_once: int = 64,
        items_at_once: int = 4,
        handlers: Mapping[str, Handler] | None = None,
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self._url = database_url or f"sqlite:///{folder / 'pipelines.sqlite'}"
        self.history = History(self._url)
        self._make = make
        self._executor_id = executor_id
        self._runs_at_once = runs_at_once
        self._items = Places(items_at_once)
        self._handlers = dict(handlers or {})
        self._services: dict[str, PipelineService] = {}
        self._engine: DbosEngine | None = None
        self._lock: TextIO | None = None
        self._guard = threading.RLock()

    def of(self, scope: str) -> PipelineService:
        """The service of a scope."""
        with self._guard:
            if scope not in self._services:
                service = self._make(scope, self.history.of(scope))
                service.use(self._engine)
                self._services[scope] = service
            return self._services[scope]

    def begin(self, scope: str, run_id: str) -> None:
        """Begin a run when a place is free; opens the engine."""
        self.open()
        self.of(scope).enqueue(run_id)

    def open(self) -> Engine:
        """Open the engine, unless it is; runs that an earlier process has left are taken up.

        Raises
        ------
        RunStateError
            If another process of this id lives.
        """
        with self._guard:
            if self._engine is not None:
                return self._engine
            self._lock = _locked(self.folder / f"executor-{self._executor_id}.lock")
            handlers = {"run": self._handle_run, "item": self._handle_item, **self._handlers}
            self._engine = DbosEngine(
                self._url, handlers, executor_id=self._executor_id, queue_concurrency=self._runs_at_once
            )
            for service in self._services.values():
                service.use(self._engine)
            engine = self._engine
        for scope, run_id in self.history.unfinished():
            # A process may have ended between entering a run and beginning it; begun twice, it runs once.
            self.of(scope).enqueue(run_id)
        return engine

    def close(self) -> None:
        """Take up no more work; what runs goes on when the next process opens."""
        with self._guard:
            if self._engine is not None:
                self._engine.close()
                self._engine = None
                for service in self._services.values():
                    service.use(None)
            if self._lock is not None:
                self._lock.close()
                self._lock = None
        self.history.close()

    def _handle_run(self, payload: dict[str, Any]) -> Any:
        return self.of(payload["scope"]).handle_run(payload)

    def _handle_item(self, payload: dict[str, Any]) -> Any:
        with self._items.taken(payload["scope"]):
            return self.of(payload["scope"]).handle_item(payload)


class Places:
    """So many at one time, of whom one place is never taken by the same as all the others.

    Parameters
    ----------
    total
        How many places there are; of one, everybody may take it.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._taken: Counter[str] = Counter()
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, share: str) -> Iterator[None]:
        """Wait for a place, and take it while the context lasts."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_free(share))
            self._taken[share] += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken[share] -= 1
                self._taken += Counter()  # those with nothing are forgotten
                self._changed.notify_all()

    def _is_free(self, share: str) -> bool:
        return self._taken.total() < self._total and self._taken[share] < max(1, self._total - 1)


def _locked(path: Path) -> TextIO:
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise RunStateError(f"another process is at work on the pipelines of {path.parent}") from error
    return file
