"""One list and one watch per process for all pods that it cares about."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping
from typing import Any

from traitlets.log import get_logger

from .api import ApiError, KubernetesApi
from .state import PodState, read_state

LONGEST_PAUSE_SECONDS = 15.0
FIRST_PAUSE_SECONDS = 0.1


class PodWatch:
    """Knows the state of every pod with certain labels, and wakes those who wait for a change.

    It lists once, then follows. When the connection ends it goes on from the last version seen; when that version is
    too old (410) it lists again and works out what was missed. While the API server is away, the last known states
    stand: a kernel is not declared dead because nobody could ask about it.
    """

    def __init__(self, api: KubernetesApi, selector: str) -> None:
        self._api = api
        self._selector = selector
        self._states: dict[str, PodState] = {}
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._changed = asyncio.Event()
        self._listed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.lists = 0

    @property
    def states(self) -> Mapping[str, PodState]:
        """By name; do not keep it, it changes."""
        return self._states

    async def start(self) -> None:
        """Begin; returns once the first list is known."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="pod-watch")
        await self._listed.wait()

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def until(
        self, name: str, is_true: Callable[[PodState | None], bool], timeout_seconds: float
    ) -> PodState | None:
        """Wait until a condition holds for one pod, and return its state then.

        Raises
        ------
        TimeoutError
            It did not in time.
        """
        event = asyncio.Event()
        self._waiting.setdefault(name, set()).add(event)
        try:
            async with asyncio.timeout(timeout_seconds):
                while not is_true(self._states.get(name)):
                    event.clear()
                    await event.wait()
            return self._states.get(name)
        finally:
            self._waiting[name].discard(event)
            if not self._waiting[name]:
                del self._waiting[name]

    async def changed(self, timeout_seconds: float) -> bool:
        """Wait until anything changes; False when nothing did in time."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    def note(self, pod: Mapping[str, Any]) -> PodState:
        """Take up what a write of our own returned, before the watch tells it."""
        state = read_state(pod)
        known = self._states.get(state.name)
        if known is None or known.uid != state.uid:
            self._set(state)
        return state

    async def _run(self) -> None:
        version, pause = "", FIRST_PAUSE_SECONDS
        while True:
            try:
                if not version:
                    version = await self._list()
                    self._listed.set()
                async for event in self._api.watch("pods", self._selector, version):
                    version = self._take(event) or version
                    pause = FIRST_PAUSE_SECONDS
            except ApiError as error:
                if error.status == 410:
                    version = ""
                else:
                    get_logger().warning("the watch of pods will be taken up again: %s", error)
                    await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads the load
                    pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _list(self) -> str:
        self.lists += 1
        found: dict[str, Any] = await self._api.list("pods", self._selector)
        present = {pod["metadata"]["name"]: pod for pod in found["items"]}
        for name in [name for name in self._states if name not in present]:
            self._remove(name)
        for pod in present.values():
            self._set(read_state(pod))
        return str(found["metadata"]["resourceVersion"])

    def _take(self, event: Mapping[str, Any]) -> str:
        kind, thing = event["type"], event["object"]
        if kind == "ERROR":
            raise ApiError(int(thing.get("code", 0)), str(thing.get("reason", "")), str(thing.get("message", "")))
        if kind == "DELETED":
            self._remove(thing["metadata"]["name"])
        elif kind != "BOOKMARK":
            self._set(read_state(thing))
        return str(thing["metadata"]["resourceVersion"])

    def _set(self, state: PodState) -> None:
        self._states[state.name] = state
        self._wake(state.name)

    def _remove(self, name: str) -> None:
        self._states.pop(name, None)
        self._wake(name)

    def _wake(self, name: str) -> None:
        self._changed.set()
        for event in self._waiting.get(name, ()):
            event.set()
