"""Writes what a cell sends into the shared document, gathered, so that a busy cell costs little."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pycrdt import Map, Text

from spawner.rooms.execution.large_outputs import KEPT_BYTES, MORE, STREAM_SHOWN, LargeOutputs
from spawner.rooms.execution.requests import Output, Request
from spawner.rooms.execution.terminal import printed
from spawner.rooms.files import MOMENT_KEY, unmark

log = logging.getLogger("collegium.rooms")
GATHER_SECONDS = 0.04
TELL_GROWTH_SECONDS = 1.0  # a text beyond the limit: pages show how long it is, and a button that must hold still
OUTPUT_FIELDS = {
    "display_data": ("data", "metadata"),
    "execute_result": ("data", "metadata", "execution_count"),
    "error": ("ename", "evalue", "traceback"),
}


@dataclass
class _Stream:
    """A text that is being printed: what is shown, and where the rest goes."""

    name: str
    text: str = ""
    cursor: int = 0
    grown: str = ""
    total: int = 0
    told_at: float = 0.0


class CellWriter:
    """The outputs of one run of one cell.

    Parameters
    ----------
    request
        What runs; its outputs are noted there when it has no cell.
    large
        Where large outputs go.
    displays
        The data last shown under each display id of the kernel, shared by its cells.
    """

    def __init__(self, request: Request, large: LargeOutputs, displays: dict[str, Shown]) -> None:
        self._request = request
        self._large = large
        self._displays = displays
        self._events: list[tuple[str, Mapping[str, Any]]] = []
        self._times: dict[str, str] = {}
        self._stream: _Stream | None = None
        self._grown: list[_Stream] = []
        self._written = 0
        self._clear_next = False
        self._index = 0
        self._flushing = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Show that the cell runs, without its outputs of before."""
        self._times = {"shell.execute_reply.started": _now(), "iopub.execute_input": _now()}
        cell = self._cell()
        if cell is None or self._request.room is None:
            return
        with self._request.room.edit_as(self._request.by):
            cell["outputs"].clear()
            cell["execution_count"] = None
            cell["metadata"]["trusted"] = True  # who runs code trusts what it shows
            cell["metadata"].pop("execution", None)
        self.mark()

    def mark(self) -> None:
        """Show in the cell whether it waits, runs, or asks."""
        request, cell = self._request, self._cell()
        if cell is None or request.room is None:
            return
        told: dict[str, object] = {"request": request.id, "state": str(request.state), "by": request.by}
        if request.prompt is not None:
            told |= {"prompt": request.prompt.prompt, "password": request.prompt.password}
        with request.room.doc.transaction():
            cell["execution_state"] = "running"
            cell["metadata"][MOMENT_KEY] = told

    def take(self, kind: str, content: Mapping[str, Any]) -> None:
        """Take a message of the kernel."""
        if kind == "execute_input":
            self._request.execution_count = content.get("execution_count")
        if kind in OUTPUT_FIELDS or kind in ("stream", "clear_output", "update_display_data", "execute_input"):
            self._events.append((kind, content))
            if self._timer is None:
                self._timer = asyncio.create_task(self._flush_soon())

    def echo(self, text: str) -> None:
        """Show what a person answered."""
        self.take("stream", {"name": "stdin", "text": text})

    async def end(self) -> None:
        """Write what is left, and that the cell has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self.flush()
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        await self._finish_streams()
        request, cell = self._request, self._cell()
        if cell is None or request.room is None:
            return
        with request.room.edit_as(request.by):
            cell["execution_count"] = request.execution_count
            if request.record_timing and request.started is not None:
                ended = "shell.execute_reply" if request.status == "ok" else "execution_failed"
                cell["metadata"]["execution"] = self._times | {ended: _now()}
            unmark(cell)

    async def flush(self) -> None:
        """Write the messages so far into the document in one change."""
        async with self._flushing:
            events, self._events = _joined(self._events), []
            ready = [(kind, await self._prepared(kind, content)) for kind, content in events]
            cell = self._cell()
            if cell is None or self._request.room is None:
                self._note_without_cell(ready)
                return
            outputs = cell["outputs"]
            with self._request.room.edit_as(self._request.by):
                if len(outputs) != self._written:  # somebody cleared or added outputs: go on behind them
                    self._written, self._stream = len(outputs), None
                for kind, content in ready:
                    self._apply(cell, outputs, kind, content)
                    self._written = len(outputs)

    async def _flush_soon(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        self._timer = None
        try:
            await self.flush()
        except Exception:
            log.exception("outputs of cell %s could not be written", self._request.cell_id)

    async def _prepared(self, kind: str, content: Mapping[str, Any]) -> Any:
        if kind not in OUTPUT_FIELDS and kind != "update_display_data":
            return content
        fields = OUTPUT_FIELDS.get(kind, ("data", "metadata"))
        given = {name: content[name] for name in fields if name in content}
        shown = (await asyncio.to_thread(self._large.put_aside, {"output_type": kind, **given}))[0]
        return {"output": shown, "display_id": (content.get("transient") or {}).get("display_id")}

    def _apply(self, cell: Any, outputs: Any, kind: str, content: Any) -> None:
        if kind == "execute_input":
            cell["execution_count"] = content.get("execution_count")
            return
        if kind == "clear_output":
            self._clear_next = bool(content.get("wait"))
            if not self._clear_next:
                self._clear(outputs)
            return
        if kind == "update_display_data":
            self._update_display(content)
            return
        if self._clear_next:
            self._clear_next = False
            self._clear(outputs)
        if kind == "stream":
            self._print(outputs, str(content["name"]), str(content["text"]))
            return
        self._stream = None
        outputs.append(Map(content["output"]))
        if content["display_id"]:
            shown = Shown(self._request, content["output"].get("data"))
            self._displays[str(content["display_id"])] = shown

    def _clear(self, outputs: Any) -> None:
        outputs.clear()
        self._stream = None

    def _print(self, outputs: Any, name: str, text: str) -> None:
        stream = self._stream
        if stream is None or stream.name != name:
            stream = self._stream = _Stream(name)
            outputs.append(Map({"output_type": "stream", "name": name, "text": Text("")}))
        if stream.grown:
            self._grow(outputs, stream, text)
            return
        before = stream.text
        stream.text, stream.cursor = printed(before, stream.cursor, text)
        rest = ""
        if len(stream.text) > STREAM_SHOWN and len(stream.text.encode()) > KEPT_BYTES:
            stream.text, rest = stream.text[:STREAM_SHOWN], stream.text
        _replace_text(outputs[len(outputs) - 1]["text"], before, stream.text)
        if rest:
            stream.grown = self._request.id[:24] + f"{len(self._grown):012x}"
            self._grown.append(stream)
            stream.total, stream.told_at = self._large.store.grow(stream.grown, rest), time.monotonic()
            outputs.append(Map(self._more(stream, stream.total, False)))

    def _grow(self, outputs: Any, stream: _Stream, text: str) -> None:
        stream.total = self._large.store.grow(stream.grown, text)
        due = stream.told_at + TELL_GROWTH_SECONDS - time.monotonic()
        if due <= 0:
            self._tell_growth(outputs, stream)
        elif self._telling is None:
            self._telling = asyncio.create_task(self._tell_growth_later(stream, due))

    def _tell_growth(self, outputs: Any, stream: _Stream) -> None:
        stream.told_at = time.monotonic()
        outputs[len(outputs) - 1] = Map(self._more(stream, stream.total, False))  # pages see what is put in anew

    async def _tell_growth_later(self, stream: _Stream, seconds: float) -> None:
        await asyncio.sleep(seconds)
        async with self._flushing:
            self._telling = None
            cell = self._cell()
            if cell is None or self._request.room is None or self._stream is not stream:
                return
            if len(cell["outputs"]) == self._written:
                with self._request.room.edit_as(self._request.by):
                    self._tell_growth(cell["outputs"], stream)

    async def _finish_streams(self) -> None:
        """Give long texts their lasting names, wherever in the cell they are now."""
        store = self._large.store
        for stream in self._grown:
            growing, stream.grown = stream.grown, await asyncio.to_thread(store.finish, stream.grown)
            total = store.piece(stream.grown, 0, 1).total
            cell = self._cell()
            index = _place_of(growing, cell["outputs"]) if cell is not None else None
            if index is not None and self._request.room is not None:
                with self._request.room.edit_as(self._request.by):
                    cell["outputs"][index] = Map(self._more(stream, total, True))
        self._grown.clear()

    def _more(self, stream: _Stream, total: int, complete: bool) -> Output:
        return self._large.more(stream.name, stream.grown, len(stream.text.encode()), total, complete)

    def _update_display(self, content: Any) -> None:
        shown = self._displays.get(str(content["display_id"]))
        if shown is None or shown.request.room is None:
            return
        cell, output = shown.request.room.cell(shown.request.cell_id), content["output"]
        for index, known in enumerate(list(cell["outputs"]) if cell is not None else ()):
            if known.get("data") is not None and _plain(known["data"]) == _plain(shown.data):
                changed = {"data": output["data"], "metadata": output.get("metadata", {})}
                cell["outputs"][index] = Map({**known.to_py(), **changed})
        shown.data = output["data"]

    def _note_without_cell(self, ready: list[tuple[str, Any]]) -> None:
        outputs = self._request.outputs
        for kind, content in ready:
            last = outputs[-1] if outputs else {}
            if kind == "clear_output":
                outputs.clear()
            elif kind == "stream" and last.get("name") == content["name"]:
                last["text"] = printed(str(last["text"]), len(str(last["text"]).rpartition("\n")[2]), content["text"])[
                    0
                ]
            elif kind == "stream":
                outputs.append({"output_type": "stream", "name": content["name"], "text": content["text"]})
            elif kind in OUTPUT_FIELDS:
                outputs.append(content["output"])

    def _cell(self) -> Any:
        room = self._request.room
        return room.cell(self._request.cell_id) if room is not None else None


@dataclass
class Shown:
    """What a display id stands for now."""

    request: Request
    data: object


def _joined(events: list[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return events with neighbouring pieces of one stream put together."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    pieces: list[str] = []
    for kind, content in events:
        if kind == "stream" and pieces and found[-1][1]["name"] == content["name"]:
            pieces.append(content["text"])
            continue
        if pieces:
            found[-1] = ("stream", {"name": found[-1][1]["name"], "text": "".join(pieces)})
        pieces = [content["text"]] if kind == "stream" else []
        found.append((kind, content))
    if pieces:
        found[-1] = ("stream", {"name": found[-1][1]["name"], "text": "".join(pieces)})
    return found


def _replace_text(shared: Any, before: str, after: str) -> None:
    """Change a shared text where it differs; what is in common at its beginning stays."""
    if after.startswith(before):
        shared += after[len(before) :]
        return
    start = before.rfind("\n", 0, min(len(before), len(after))) + 1
    while start and before[:start] != after[:start]:
        start = before.rfind("\n", 0, start - 1) + 1
    kept = len(before[:start].encode())  # a shared text counts bytes
    del shared[kept:]
    shared += after[start:]


def _place_of(growing: str, outputs: Any) -> int | None:
    """Return where the output is that stands behind a text, by the text's name."""
    for index, output in enumerate(outputs):
        data = _plain(output.get("data"))
        if isinstance(data, dict) and (data.get(MORE) or {}).get("stream") == growing:
            return index
    return None


def _plain(value: Any) -> object:
    return value.to_py() if hasattr(value, "to_py") else value


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
