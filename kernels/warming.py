"""Start the preloaded parents before they are needed, from a process that outlives what will be forked from them.

A child of a preloaded parent adopts what it starts, daemons included, and they end with it. So a parent of kernels
that such a child starts would be started again by the next one: whoever has children run notebooks starts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .forkserver import ForkServer
from .preloads import KERNEL_PRELOAD, KERNEL_REHEARSAL, KERNEL_TARGETS, SHORT_PREPARE, SHORT_REHEARSAL, SHORT_TARGETS
from .records import RunMode


def kernel_parent(environment: Mapping[str, str], mode: RunMode = "kernel", idle_seconds: float = 600.0) -> ForkServer:
    """The parent of the kernels of a process with this environment; `start` it.

    Parameters
    ----------
    environment
        All variables of the process that will run notebooks.
    mode
        As `run_notebook` takes it.
    idle_seconds
        It ends itself after so long without kernels.
    """
    runtime = environment.get("JUPYTER_RUNTIME_DIR")
    folder = Path(runtime) / "forkserver" if runtime else None
    if mode == "short":
        return ForkServer(
            preload=KERNEL_PRELOAD,
            target=SHORT_TARGETS,
            rehearsal=SHORT_REHEARSAL,
            prepare=SHORT_PREPARE,
            runtime_dir=folder,
            environment=environment,
            idle_seconds=idle_seconds,
        )
    return ForkServer(
        preload=KERNEL_PRELOAD,
        target=KERNEL_TARGETS,
        rehearsal=KERNEL_REHEARSAL,
        runtime_dir=folder,
        environment=environment,
        idle_seconds=idle_seconds,
    )
