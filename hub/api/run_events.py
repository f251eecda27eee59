"""The events of a run: its steps and cells as they go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hub import project_pipelines
from hub.api import run_schemas as s
from hub.api.context import Context
from hub.api.operation import operation
from hub.api.run_support import allowed, beside_the_loop, exact_run, item_state, run_detail, run_state
from hub.policy import Capability
from hub.project_pipelines import ProjectPipelines

if TYPE_CHECKING:
    from pipelines.graph import ItemRow

PROGRESS_SECONDS = 1.0
RIGHTS_SECONDS = 15.0
ENDED = ("ok", "failed", "cancelled")


@operation(
    "GET",
    "/runs/{project_id}/{run_id}/events",
    "Progress of a run, step by step and cell by cell",
    response=s.RunChange,
    media_type="text/event-stream",
)
async def run_events(ctx: Context) -> None:
    """Stream what changes until the run has ended; the first event says how it stands."""
    project_id = await allowed(ctx, Capability.READ)
    pipelines = project_pipelines.of_platform(ctx.platform)
    run_id = ctx.path["run_id"]
    assert ctx.send_event is not None
    with pipelines.listening(project_id) as changes:
        detail = await beside_the_loop(pipelines, project_id, lambda p, i: run_detail(p, i, exact_run(p.of(i), run_id)))
        followed = _Followed(pipelines, project_id, run_id)
        ended = detail.run.status in ENDED
        await ctx.send_event(s.RunChange(run=detail.run, items=detail.items, progress=[], ended=ended))
        checked_at = time.monotonic()
        while not ended:
            rows = await _changed(changes)
            event = await beside_the_loop(pipelines, project_id, followed.look_at(rows))
            if event is not None:
                ended = event.ended
                await ctx.send_event(event)
            if time.monotonic() - checked_at > RIGHTS_SECONDS:
                await allowed(ctx, Capability.READ)  # whoever was removed sees no more
                checked_at = time.monotonic()


class _Followed:
    """A run, and how much of it was told."""

    def __init__(self, pipelines: ProjectPipelines, project_id: str, run_id: str) -> None:
        self._pipelines, self._project_id, self._run_id = pipelines, project_id, run_id
        self._told: dict[tuple[str, int], tuple[int, int]] = {}
        self._running: set[tuple[str, int]] = {
            (row.step, row.index) for row in pipelines.of(project_id).history.items(run_id) if row.status == "running"
        }
        self._status = ""

    def look_at(self, changed: list[Any]) -> Callable[[ProjectPipelines, str], s.RunChange | None]:
        """`look`, as work on the project's pipelines."""
        return lambda _pipelines, _project_id: self.look(changed)

    def look(self, changed: list[Any]) -> s.RunChange | None:
        """What is new: changed rows, progress of what runs; `None` for nothing."""
        from pipelines.graph import ItemRow

        service = self._pipelines.of(self._project_id)
        run = exact_run(service, self._run_id)
        latest: dict[tuple[str, int], ItemRow] = {}
        for row in changed:
            if isinstance(row, ItemRow) and row.run_id == self._run_id:
                latest[row.step, row.index] = row
        for which, row in latest.items():
            (self._running.add if row.status == "running" else self._running.discard)(which)
        ended = run.status in ENDED
        rows = list(service.history.items(self._run_id)) if ended and self._running else list(latest.values())
        progress = [] if ended else self._progress()
        if not rows and not progress and run.status == self._status:
            return None
        self._status = run.status
        items = [item_state(self._pipelines, self._project_id, row) for row in rows]
        state = run_state(self._pipelines, self._project_id, run)
        return s.RunChange(run=state, items=items, progress=progress, ended=ended)

    def _progress(self) -> list[s.CellProgress]:
        from pipelines.graph import progress_of

        service = self._pipelines.of(self._project_id)
        found = []
        for step, index in sorted(self._running):
            row = service.history.item(self._run_id, step, index)
            content = progress_of(service, row) if row is not None else None
            if content is None:
                continue
            now = int(content["cell"]), int(content.get("of", 0))
            if self._told.get((step, index)) != now:
                self._told[step, index] = now
                found.append(s.CellProgress(step=step, index=index, cell=now[0], of=now[1]))
        return found


async def _changed(changes: asyncio.Queue[Any]) -> list[Any]:
    """The rows that changed, gathered for a moment, or none after a second."""
    rows = []
    try:
        rows.append(await asyncio.wait_for(changes.get(), PROGRESS_SECONDS))
    except TimeoutError:
        return []
    await asyncio.sleep(0.1)  # many changes at one time are one event
    while not changes.empty():
        rows.append(changes.get_nowait())
    return rows
