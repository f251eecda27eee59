"""Whether anything but the code that is evaluated ran meanwhile: threads and processes that cells have left behind.

Seen from outside, where no cell can change what is told: the system counts how often it has let each thread run
(`proc(5)`, `voluntary_ctxt_switches`). What has not run can have touched nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

_SWITCHES = re.compile(r"^(?:non)?voluntary_ctxt_switches:\s*(\d+)$", re.MULTILINE)
_STATE = re.compile(r"^State:\s*(\S)", re.MULTILINE)
_ENDED = frozenset({"X", "Z"})
_RUNNING = "R"
_TASKS_LIMIT = 500
Company = dict[tuple[int, int], int]


def family_of(pid: int) -> frozenset[int]:
    """Return a process and its descendants."""
    found, waiting = set[int](), [pid]
    while waiting and len(found) < _TASKS_LIMIT:
        process = waiting.pop()
        found.add(process)
        waiting += [child for task in _tasks(process) for child in _children(task)]
    return frozenset(found)


def company_of(pid: int, known: Collection[int]) -> Company | None:
    """Return how often each thread of a process and its descendants has run; `None` while one is running.

    Parameters
    ----------
    pid
        Of the outermost process.
    known
        Processes whose first thread takes orders: it is left out.
    """
    found: Company = {}
    for process in family_of(pid):
        for task in _tasks(process):
            status = _read(task / "status")
            state = _STATE.search(status)
            if (process in known and task.name == str(process)) or state is None or state[1] in _ENDED:
                continue
            if state[1] == _RUNNING or len(found) >= _TASKS_LIMIT:
                return None
            found[process, int(task.name)] = sum(map(int, _SWITCHES.findall(status)))
    return found


def _tasks(process: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{process}/task").iterdir())
    except OSError:
        return []


def _children(task: Path) -> list[int]:
    return [int(child) for child in _read(task / "children").split()]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
