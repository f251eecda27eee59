"""The cells that wait for one kernel, run one after the other."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from spawner.rooms.execution.cell_writer import CellWriter, Shown
from spawner.rooms.execution.kernel_link import KernelLink, KernelLostError
from spawner.rooms.execution.large_outputs import LargeOutputs
from spawner.rooms.execution.requests import Prompt, Request, State
from spawner.rooms.files import unmark

log = logging.getLogger("collegium.rooms")
REMEMBERED = 500
LOOK_SECONDS = 0.05


class KernelQueue:
    """Runs requests in order; a kernel that goes takes its queue with it, and everybody is told why.

    Parameters
    ----------
    kernel
        Returns Jupyter's manager of the kernel.
    large
        Where large outputs go.
    changed
        Called with the request whenever something changed.
    """

    def __init__(
        self, kernel: Callable[[], Any], large: LargeOutputs, changed: Callable[[Request | None], None]
    ) -> None:
        self._kernel = kernel
        self._large = large
        self._changed = changed
        self._link: KernelLink | None = None
        self._worker: asyncio.Task[None] | None = None
        self._writer: CellWriter | None = None
        self._displays: dict[str, Shown] = {}
        self.running: Request | None = None
        self.waiting: list[Request] = []
        self.done: dict[str, Request] = {}
        self.stopped: dict[str, object] | None = None

    @property
    def requests(self) -> list[Request]:
        """What runs, then what waits."""
        return ([self.running] if self.running else []) + self.waiting

    def find(self, request_id: str) -> Request | None:
        """Return a request that waits, runs or has ended not long ago."""
        waiting = next((each for each in self.requests if each.id == request_id), None)
        return waiting or self.done.get(request_id)

    def submit(self, new: Request) -> Request:
        """Have a request run; return the one that stands for it.

        A cell that waits already is not run twice: the newer code counts. A cell that runs with the same code for
        somebody else is not run again for the next person.
        """
        for known in self.waiting:
            if new.cell_id and (known.room, known.cell_id) == (new.room, new.cell_id):
                known.code, known.by = new.code, new.by
                return known
        now = self.running
        if now and new.cell_id and now.by != new.by and _same(now, new):
            return now
        self.waiting.append(new)
        CellWriter(new, self._large, self._displays).mark()
        self._changed(new)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return new

    def drop(self, request: Request, reason: str) -> None:
        """Take a waiting request out."""
        self.waiting.remove(request)
        self._end(request, "aborted", reason)

    def clear(self, reason: str, only: Callable[[Request], bool] = lambda request: True) -> None:
        """Take all waiting requests out, and remember why."""
        dropped = [request for request in self.waiting if only(request)]
        if dropped or self.running:
            self.stopped = {"reason": reason, "at": time.time()}
        for request in dropped:
            self.drop(request, reason)
        self._changed(None)

    def lose(self, reason: str) -> None:
        """Take in that the kernel has gone or begins anew."""
        self.clear(reason)
        link, self._link = self._link, None
        self._displays.clear()
        if link is not None:
            link.lose(reason)
            link.close()

    def answer(self, request: Request, value: str, echo: bool) -> bool:
        """Answer the question of a running request; False when it does not ask any more."""
        if request is not self.running or request.prompt is None or self._link is None:
            return False
        if echo and self._writer is not None and not request.prompt.password:
            self._writer.echo(f"{request.prompt.prompt}{value}\n")
        self._asked(None)
        self._link.answer(value)
        return True

    async def _work(self) -> None:
        try:
            while self.waiting:
                self.running = request = self.waiting.pop(0)
                await self._run(request)
        finally:
            self._worker = None

    async def _run(self, request: Request) -> None:
        request.state, request.started = State.RUNNING, time.time()
        self._writer = writer = CellWriter(request, self._large, self._displays)
        status, reason, reply = "error", "", {}
        try:
            writer.begin()
            self._changed(request)
            if self._link is None:
                kernel = self._kernel()
                while not kernel.ready.done():  # noqa: ASYNC110 - after a restart in a pod its address is another one
                    await asyncio.sleep(LOOK_SECONDS)
                link = KernelLink(kernel.client(), lambda: bool(kernel.shutting_down))
                self._link = link
                await link.connect()
            reply = dict(await self._link.execute(request.code, writer.take, self._asked))
            status = str(reply.get("status"))
            request.execution_count = reply.get("execution_count", request.execution_count)
        except KernelLostError as error:
            reason = str(error)
            writer.take("error", {"ename": "KernelEnded", "evalue": reason, "traceback": [reason]})
            self.lose(reason)
        except Exception as error:
            log.exception("request %s could not run", request.id)
            reason = f"The cell could not run: {error}"
            writer.take("error", {"ename": "NotRun", "evalue": reason, "traceback": [reason]})
            self.lose(reason)
        request.prompt, request.status, request.ended = None, status, time.time()
        try:
            await writer.end()
        except Exception:
            log.exception("the outputs of request %s could not be written", request.id)
        self._writer, self.running = None, None
        if status != "ok" and not reason and not _error_expected(request):
            self._stop_after(request, str(reply.get("ename", "")))
        self._end(request, status, reason)

    def _stop_after(self, request: Request, error: str) -> None:
        """Do not run what was asked for behind a cell that failed: it would build on what is not there."""
        interrupted = error == "KeyboardInterrupt"
        reason = "The kernel was interrupted." if interrupted else f"A cell before it failed: {error or 'aborted'}."
        self.clear(reason, lambda other: other.room is request.room and (interrupted or other.by == request.by))

    def _asked(self, prompt: Prompt | None) -> None:
        request = self.running
        if request is not None:
            request.prompt, request.state = prompt, State.INPUT if prompt else State.RUNNING
            if self._writer is not None:
                self._writer.mark()
            self._changed(request)

    def _end(self, request: Request, status: str, reason: str) -> None:
        waited = request.state is State.WAITING
        request.state, request.status, request.reason = State.DONE, status, reason
        request.ended = request.ended or time.time()
        if waited and request.room is not None:
            cell = request.room.cell(request.cell_id)
            if cell is not None:
                with request.room.doc.transaction():
                    unmark(cell)
        self.done[request.id] = request
        while len(self.done) > REMEMBERED:
            self.done.pop(next(iter(self.done)))
        self._changed(request)

    async def close(self) -> None:
        """Stop; the kernel is left as it is."""
        if self._worker is not None:
            self._worker.cancel()
        if self._link is not None:
            self._link.close()


def _same(one: Request, other: Request) -> bool:
    return (one.room, one.cell_id, one.code) == (other.room, other.cell_id, other.code)


def _error_expected(request: Request) -> bool:
    cell = request.room.cell(request.cell_id) if request.room is not None else None
    return cell is not None and "raises-exception" in (cell["metadata"].to_py().get("tags") or ())
