"""Memory of a child and everything it has started, for bounds that hold for all of them together."""

from __future__ import annotations

import os
import signal

_PRIVATE = (b"Private_Clean:", b"Private_Dirty:", b"SwapPss:")
_RESIDENT = (b"RssAnon:", b"RssShmem:", b"VmSwap:")


def exceeds(pid: int, limit_bytes: int) -> int:
    """What a process and its descendants use, in bytes, if it is more than the limit; 0 otherwise.

    Memory still shared with the preloaded parent does not count. The exact figure (`smaps_rollup`) costs
    milliseconds, so it is only asked for when an upper bound (`status`) is beyond the limit.
    """
    family = descendants(pid)
    if sum(_total(member, "status", _RESIDENT) for member in family) <= limit_bytes:
        return 0
    used = sum(_total(member, "smaps_rollup", _PRIVATE) for member in family)
    return used if used > limit_bytes else 0


def descendants(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for member in found:
        try:
            for task in os.listdir(f"/proc/{member}/task"):
                with open(f"/proc/{member}/task/{task}/children", "rb") as stream:
                    found += [int(word) for word in stream.read().split()]
        except OSError:
            continue  # it has ended meanwhile
    return found


def kill_all(pid: int) -> None:
    """End a process and all below it, the eldest first, so that none can replace the others."""
    for member in descendants(pid):
        try:
            os.kill(member, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def _total(pid: int, name: str, fields: tuple[bytes, ...]) -> int:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as stream:
            return sum(int(line.split()[1]) * 1024 for line in stream if line.startswith(fields))
    except OSError:
        return 0
