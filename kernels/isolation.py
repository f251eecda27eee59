"""From a sandbox policy to an order for the preloaded parent, and from its answer to a report."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from .errors import SandboxError
from .limits import Limits
from .policy import Barrier, SandboxPolicy, SandboxReport

SANDBOX_HOME = "/home/kernel"
_DEFAULT_PROCESSES = 64
_DEFAULT_OPEN_FILES = 1024


def sandbox_order(policy: SandboxPolicy, limits: Limits) -> dict[str, object]:
    """What the parent is told.

    Raises
    ------
    SandboxError
        If a readable path is not absolute, or a file's name leaves the private folder.
    """
    for path in policy.readable:
        if not PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise SandboxError(f"a readable path must be absolute and without '..': {path!r}")
    for name in policy.files:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or not name:
            raise SandboxError(f"a file must lie in the private folder: {name!r}")
    return {
        "readable": list(policy.readable),
        "private_bytes": limits.disk_bytes or policy.private_bytes,
        "files": {name: base64.b64encode(content).decode() for name, content in policy.files.items()},
    }


def sandbox_environment(policy: SandboxPolicy) -> dict[str, str]:
    """All variables of sandboxed code."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": SANDBOX_HOME,
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",  # noqa: S108 - the sandbox's own
        "MPLCONFIGDIR": "/tmp",  # noqa: S108
        **policy.environment,
    }


def sandbox_limits(limits: Limits) -> Limits:
    """The limits with bounds where code of strangers must have some."""
    return replace(
        limits,
        processes=limits.processes or _DEFAULT_PROCESSES,
        open_files=limits.open_files or _DEFAULT_OPEN_FILES,
    )


def sandbox_report(content: Mapping[str, Any]) -> SandboxReport:
    """Read what the child said about its isolation."""
    return SandboxReport(
        frozenset(Barrier(name) for name in content["reached"]),
        {Barrier(name): str(reason) for name, reason in content["missing"].items()},
    )
