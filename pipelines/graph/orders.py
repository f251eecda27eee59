"""What a launcher is told to run, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

OutcomeStatus = Literal["ok", "error", "timeout", "died", "cancelled", "lost"]
"""`lost`: the worker process ended without saying how the notebook ended."""


@dataclass(frozen=True, slots=True)
class Order:
    """One attempt at one item; made of what JSON can spell, so that any machine can carry it out.

    Attributes
    ----------
    execution
        Name of the attempt's execution, the same when a restarted service asks again.
    key, parts
        Of the result.
    notebook, parameters, kernel, mode
        What to run.
    working_folder, attempt_folder, store_folder
        Where the notebook works, where the attempt keeps its record while it runs, where results are published.
    environment
        Variables to add.
    secret_names
        Variables whose values must not be written; the values themselves travel beside the order.
    cell_timeout_seconds, timeout_seconds, memory_bytes, disk_bytes, cpu, gpu
        Bounds.
    disk_limit_name
        Which limit `disk_bytes` is, for the message of who reaches it.
    """

    execution: str
    key: str
    parts: Mapping[str, Any]
    notebook: str
    parameters: Mapping[str, Any]
    working_folder: str
    attempt_folder: str
    store_folder: str
    environment: Mapping[str, str] = field(default_factory=dict)
    secret_names: tuple[str, ...] = ()
    kernel: str | None = None
    mode: Literal["kernel", "short"] = "kernel"
    cell_timeout_seconds: float | None = None
    timeout_seconds: float | None = None
    memory_bytes: int | None = None
    cpu: float | None = None
    gpu: int = 0
    disk_bytes: int | None = None
    disk_limit_name: str = ""

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Order:
        """From text."""
        content = json.loads(text)
        content["secret_names"] = tuple(content["secret_names"])
        return Order(**content)

    @property
    def record(self) -> Path:
        """The record while the attempt runs, and after it has failed."""
        return Path(self.attempt_folder) / "record.ipynb"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended.

    Attributes
    ----------
    status
        `ok` means that a result is published under the order's key.
    message
        For people.
    error
        `name`, `value`, `cell` (position in the record) and `execution_count`, for a notebook that failed.
    """

    status: OutcomeStatus
    message: str = ""
    error: Mapping[str, Any] | None = None


class Launcher(Protocol):
    """Runs orders somewhere: in processes of this machine, or in Jobs of a cluster.

    Both methods are idempotent by the order's key: asked again, also by a restarted service, they find what runs
    or has run already.
    """

    def run(self, order: Order, secrets: Mapping[str, str]) -> Outcome:
        """Carry out an order, or wait for the one who does; blocks until it has ended."""

    def cancel(self, order: Order) -> None:
        """End what runs for the order; nothing happens when nothing does."""
