"""What an attempt at an item leaves behind: how far it is, its record, how it ended, its files.

The process that carries an order out writes it, as whoever the notebook runs as; whoever runs pipelines reads it, and
takes nothing of it for granted: neither that a file is one, nor what it says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

from pipelines.notebook_files import write_text

from . import no_follow
from .orders import Order, Outcome, OutcomeStatus
from .store import Result, Store

OUTCOME, PROGRESS, RECORD, OUTPUT = "outcome.json", "progress.json", "record.ipynb", "output"
LONGEST_OUTCOME_BYTES = 64 * 1024**2
LONGEST_PROGRESS_BYTES = 4096
LONGEST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended, with what its notebook gave.

    Attributes
    ----------
    outcome
        How.
    values
        What the notebook recorded.
    duration_seconds, cpu_seconds, peak_memory_bytes
        Of the run.
    """

    outcome: Outcome
    values: Mapping[str, Any] = field(default_factory=dict)
    duration_seconds: float = 0.0
    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None


def write_ending(folder: Path, ending: Ending) -> None:
    """Say how the attempt of a folder ended."""
    write_text(folder / OUTCOME, json.dumps(asdict(ending)))


def read_ending(folder: Path) -> Ending | None:
    """How the attempt of a folder ended; `None` while it has not, or when what it says makes no sense."""
    said = no_follow.content(folder / OUTCOME, LONGEST_OUTCOME_BYTES)
    try:
        return _ending(json.loads(said)) if said is not None else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def prepare(order: Order, store: Store) -> Path:
    """Make the folder of an attempt; return the file that tells a worker what to do.

    The file lies in the store, where the notebook cannot change it.

    Raises
    ------
    OSError
        If the folder cannot be made, or there is something else in its place.
    """
    with no_follow.opened_folder(Path(order.attempt_folder), make=True):
        pass
    path = store.order_path(order.key)
    write_text(path, order.to_json())
    return path


def known_outcome(order: Order, store: Store) -> Outcome | None:
    """How an order ended, if it has: its result is published, or its attempt left one, which is published now.

    Raises
    ------
    OSError
        If the result cannot be kept.
    """
    if store.find(order.key) is not None:
        return Outcome("ok")
    for asked in (order, _last_order(order.key, store)):
        ending = read_ending(Path(asked.attempt_folder)) if asked is not None else None
        if ending is None or asked is None:
            continue
        if ending.outcome.status == "ok":
            _publish(asked, ending, store)
        elif asked is not order:
            continue  # another attempt that failed says nothing of this one
        return ending.outcome
    return None


def progress_in(folder: Path) -> dict[str, int] | None:
    """How far the newest attempt below a folder is: `cell` and `of`; `None` when it has not begun."""
    for name in no_follow.names(folder):
        said = no_follow.content(folder / name / PROGRESS, LONGEST_PROGRESS_BYTES)
        if said is not None:
            try:
                found = json.loads(said)
                return {"cell": int(found["cell"]), "of": int(found.get("of", 0))}
            except (ValueError, TypeError, KeyError, AttributeError):
                return None
    return None


def newest_record(folder: Path) -> Path | None:
    """The record of the newest attempt below a folder, to be read with `no_follow.content`."""
    for name in no_follow.names(folder):
        if RECORD in no_follow.names(folder / name):
            return folder / name / RECORD
    return None


def _publish(order: Order, ending: Ending, store: Store) -> None:
    result = Result(
        key=order.key,
        parts=order.parts,
        values=ending.values,
        files={},
        made_by=order.execution,
        duration_seconds=ending.duration_seconds,
        cpu_seconds=ending.cpu_seconds,
        peak_memory_bytes=ending.peak_memory_bytes,
    )
    folder = Path(order.attempt_folder)
    with no_follow.opened_folder(folder) as attempt:
        store.publish(result, attempt, RECORD, OUTPUT)
    no_follow.remove_tree(folder / OUTPUT)


def _last_order(key: str, store: Store) -> Order | None:
    """The last order that was given for a key: its worker may have ended after whoever gave it."""
    try:
        return Order.from_json(store.order_path(key).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _ending(said: Mapping[str, Any]) -> Ending:
    outcome, error = said["outcome"], said["outcome"]["error"]
    if outcome["status"] not in get_args(OutcomeStatus):
        raise ValueError(outcome["status"])
    if error is not None:
        error = {
            "name": str(error["name"])[:LONGEST_TEXT],
            "value": str(error["value"])[:LONGEST_TEXT],
            "cell": int(error["cell"]) if error.get("cell") is not None else None,
            "cell_id": str(error["cell_id"])[:100] if error.get("cell_id") is not None else None,
        }
    cpu, memory = said["cpu_seconds"], said["peak_memory_bytes"]
    return Ending(
        Outcome(outcome["status"], str(outcome["message"])[:LONGEST_TEXT], error),
        values=dict(said["values"]),
        duration_seconds=float(said["duration_seconds"]),
        cpu_seconds=None if cpu is None else float(cpu),
        peak_memory_bytes=None if memory is None else int(memory),
    )
