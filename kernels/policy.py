"""Which isolation a run of untrusted code asks for, and which it got."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType


class Barrier(Enum):
    """One thing that separates sandboxed code from the machine."""

    USER_NAMESPACE = "user namespace"
    MOUNT_NAMESPACE = "mount namespace"
    PID_NAMESPACE = "pid namespace"
    NETWORK_NAMESPACE = "network namespace"
    IPC_NAMESPACE = "ipc namespace"
    READ_ONLY_ROOT = "read-only view of the environment"
    PRIVATE_FOLDER = "private writable folder of limited size"
    SECCOMP = "seccomp filter"
    NO_CAPABILITIES = "no capabilities"
    NO_NEW_PRIVILEGES = "no new privileges"
    RESOURCE_LIMITS = "resource limits"
    CLEAN_ENVIRONMENT = "cleared environment"
    CLOSED_DESCRIPTORS = "closed descriptors"


ALL_BARRIERS = frozenset(Barrier)


@dataclass(frozen=True, slots=True)
class SandboxPolicy:
    """What sandboxed code may see, and the least isolation that is accepted.

    Attributes
    ----------
    minimum
        Barriers without which the run is refused with `SandboxError`. Grading keeps the default: all.
    readable
        Absolute paths that are visible, read-only, besides the Python environment and the system's libraries.
    files
        Files that lie in the private folder when the code starts: name (relative, without `..`) to content.
    private_bytes
        Size of the private writable folder, which lives in memory and is the working folder;
        `Limits.disk_bytes`, where given, takes precedence.
    environment
        Variables the code sees besides the few it needs (`PATH`, `HOME`, `LANG`, `TMPDIR`).
    scientific
        Whether the code is expected to import NumPy and the like: then it is forked from a parent that has. Either
        way it can import everything that is installed.
    """

    minimum: frozenset[Barrier] = ALL_BARRIERS
    readable: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    private_bytes: int = 256 * 1024 * 1024
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    scientific: bool = True


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """What isolated a run.

    Attributes
    ----------
    barriers
        Those that were in force before the first cell.
    missing
        Those that were not, each with the operating system's reason.
    """

    barriers: frozenset[Barrier]
    missing: Mapping[Barrier, str] = field(default_factory=lambda: MappingProxyType({}))
