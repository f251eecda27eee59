"""The queues of all kernels of a server, and what happens to kernels."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any

from jupyter_server.utils import ensure_async

from spawner.rooms.document_room import DocumentRoom
from spawner.rooms.errors import RoomError
from spawner.rooms.events import Events
from spawner.rooms.execution.kernel_queue import KernelQueue
from spawner.rooms.execution.large_outputs import LargeOutputs
from spawner.rooms.execution.requests import Request, State
from spawner.rooms.registry import Registry

log = logging.getLogger("collegium.rooms")
KERNEL_ACTIONS = "https://events.jupyter.org/jupyter_server/kernel_actions/v1"
CELL_SECONDS = 3.0
SESSION_SECONDS = 4.0
SHUTDOWN_SECONDS = 0.3
ENDS = {"restart": "The kernel was restarted.", "shutdown": "The kernel was shut down."}


class Executor:
    """Runs cells for everybody, one queue for each kernel.

    Parameters
    ----------
    server
        Jupyter's server: its kernels, sessions, file ids and events.
    registry
        The documents.
    events
        Where pages hear of queues.
    large
        Where large outputs go.
    """

    def __init__(self, server: Any, registry: Registry, events: Events, large: LargeOutputs) -> None:
        self._server = server
        self._kernels = server.kernel_manager
        self._registry = registry
        self._events = events
        self._large = large
        self._queues: dict[str, KernelQueue] = {}
        self._starting: dict[str, asyncio.Task[str]] = {}
        self._died: set[str] = set()  # kernels that Jupyter is starting anew
        server.event_logger.add_listener(schema_id=KERNEL_ACTIONS, listener=self._on_kernel_action)

    @property
    def large(self) -> LargeOutputs:
        """Where large outputs are."""
        return self._large

    def known(self, kernel_id: str) -> bool:
        """Return whether there is such a kernel."""
        return kernel_id in self._kernels

    def queue(self, kernel_id: str) -> KernelQueue:
        """Return the queue of a kernel."""
        if kernel_id not in self._queues:
            queue = KernelQueue(
                lambda: self._kernels.get_kernel(kernel_id),
                self._large,
                lambda request: self._changed(kernel_id, request),
            )
            self._queues[kernel_id] = queue
            for event in ("restart", "dead"):
                self._kernels.add_restart_callback(kernel_id, lambda: self._on_death(kernel_id), event)
        return self._queues[kernel_id]

    def submit(self, request: Request) -> Request:
        """Have a cell run."""
        if request.room is not None:
            self._registry.hold(request.room, request.id)
            self._events.on_work(request.by, "run", request.path)
        taken = self.queue(request.kernel_id).submit(request)
        if taken is not request and request.room is not None:
            self._registry.release(request.room, request.id)
        return taken

    def find(self, request_id: str) -> tuple[KernelQueue, Request]:
        """Return a request and its queue.

        Raises
        ------
        KeyError
            There is none.
        """
        for queue in self._queues.values():
            request = queue.find(request_id)
            if request is not None:
                return queue, request
        raise KeyError(request_id)

    async def cancel(self, request: Request, reason: str) -> None:
        """Take a request out of its queue; interrupt it when it runs."""
        queue = self.queue(request.kernel_id)
        if request.state is State.WAITING:
            queue.drop(request, reason)
        elif not request.done:
            await ensure_async(self._kernels.interrupt_kernel(request.kernel_id))

    async def stop(self, kernel_id: str, reason: str) -> None:
        """Empty a queue and interrupt what runs."""
        queue = self.queue(kernel_id)
        queue.clear(reason)
        if queue.running is not None:
            await ensure_async(self._kernels.interrupt_kernel(kernel_id))

    async def document(self, document_id: str, path: str, cell_id: str) -> DocumentRoom | None:
        """Return the document that contains a cell; None when none does.

        A page sends the cell over one connection and the wish to run it over another: it may take a moment to appear.
        """
        manager = self._server.web_app.settings["file_id_manager"]
        path = path.removeprefix("RTC:").strip("/")
        known = path and manager.get_id(path)
        ids = [document_id] if document_id.startswith("json:notebook:") else []
        ids += [f"json:notebook:{known}"] if known else []
        rooms = []
        for room_id in dict.fromkeys(ids):
            with contextlib.suppress(RoomError):
                room = await self._registry.room(room_id)
                if isinstance(room, DocumentRoom):
                    rooms.append(room)
        deadline = time.monotonic() + CELL_SECONDS
        while rooms:
            for room in rooms:
                if room.cell(cell_id) is not None:
                    return room
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.05)
        return None

    async def kernel_of(self, path: str) -> str | None:
        """Return the kernel of a document's session."""
        for session in await ensure_async(self._server.session_manager.list_sessions()):
            if session["path"].removeprefix("RTC:").strip("/") == path and session["kernel"]:
                return str(session["kernel"]["id"])
        return None

    async def kernel_for(self, path: str, kernel_name: str) -> str:
        """Return the kernel of a document, started when there is none after the page had time to do so."""
        known = await self.kernel_of(path)
        if known is not None:
            return known
        if path not in self._starting:
            self._starting[path] = asyncio.create_task(self._start_kernel(path, kernel_name))
            self._starting[path].add_done_callback(lambda _: self._starting.pop(path, None))
        return await asyncio.shield(self._starting[path])

    def kernel_state(self, kernel_id: str | None) -> str:
        """Return `idle`, `busy`, `starting`, `dead`, or `none`."""
        if kernel_id is None or kernel_id not in self._kernels:
            return "none"
        return str(getattr(self._kernels.get_kernel(kernel_id), "execution_state", "") or "unknown")

    def queue_model(self, path: str, kernel_id: str | None) -> dict[str, object]:
        """Return what pages are told about the queue of a document's kernel."""
        queue = self._queues.get(kernel_id or "")
        return {
            "path": path,
            "kernel_id": kernel_id,
            "kernel_state": self.kernel_state(kernel_id),
            "requests": [request.model() for request in queue.requests] if queue else [],
            "stopped": queue.stopped if queue else None,
        }

    async def close(self) -> None:
        """Let go of all kernels."""
        await asyncio.gather(*(queue.close() for queue in self._queues.values()), return_exceptions=True)

    async def _start_kernel(self, path: str, kernel_name: str) -> str:
        deadline = time.monotonic() + SESSION_SECONDS
        while time.monotonic() < deadline:  # the page is about to start one
            known = await self.kernel_of(path)
            if known is not None:
                return known
            await asyncio.sleep(0.1)
        manager = self._server.session_manager
        name = kernel_name or self._kernels.default_kernel_name
        session = await ensure_async(
            manager.create_session(path=path, name=path.rpartition("/")[2], type="notebook", kernel_name=name)
        )
        return str(session["kernel"]["id"])

    def _changed(self, kernel_id: str, request: Request | None) -> None:
        queue = self._queues.get(kernel_id)
        if queue is None:
            return
        if request is not None and request.done and request.room is not None:
            self._registry.release(request.room, request.id)
        paths = {each.path for each in queue.requests if each.path} | ({request.path} if request else set())
        for path in paths - {""}:
            self._events.publish({"type": "queue", **self.queue_model(path, kernel_id)})

    async def _on_kernel_action(self, logger: object, schema_id: str, data: dict[str, Any]) -> None:
        kernel_id, reason = str(data.get("kernel_id")), ENDS.get(str(data.get("action")))
        if reason is None or kernel_id not in self._queues or data.get("status") != "success":
            return
        if data["action"] == "shutdown":
            await asyncio.sleep(SHUTDOWN_SECONDS)  # a restart begins with a shutdown, and its own message follows
            if kernel_id in self._kernels:
                return
        elif kernel_id in self._died:
            self._died.discard(kernel_id)
            return  # the queue was emptied at its death; what waits now is for the new one
        queue = self._queues[kernel_id]
        queue.lose(reason)
        if data["action"] == "shutdown":
            self._queues.pop(kernel_id, None)

    def _on_death(self, kernel_id: str) -> None:
        """Take in that a kernel has died; Jupyter starts it anew."""
        queue = self._queues.get(kernel_id)
        if queue is None:
            return
        death_of = getattr(self._kernels, "death_of", None)
        death = death_of(kernel_id) if death_of else None
        self._died.add(kernel_id)
        queue.lose(death.message if death else "The kernel died.")
