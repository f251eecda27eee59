"""The durable execution of one item: attempts with pauses between them, and the row that says how it ended."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt, wait_exponential

from pipelines.errors import PipelinesError

from . import no_follow
from .errors import SecretError
from .history import FINAL, History, ItemRow, ItemStatus
from .model import Retry
from .orders import Launcher, Order, Outcome
from .store import Store

_MOST_LOSSES = 3
"""A worker that vanishes (killed from outside) is no fault of the notebook: it is started again, so many times."""


def execute_item(
    order: Order,
    retry: Retry,
    secrets: Mapping[str, str],
    where: tuple[str, str, int],
    history: History,
    store: Store,
    launcher: Launcher,
    resolve: Callable[[Mapping[str, str]], dict[str, str]] | None = None,
) -> str:
    """Carry out an order until it succeeds or its attempts are used up; safe to call again after a crash.

    Parameters
    ----------
    order
        Its folder and execution are those of all attempts; each gets a part of its own.
    retry
        How often, with which pauses.
    secrets
        Variable to reference.
    where
        Run, step and index.
    history, store, launcher
        Where it is noted, where its result will be, what runs it.
    resolve
        Turns references to secrets into their values; `resolve_secrets` by default.

    Returns
    -------
    str
        The final status of the item.
    """
    row = history.item(*where)
    if row is None or row.status in FINAL:
        return row.status if row is not None else "cancelled"
    attempt = max(row.attempts, 1)

    def once() -> Outcome:
        history.put_item(replace(row, attempts=attempt))
        return _until_not_lost(_attempt_of(order, attempt), launcher, lambda: (resolve or resolve_secrets)(secrets))

    def next_attempt(_state: RetryCallState) -> None:
        nonlocal attempt
        attempt += 1

    retrying = Retrying(
        stop=stop_after_attempt(retry.attempts - attempt + 1),
        wait=wait_exponential(retry.wait_seconds, retry.longest_wait_seconds, retry.factor),
        retry=retry_if_result(lambda outcome: outcome.status in ("error", "timeout", "died", "lost")),
        before_sleep=next_attempt,
        retry_error_callback=lambda state: state.outcome.result() if state.outcome is not None else None,
    )
    try:
        outcome = retrying(once)
    except (PipelinesError, OSError) as error:
        outcome = Outcome("error", str(error), {"name": type(error).__name__, "value": str(error)})
    final = _final_row(replace(row, attempts=attempt), _attempt_of(order, attempt), outcome, store)
    history.put_item(final)
    return final.status


def resolve_secrets(references: Mapping[str, str]) -> dict[str, str]:
    """The values that the references point to.

    Raises
    ------
    SecretError
        If there is none; the message never holds a value.
    """
    values = {}
    for name, reference in references.items():
        kind, _, place = reference.partition(":")
        try:
            values[name] = os.environ[place] if kind == "env" else Path(place).read_text(encoding="utf-8").rstrip("\n")
        except KeyError as error:
            raise SecretError(f"secret {name!r}: the environment has no variable {place!r}") from error
        except OSError as error:
            raise SecretError(f"secret {name!r}: {place} cannot be read ({error.strerror})") from error
    return values


def _until_not_lost(order: Order, launcher: Launcher, secrets: Callable[[], dict[str, str]]) -> Outcome:
    outcome = Outcome("lost")
    for _loss in range(_MOST_LOSSES):
        outcome = launcher.run(order, secrets())
        if outcome.status != "lost":
            break
    return outcome


def _attempt_of(order: Order, attempt: int) -> Order:
    folder = Path(order.attempt_folder) / f"{order.execution.rpartition('.g')[2].partition('/')[0]}-{attempt}"
    return replace(order, execution=f"{order.execution}/{attempt}", attempt_folder=str(folder))


def _final_row(row: ItemRow, order: Order, outcome: Outcome, store: Store) -> ItemRow:
    now = datetime.now(UTC)
    if outcome.status == "ok":
        result = store.find(order.key)
        if result is not None:
            return replace(row, status="ok", record=str(result.record), values=result.values, error=None, ended_at=now)
    status: ItemStatus = "cancelled" if outcome.status == "cancelled" else "failed"
    error = outcome.error or {"name": outcome.status, "value": outcome.message, "cell": None}
    record = str(order.record) if order.record.name in no_follow.names(order.record.parent) else None
    return replace(row, status=status, error=dict(error), record=record, ended_at=now)
