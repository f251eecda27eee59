"""Kernels that are started ahead, with the stack imported, and taken by whoever comes first."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from traitlets.log import get_logger

from . import keys
from .api import ApiError, KubernetesApi
from .shared import Cluster
from .spec import (
    FREE,
    KERNEL_SELECTOR,
    POOL_LABEL,
    SERVER_LABEL,
    TEMPLATE_LABEL,
    PodTemplate,
    claim_change,
    label_value,
    ownership,
    pod_manifest,
    secret_manifest,
)
from .state import CLAIM_LABEL, PodState, read_state
from .watch import PodWatch


async def claim(
    cluster: Cluster, template: PodTemplate, kernel_id: str, server: str
) -> tuple[PodState, dict[str, Any]] | None:
    """Take a free warm pod of this very template, with its connection information; None when there is none.

    A pod is taken by a write that is valid for one version of it only: of two who want it, one gets 409 and tries
    the next.
    """
    wanted = template.fingerprint()
    for state in _oldest_first(cluster.watch.states.values()):
        if not _is_free(state) or not state.ready or state.labels.get(TEMPLATE_LABEL) != wanted:
            continue
        try:
            pod: dict[str, Any] = await cluster.api.patch(
                "pods", state.name, claim_change(state.version, kernel_id, server)
            )
        except ApiError as error:
            if error.status in (404, 409):
                continue
            raise
        taken = read_state(pod)
        if taken.ended:
            continue
        secret = await cluster.api.get("secrets", state.name)
        return taken, keys.read_connection(secret, taken.ip)
    return None


def target_size(minimum: int, maximum: int, claims: Iterable[float], now: float, refill_seconds: float) -> int:
    """How many free pods to keep: enough for those who come while a new one starts, and one more.

    Parameters
    ----------
    minimum, maximum
        Bounds.
    claims
        Times of recent claims, seconds.
    now
        The present, on the same clock.
    refill_seconds
        How long a new pod takes until it is warm. The busiest such stretch of the last ten minutes counts.
    """
    recent = sorted(t for t in claims if now - t <= DEMAND_SECONDS)
    busiest = max((sum(1 for t in recent if start <= t < start + refill_seconds) for start in recent), default=0)
    return max(minimum, min(maximum, busiest + 1 if busiest else minimum))


DEMAND_SECONDS = 600.0
LONGEST_REST_SECONDS = 30.0


@dataclass
class WarmPool:
    """Keeps a number of free pods of one template; used as an asynchronous context manager.

    Several copies may run: names are random, surplus is deleted by version, and the number is set right by whoever
    looks next.

    Attributes
    ----------
    name
        Of the pool, the same over changes of its template.
    template
        With the modules to preload. When it changes, free pods of the old one are deleted.
    minimum, maximum
        Bounds on the number of free pods.
    refill_seconds
        How long a new pod takes until it is warm.
    """

    api: KubernetesApi
    name: str
    template: PodTemplate
    minimum: int = 1
    maximum: int = 10
    refill_seconds: float = 10.0

    def __post_init__(self) -> None:
        selector = f"{KERNEL_SELECTOR},{POOL_LABEL}={label_value(self.name)}"
        self.watch = PodWatch(self.api, selector)
        self._claims: deque[float] = deque(maxlen=1000)
        self._seen_free: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> WarmPool:
        await self.watch.start()
        self._task = asyncio.create_task(self._run(), name=f"warm-pool-{self.name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.watch.stop()

    def change_template(self, template: PodTemplate) -> None:
        """Use another template from now on; free pods of the old one go at the next look."""
        self.template = template

    @property
    def free(self) -> list[PodState]:
        """The free pods, oldest first, warm or not yet."""
        return [state for state in _oldest_first(self.watch.states.values()) if _is_free(state)]

    async def drain(self) -> None:
        """Delete every free pod."""
        for state in self.free:
            await self.api.delete("pods", state.name, grace_seconds=1, version=state.version)

    async def look(self) -> None:
        """Set the number of free pods right, once."""
        wanted = self.template.fingerprint()
        for state in self.watch.states.values():
            if state.ended and not state.deleting and state.labels.get(CLAIM_LABEL) == FREE:
                await self.api.delete("pods", state.name, grace_seconds=0)
        free = self.free
        self._note_claims({state.name for state in free})
        current = [state for state in free if state.labels.get(TEMPLATE_LABEL) == wanted]
        target = target_size(self.minimum, self.maximum, self._claims, time.monotonic(), self.refill_seconds)
        outdated = [state for state in free if state.labels.get(TEMPLATE_LABEL) != wanted]
        for state in outdated + current[target:]:
            await self.api.delete("pods", state.name, grace_seconds=1, version=state.version)
        for _ in range(target - len(current)):
            await self._add()

    async def _add(self) -> None:
        name = f"kernel-warm-{uuid.uuid4().hex[:20]}"
        labels = {POOL_LABEL: label_value(self.name), CLAIM_LABEL: FREE, SERVER_LABEL: FREE}
        await self.api.create("secrets", secret_manifest(name, labels, keys.new_connection("python3")))
        pod: dict[str, Any] = await self.api.create("pods", pod_manifest(replace(self.template), name, labels))
        self.watch.note(pod)
        await self.api.patch("secrets", name, ownership(pod))

    def _note_claims(self, free: set[str]) -> None:
        states = self.watch.states
        taken = [n for n in self._seen_free - free if n in states and states[n].labels.get(CLAIM_LABEL) != FREE]
        self._claims.extend(time.monotonic() for _ in taken)
        self._seen_free = free

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except ApiError as error:
                get_logger().warning("warm pool %s: %s", self.name, error)
                await asyncio.sleep(1.0)
            await self.watch.changed(LONGEST_REST_SECONDS)


def _is_free(state: PodState) -> bool:
    return state.labels.get(CLAIM_LABEL) == FREE and not state.ended


def _oldest_first(states: Iterable[PodState]) -> list[PodState]:
    return sorted(states, key=lambda state: (state.created, state.name))
