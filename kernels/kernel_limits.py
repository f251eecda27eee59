"""From limits to what the operating system is asked to enforce."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields

from ._forked import cgroups
from .forkserver import SpawnLimits
from .limits import Limits

_CPU_GRACE_SECONDS = 1  # the first process of a pid namespace ignores SIGXCPU and waits for SIGKILL


@dataclass(frozen=True, slots=True)
class LimitEnforcement:
    """Who keeps the limits of kernels on this machine.

    Attributes
    ----------
    control_groups
        Version of the control groups that this process may make: 1, 2, or 0 for none.
    controllers
        What they bound: `memory`, `pids` (processes), `cpu`. Resource limits and the preloaded parent bound the rest.
    reason
        Why there are none.
    """

    control_groups: int
    controllers: tuple[str, ...]
    reason: str = ""


def limit_enforcement() -> LimitEnforcement:
    """Find out, by trying, who would keep the limits of kernels started from here."""
    found = cgroups.find()
    return LimitEnforcement(found.version, tuple(sorted(found.folders)), found.reason)


def limits_from_profile(profile: Mapping[str, object]) -> Limits:
    """Limits from a kernelspec's or a settings file's table.

    Raises
    ------
    ValueError
        If a name is none of the attributes of `Limits`, or a value is not a positive number.
    """
    known = {field.name for field in fields(Limits)}
    unknown = sorted(set(profile) - known)
    if unknown:
        raise ValueError(f"unknown limits {unknown}; known are {sorted(known)}")
    return Limits(**profile)  # type: ignore[arg-type]


def spawn_limits(limits: Limits) -> SpawnLimits:
    """The part of the limits that the operating system and the preloaded parent enforce."""
    table: dict[str, tuple[int, int]] = {"CORE": (0, 0)}
    if limits.cpu_seconds is not None:
        seconds = math.ceil(limits.cpu_seconds)
        table["CPU"] = (seconds, seconds + _CPU_GRACE_SECONDS)
    if limits.open_files is not None:
        table["NOFILE"] = (limits.open_files, limits.open_files)
    if limits.processes is not None:
        table["NPROC"] = (limits.processes, limits.processes)
    if limits.file_bytes is not None:
        table["FSIZE"] = (limits.file_bytes, limits.file_bytes)
    return SpawnLimits(table, limits.memory_bytes, limits.memory_bytes, limits.processes, limits.cpu_cores)


def limited_command(command: list[str], limits: Limits) -> list[str]:
    """A command under the limits that one process can be given, by `prlimit(1)`; as it is where that is missing."""
    program = shutil.which("prlimit")
    bounds = spawn_limits(limits)
    if program is None or (set(bounds.resource_limits) == {"CORE"} and bounds.data_growth_bytes is None):
        return command
    options = [f"--{name.lower()}={soft}:{hard}" for name, (soft, hard) in bounds.resource_limits.items()]
    if bounds.data_growth_bytes is not None:
        options.append(f"--data={bounds.data_growth_bytes}")
    return [program, *options, *command]
