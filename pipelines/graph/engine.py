"""The port to the engine of durable executions, and its implementation with DBOS."""

from __future__ import annotations

import contextvars
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Handler = Callable[[dict[str, Any]], Any]
"""Does the work of an execution. It must be idempotent: after a crash it is called again with the same payload."""

ExecutionStatus = Literal["queued", "running", "ok", "error", "cancelled"]
_QUEUE = "collegium"
_STATUS: dict[str, ExecutionStatus] = {
    "ENQUEUED": "queued",
    "DELAYED": "queued",
    "PENDING": "running",
    "SUCCESS": "ok",
    "ERROR": "error",
    "CANCELLED": "cancelled",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "error",
}


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution that the engine knows.

    Attributes
    ----------
    id
        Given by whoever started it.
    status
        Where it stands.
    """

    id: str
    status: ExecutionStatus


class Engine(Protocol):
    """Durable executions: what was started is finished, also by the next process after a crash, once per id."""

    def start(self, kind: str, execution_id: str, payload: dict[str, Any]) -> None:
        """Begin at once, in this process; nothing happens when the id is known."""

    def enqueue(self, kind: str, execution_id: str, payload: dict[str, Any], share: str = "") -> None:
        """Begin when a place is free, in any process of the engine; nothing happens when the id is known.

        Nobody's `share` of the places is all of them.
        """

    def result(self, execution_id: str) -> Any:
        """Wait for the end and return what the handler returned; raises what it raised."""

    def cancel(self, execution_id: str) -> None:
        """Do not begin it, and do not begin it again; what runs is told by other means."""

    def list(self, prefix: str = "") -> list[Execution]:
        """The executions whose id begins with `prefix`."""


class DbosEngine:
    """Durable executions with DBOS, in a SQLite file or in PostgreSQL.

    DBOS keeps one instance per process; so does this class.

    Parameters
    ----------
    url
        Database, as SQLAlchemy spells it.
    handlers
        What to call for each kind of execution.
    executor_id
        Executions that a crashed process of the same id had begun are taken up when this one opens.
    queue_concurrency, share_concurrency
        Enqueued executions that run at one time: in all, and of one share.
    """

    def __init__(
        self,
        url: str,
        handlers: Mapping[str, Handler],
        *,
        executor_id: str,
        queue_concurrency: int = 64,
        share_concurrency: int = 4,
    ) -> None:
        # The import takes a second; only who runs pipelines pays it.
        os.environ.setdefault("DBOS__TELEMETRY", "false")
        from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

        self._dbos = DBOS
        self._set_id, self._set_options = SetWorkflowID, SetEnqueueOptions
        DBOS.destroy(destroy_registry=True)
        logging.getLogger("dbos").setLevel(logging.WARNING)
        DBOS(
            config={
                "name": "collegium",
                "system_database_url": url,
                "executor_id": executor_id,
                # Recovery must find executions that an older release has begun.
                "application_version": "1",
                "log_level": "WARNING",
                "run_migrations": True,
            }
        )

        @DBOS.workflow(name="collegium.execute", max_recovery_attempts=1000)
        def execute(kind: str, payload: dict[str, Any]) -> Any:
            # The handler starts executions of its own in an order that a replay would not repeat, so it must not
            # be seen by DBOS as part of this one; being idempotent, it needs no replay.
            return contextvars.Context().run(handlers[kind], payload)

        self._execute = execute
        DBOS.launch()
        DBOS.register_queue(
            _QUEUE,
            worker_concurrency=queue_concurrency,
            partition_worker_concurrency=share_concurrency,
            on_conflict="always_update",
        )

    def start(self, kind: str, execution_id: str, payload: dict[str, Any]) -> None:
        """See `Engine`."""
        with self._set_id(execution_id):
            self._dbos.start_workflow(self._execute, kind, payload)

    def enqueue(self, kind: str, execution_id: str, payload: dict[str, Any], share: str = "") -> None:
        """See `Engine`."""
        with self._set_id(execution_id), self._set_options(queue_partition_key=share or "-"):
            self._dbos.enqueue_workflow(_QUEUE, self._execute, kind, payload)

    def result(self, execution_id: str) -> Any:
        """See `Engine`."""
        return self._dbos.retrieve_workflow(execution_id).get_result()

    def cancel(self, execution_id: str) -> None:
        """See `Engine`."""
        self._dbos.cancel_workflow(execution_id)

    def list(self, prefix: str = "") -> list[Execution]:
        """See `Engine`."""
        found = self._dbos.list_workflows(workflow_id_prefix=prefix or None, load_input=False, load_output=False)
        return [Execution(status.workflow_id, _STATUS[status.status]) for status in found]

    def close(self) -> None:
        """Stop taking up work; what runs is taken up by the next process of this id."""
        self._dbos.destroy(workflow_completion_timeout_sec=0)
