"""What cells send beyond their limit: counted, and kept on disk for who asks for it."""

from __future__ import annotations

import json
import shutil
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .limits import Limits

COUNTED = frozenset({"stream", "display_data", "execute_result"})
"""Messages that add to the outputs of a cell; updates of what is shown already do not."""

KEPT_BYTES_PER_CELL = 100_000_000
KEPT_CELLS_PER_KERNEL = 50


@dataclass
class CellFlow:
    """How much one cell has sent to one client.

    Attributes
    ----------
    messages, sent_bytes
        What its outputs consist of; nothing again after `clear_output`.
    held, held_bytes
        What did not pass.
    """

    messages: int = 0
    sent_bytes: int = 0
    held: int = 0
    held_bytes: int = 0

    def passes(self, size: int, limits: Limits) -> bool:
        """Count a message of so many bytes; say whether the cell's outputs may hold it."""
        too_many = limits.cell_output_messages is not None and self.messages >= limits.cell_output_messages
        too_much = limits.cell_output_bytes is not None and self.sent_bytes + size > limits.cell_output_bytes
        if self.held or too_many or too_much:
            self.held += 1
            self.held_bytes += size
            return False
        self.messages += 1
        self.sent_bytes += size
        return True

    def clear(self) -> None:
        """Begin anew: the outputs are shown no more."""
        self.messages = self.sent_bytes = self.held = self.held_bytes = 0


@dataclass
class _Cell:
    path: Path
    ends: list[int] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    messages: int = 0
    sent_bytes: int = 0


class KeptOutputs:
    """Messages that were held back, one file per cell, until the kernel ends.

    Of each cell the first 100 MB are kept, and of each kernel the last 50 cells.

    Parameters
    ----------
    folder
        Where; made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kernels: dict[str, OrderedDict[str, _Cell]] = {}

    def keep(self, kernel_id: str, cell: str, message_id: str, kind: str, content: Mapping[str, object]) -> None:
        """Keep a message; one that another client of the same kernel has brought already is known."""
        found = self._cell(kernel_id, cell)
        if message_id in found.known:
            return
        found.known.add(message_id)
        line = json.dumps({"msg_type": kind, "content": content}).encode() + b"\n"
        found.messages += 1
        found.sent_bytes += len(line)
        end = found.ends[-1] if found.ends else 0
        if end + len(line) > KEPT_BYTES_PER_CELL:
            return
        with found.path.open("ab") as stream:
            stream.write(line)
        found.ends.append(end + len(line))

    def page(self, kernel_id: str, cell: str, offset: int, limit: int) -> dict[str, object]:
        """Messages from `offset` on, at most `limit`; raises `KeyError` when none of the cell's were held back."""
        found = self._kernels[kernel_id][cell]
        ends = found.ends[:]
        last = min(offset + limit, len(ends))
        messages: list[object] = []
        if offset < last:
            begin = ends[offset - 1] if offset else 0
            with found.path.open("rb") as stream:
                stream.seek(begin)
                messages = [json.loads(line) for line in stream.read(ends[last - 1] - begin).splitlines()]
        return {
            "messages": messages,
            "next_offset": last if last < len(ends) else None,
            "kept": len(ends),
            "held_back": found.messages,
            "held_back_bytes": found.sent_bytes,
        }

    def forget(self, kernel_id: str) -> None:
        """Remove everything of a kernel."""
        if self._kernels.pop(kernel_id, None) is not None:
            shutil.rmtree(self._folder / kernel_id, ignore_errors=True)

    def _cell(self, kernel_id: str, cell: str) -> _Cell:
        cells = self._kernels.setdefault(kernel_id, OrderedDict())
        if cell not in cells:
            folder = self._folder / kernel_id
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = int(next(reversed(cells.values())).path.stem) + 1 if cells else 0
            cells[cell] = _Cell(folder / f"{number}.jsonl")
            if len(cells) > KEPT_CELLS_PER_KERNEL:
                _name, oldest = cells.popitem(last=False)
                oldest.path.unlink(missing_ok=True)
        return cells[cell]
