"""Control groups: bounds on a child and all it starts, together, kept by the operating system.

Used where groups are this process's to make (systemd's `CGROUP_DELEGATION`): its own group is the root, as in a
container, or a service manager has marked it, or the one above it, as delegated (`Delegate=yes`, with
`DelegateSubgroup=` in systemd). Both versions are known, see `cgroup-v1/` and `cgroup-v2.rst` in Linux' documentation;
in version 1, what a controller's group does not permit is left to resource limits.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

_PERIOD_MICROSECONDS = 100_000
_CONTROLLERS = ("memory", "pids", "cpu")
_PREFIX = "kernel-"


@dataclass(frozen=True)
class Hierarchy:
    """Where groups can be made.

    Attributes
    ----------
    version
        1 or 2; 0 where none can be made.
    folders
        Controller (`memory`, `pids`, `cpu`) to the folder below which its groups are.
    reason
        Why there are none.
    """

    version: int
    folders: dict[str, str]
    reason: str = ""


@dataclass(frozen=True)
class Group:
    """One group; in version 1, one per controller."""

    version: int
    folders: dict[str, str]

    def join(self) -> None:
        """Move this process into it, in a child before it does anything; raises `OSError`."""
        for folder in self._distinct():
            _write(folder, "cgroup.procs", "0")

    def is_out_of_memory(self) -> bool:
        """Whether the operating system has ended a process of it for want of memory."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        return self._counter(name, "oom_kill") > 0

    def peak_memory_bytes(self) -> int:
        """The most memory it has used; 0 where that is not known (before Linux 5.19, in version 2)."""
        name = "memory.peak" if self.version == 2 else "memory.max_usage_in_bytes"
        text = _read(self.folders.get("memory", ""), name)
        return int(text) if text.strip().isdigit() else 0

    def remove(self) -> bool:
        """Remove it; `False` while processes of it are not gone yet."""
        gone = True
        for folder in self._distinct():
            if not _remove(folder):
                gone = False
        return gone

    def _distinct(self) -> list[str]:
        return sorted(set(self.folders.values()))

    def _counter(self, name: str, counter: str) -> int:
        for line in _read(self.folders.get("memory", ""), name).splitlines():
            label, _, value = line.partition(" ")
            if label == counter and value.isdigit():
                return int(value)
        return 0


def find(proc: str = "/proc", prefix: str = _PREFIX) -> Hierarchy:
    """Look for a place where this process may make groups, and try it.

    Parameters
    ----------
    proc
        Where the system's view of processes is.
    prefix
        Of the names of the groups; what follows is the number of the process that made it. Those left empty by
        processes that have ended are removed.
    """
    own, mounts = _own_groups(proc), _mounts(proc)
    folders: dict[str, str] = {}
    for controller in _CONTROLLERS:
        if controller in own and controller in mounts:
            folder = _below(mounts[controller], own[controller])
            if _is_ours(folder, own[controller], own=True) and _is_usable(folder, (controller,), prefix, proc):
                folders[controller] = folder
    if "memory" in folders or "pids" in folders:
        return Hierarchy(1, folders)
    if "" in own and "" in mounts:
        folder = _below(mounts[""], own[""])
        above = os.path.dirname(folder), os.path.dirname(own[""])
        for candidate, path, is_own in ((folder, own[""], True), (*above, False)):
            usable = _delegated(candidate, prefix, proc) if _is_ours(candidate, path, own=is_own) else []
            if usable:
                return Hierarchy(2, dict.fromkeys(usable, candidate))
    reason = "no control groups are mounted" if not mounts else "no control group has been delegated to it"
    return Hierarchy(0, {}, reason)


def create(
    hierarchy: Hierarchy, number: int, memory_bytes: int | None, processes: int | None, cpu_cores: float | None
) -> Group | None:
    """Make this process's group of that number, with bounds; `None` where no controller can enforce any of them.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    name = f"{_PREFIX}{os.getpid()}-{number}"
    wanted = {"memory": memory_bytes, "pids": processes, "cpu": cpu_cores}
    folders = {
        controller: os.path.join(hierarchy.folders[controller], name)
        for controller, bound in wanted.items()
        if bound is not None and controller in hierarchy.folders
    }
    group = Group(hierarchy.version, folders)
    try:
        for folder in group._distinct():
            os.mkdir(folder, 0o755)
        for controller, folder in folders.items():
            for file, text in _settings(hierarchy.version, controller, wanted[controller] or 0):
                _write(folder, file, text)
        for folder in folders.values():
            _write_if_possible(folder, "memory.swap.max", "0")
            _write_if_possible(folder, "memory.oom.group", "1")
    except OSError:
        group.remove()
        raise
    return group if folders else None


def _settings(version: int, controller: str, bound: float) -> Iterable[tuple[str, str]]:
    quota = str(max(int(bound * _PERIOD_MICROSECONDS), 1000))
    if controller == "memory":
        yield ("memory.max" if version == 2 else "memory.limit_in_bytes", str(int(bound)))
    elif controller == "pids":
        yield ("pids.max", str(int(bound)))
    elif version == 2:
        yield ("cpu.max", f"{quota} {_PERIOD_MICROSECONDS}")
    else:
        yield ("cpu.cfs_period_us", str(_PERIOD_MICROSECONDS))
        yield ("cpu.cfs_quota_us", quota)


def _own_groups(proc: str) -> dict[str, str]:
    """Controller to the path of this process's group; the controller of version 2 is the empty string."""
    found = {}
    for line in _read(proc, "self/cgroup").splitlines():
        _number, names, path = line.split(":", 2)
        found.update(dict.fromkeys(names.split(","), path))
    return found


def _mounts(proc: str) -> dict[str, tuple[str, str]]:
    """Controller to the mount point of its hierarchy and the path of the group that is mounted there."""
    found = {}
    for line in _read(proc, "self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        fields, (kind, _source, options) = before.split(), after.split(" ", 2)
        if kind == "cgroup2":
            found[""] = (fields[4], fields[3])
        elif kind == "cgroup":
            found.update({name: (fields[4], fields[3]) for name in options.split(",") if name in _CONTROLLERS})
    return found


def _below(mount: tuple[str, str], path: str) -> str:
    """Folder of a group; where only a part of the hierarchy is mounted, as in containers, below that part."""
    point, root = mount
    relative = path[len(root) :] if root != "/" and path.startswith(root) else path
    folder = os.path.normpath(point + "/" + relative)
    return folder if os.path.isdir(folder) else point


def _is_ours(folder: str, path: str, *, own: bool) -> bool:
    """Whether nobody else manages the groups below one: the root, one of the platform's, or a delegated one."""
    if own and (path == "/" or "collegium" in path.split("/")):
        return True
    for name in ("user.delegate", "trusted.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(folder, name) == b"1":
                return True
    return False


def _delegated(folder: str, prefix: str, proc: str) -> list[str]:
    """Controllers of version 2 that groups below a folder can have."""
    for controller in _CONTROLLERS:
        _write_if_possible(folder, "cgroup.subtree_control", f"+{controller}")
    enabled = _read(folder, "cgroup.subtree_control").split()
    usable = [controller for controller in _CONTROLLERS if controller in enabled]
    return usable if usable and _is_usable(folder, usable, prefix, proc) else []


def _is_usable(folder: str, controllers: Iterable[str], prefix: str, proc: str) -> bool:
    """Make a group for a moment; remove what others have left."""
    probe = os.path.join(folder, f"{prefix}{os.getpid()}-probe")
    try:
        os.mkdir(probe)
    except OSError:
        return False
    known = set(os.listdir(probe))
    os.rmdir(probe)
    _remove_left(folder, prefix, proc)
    signs = {"memory": ("memory.max", "memory.limit_in_bytes"), "pids": ("pids.max",)}
    signs["cpu"] = ("cpu.max", "cpu.cfs_quota_us")
    return all(known & set(signs[controller]) for controller in controllers)


def _remove_left(folder: str, prefix: str, proc: str) -> None:
    """Remove the empty groups of processes that have ended; one that lives may be about to fill its own."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            maker = name.removeprefix(prefix).partition("-")[0]
            if name.startswith(prefix) and not (maker.isdigit() and os.path.exists(os.path.join(proc, maker))):
                _remove_now(os.path.join(folder, name))


def _remove(folder: str) -> bool:
    for _ in range(5):
        if _remove_now(folder):
            return True
        time.sleep(0.001)  # the processes have ended, and are being taken out of it
    return False


def _remove_now(folder: str) -> bool:
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _read(folder: str, name: str) -> str:
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def _write(folder: str, name: str, text: str) -> None:
    with open(os.path.join(folder, name), "w", encoding="ascii") as stream:
        stream.write(text)


def _write_if_possible(folder: str, name: str, text: str) -> None:
    if os.path.exists(os.path.join(folder, name)):
        with contextlib.suppress(OSError):
            _write(folder, name, text)
