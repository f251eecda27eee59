"""A cell that was asked to run, from the moment it waits to its end."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from enum import StrEnum

from spawner.rooms.document_room import DocumentRoom

Output = dict[str, object]


class State(StrEnum):
    """Where a request stands."""

    WAITING = "waiting"
    RUNNING = "running"
    INPUT = "input"
    DONE = "done"


@dataclass(frozen=True)
class Prompt:
    """A question of the program to the person."""

    prompt: str
    password: bool
    header: dict[str, object]


@dataclass
class Request:
    """One cell, or a piece of code without a cell, to be run once.

    Parameters
    ----------
    kernel_id
        Who runs it.
    code
        Source text.
    by
        User name of who asked.
    room, cell_id
        Where its outputs go; None for code without a cell.
    path
        The document's path in the contents API.
    record_timing
        Whether times are noted in the cell's metadata.
    """

    kernel_id: str
    code: str
    by: str
    room: DocumentRoom | None = None
    cell_id: str = ""
    path: str = ""
    record_timing: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: State = State.WAITING
    queued: float = field(default_factory=time.time)
    started: float | None = None
    ended: float | None = None
    status: str | None = None
    reason: str = ""
    execution_count: int | None = None
    prompt: Prompt | None = None
    outputs: list[Output] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self.state is State.DONE

    def model(self) -> dict[str, object]:
        """Return what pages are told."""
        names = ("id", "path", "cell_id", "kernel_id", "by", "state", "queued", "started", "ended", "status", "reason")
        asked = self.prompt and {"prompt": self.prompt.prompt, "password": self.prompt.password}
        return {name: getattr(self, name) for name in names} | {
            "execution_count": self.execution_count,
            "input": asked,
        }
