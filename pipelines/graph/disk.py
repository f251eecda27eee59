"""What a step adds to the disk while it runs, against its limits."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from kernels import CellError

from .orders import Order

GIBIBYTE = 1024**3
MOST_BYTES = 8 * GIBIBYTE
"""What an item may add when its step says nothing else."""
LEAST_FREE_BYTES = GIBIBYTE // 4
ERROR = "DiskLimitError"
_PAUSE_PER_LOOK = 20.0
"""Looking through a large folder takes time; so many times as long it is then left alone."""


@dataclass(frozen=True, slots=True)
class Room:
    """What there is room for where several share the disk.

    Attributes
    ----------
    left_bytes
        What may still be added; below 0 when there is too much already.
    limit_name
        Which limit leaves no more, for the message of who reaches it.
    """

    left_bytes: int
    limit_name: str


def within_room(order: Order, room: Room | None) -> Order:
    """The order with the narrower limit of its step's and of the room that there is."""
    limit = order.disk_bytes if order.disk_bytes is not None else MOST_BYTES
    if room is None or limit <= room.left_bytes:
        return order
    return replace(order, disk_bytes=max(room.left_bytes, 0), disk_limit_name=room.limit_name)


@dataclass
class DiskWatch:
    """Called again and again while a step runs, says when it has written too much.

    The output folder is the step's own and is added up every time. The working folder may be large and is others', too:
    only when so much less is free on its disk that it may be the step's doing, it is looked through for files that have
    changed since. What others wrote there at the same time counts, too; nobody can tell it from the step's.

    Attributes
    ----------
    output, working
        Folders.
    limit_bytes
        What may be added to both together.
    limit_name
        Which limit that is, for the message.
    apart
        Folders in the working folder that do not count.
    """

    output: Path
    working: Path
    limit_bytes: int
    limit_name: str
    apart: Collection[Path] = ()
    _began_at: float = field(default_factory=time.time)
    _free_bytes: int = field(init=False)
    _next_look: float = 0.0
    _changed_bytes: int = 0

    def __post_init__(self) -> None:
        self._free_bytes = _free(self.working)

    def __call__(self) -> CellError | None:
        """Return which limit is reached; `None` while none is."""
        left = _free(self.working)
        free = min(_free(self.output), left)
        if free < LEAST_FREE_BYTES:
            return CellError(ERROR, f"Only {free // 1024**2} MiB are free on the disk; the step was stopped.")
        added = folder_bytes(self.output)
        if added <= self.limit_bytes and self._free_bytes - left >= self.limit_bytes // 2:
            added += self._changed()
        if added <= self.limit_bytes:
            return None
        return CellError(
            ERROR, f"The step wrote {added // 1024**2} MiB; {self.limit_name} is {self.limit_bytes // 1024**2} MiB."
        )

    def _changed(self) -> int:
        began = time.monotonic()
        if began >= self._next_look:
            self._changed_bytes = folder_bytes(self.working, self._began_at, {self.output, *self.apart})
            self._next_look = time.monotonic() + _PAUSE_PER_LOOK * (time.monotonic() - began)
        return self._changed_bytes


def folder_bytes(folder: Path, changed_since: float | None = None, apart: Collection[Path] = ()) -> int:
    """Bytes in the files below a folder; links are not followed, and what cannot be read is left out.

    Parameters
    ----------
    folder
        Where.
    changed_since
        Only what has changed since this time, in seconds of the epoch, and of it what it takes on the disk.
    apart
        Folders to leave out.
    """
    total, left_out, seen = 0, {str(path) for path in apart}, set[tuple[int, int]]()
    if not folder.is_dir():
        return 0
    for base, folders, names, descriptor in os.fwalk(folder):
        folders[:] = [name for name in folders if os.path.join(base, name) not in left_out]  # noqa: PTH118 - many
        for name in names:
            try:
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except OSError:  # gone meanwhile
                continue
            if status.st_nlink > 1:  # several names of one file
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
            if changed_since is None:
                total += status.st_size
            elif status.st_ctime >= changed_since:
                total += status.st_blocks * 512
    return total


def _free(folder: Path) -> int:
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize
