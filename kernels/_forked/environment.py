"""Notice that the Python environment has changed under a preloaded parent."""

from __future__ import annotations

import hashlib
import os
import sys

_PACKAGE_FOLDERS = ("site-packages", "dist-packages")


def fingerprint() -> str:
    """Digest of what is installed: package metadata in the folders of `sys.path`, with their times.

    Installing, upgrading or removing a package changes it; editing a module in place does not.
    """
    digest = hashlib.sha256(sys.version.encode())
    for folder in sys.path:
        if os.path.basename(folder) in _PACKAGE_FOLDERS:
            for line in sorted(_metadata(folder)):
                digest.update(line.encode())
    return digest.hexdigest()


def folder_times() -> tuple[int, ...]:
    """When something was last added to or removed from the folders of packages (nanoseconds): quick to ask."""
    return tuple(_time(folder) for folder in sys.path if os.path.basename(folder) in _PACKAGE_FOLDERS)


def _time(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


def _metadata(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [
                f"{entry.name} {entry.stat(follow_symlinks=False).st_mtime_ns}\n"
                for entry in entries
                if entry.name.endswith((".dist-info", ".egg-info", ".pth", ".egg-link"))
            ]
    except OSError:
        return []
