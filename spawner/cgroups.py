"""Limits of a project's server that the kernel enforces for all its processes together, where control groups allow."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from spawner.size import Size

ROOT = Path("/sys/fs/cgroup")
NAME = "collegium"
PERIOD_MICROSECONDS = 100_000
PROCESS_LIMIT = 4096


def put(project_id: str, pid: int, size: Size) -> str:
    """Put a process and its descendants under limits; return in words what is enforced."""
    try:
        if (ROOT / "cgroup.controllers").exists():
            return _put_unified(project_id, pid, size)
        return _put_split(project_id, pid, size)
    except OSError as error:
        return f"no control group ({error.strerror}); memory is watched, processors are not limited"


def remove(project_id: str) -> None:
    """Forget the group of a server that has ended."""
    for folder in (ROOT / NAME / project_id, *(ROOT / kind / NAME / project_id for kind in ("memory", "cpu", "pids"))):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _put_unified(project_id: str, pid: int, size: Size) -> str:
    parent = ROOT / NAME
    for folder in (ROOT, parent):
        folder.mkdir(exist_ok=True)
        (folder / "cgroup.subtree_control").write_text("+memory +cpu +pids")
    group = parent / project_id
    group.mkdir(exist_ok=True)
    (group / "memory.max").write_text(str(size.memory_bytes or "max"))
    quota = int(size.cpus * PERIOD_MICROSECONDS) if size.cpus else "max"
    (group / "cpu.max").write_text(f"{quota} {PERIOD_MICROSECONDS}")
    (group / "pids.max").write_text(str(PROCESS_LIMIT))
    (group / "cgroup.procs").write_text(str(pid))
    return "memory, processors and processes are limited by a control group"


def _put_split(project_id: str, pid: int, size: Size) -> str:
    quota = int(size.cpus * PERIOD_MICROSECONDS) if size.cpus else -1
    limits = {
        "memory": {"memory.limit_in_bytes": str(size.memory_bytes or -1)},
        "cpu": {"cpu.cfs_period_us": str(PERIOD_MICROSECONDS), "cpu.cfs_quota_us": str(quota)},
        "pids": {"pids.max": str(PROCESS_LIMIT)},
    }
    done = []
    for kind, values in limits.items():
        group = ROOT / kind / NAME / project_id
        if not (ROOT / kind).is_dir() or not os.access(ROOT / kind, os.W_OK):
            continue
        group.mkdir(parents=True, exist_ok=True)
        for name, value in values.items():
            (group / name).write_text(value)
        (group / "cgroup.procs").write_text(str(pid))
        done.append(kind)
    return f"limited by control groups: {', '.join(done) or 'none'}"
