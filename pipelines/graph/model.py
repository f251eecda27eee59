"""A pipeline as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kernels import RunMode
from pipelines.file_access import ALL_FILES, FileAccess

_EMPTY: Callable[[], Mapping[str, Any]] = partial(MappingProxyType[str, Any], {})


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a failing step is tried, and how long the pauses are.

    Attributes
    ----------
    attempts
        In all; 1 means no retry.
    wait_seconds, factor, longest_wait_seconds
        First pause, what each next one is multiplied with, and its bound.
    """

    attempts: int = 1
    wait_seconds: float = 1.0
    factor: float = 2.0
    longest_wait_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Resources:
    """What one item of a step needs.

    Attributes
    ----------
    cpu
        Cores; libraries in the notebook are told to use so many threads.
    memory_bytes
        Bound on the kernel.
    gpu
        Number of GPUs, for launchers that have some.
    disk_bytes
        Bound on what the item adds to its output folder and to its working folder.
    """

    cpu: float | None = None
    memory_bytes: int | None = None
    gpu: int = 0
    disk_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a notebook, run once, or once per item of `foreach`.

    Attributes
    ----------
    name
        By which other steps refer to it.
    notebook
        Relative to the pipeline's folder; `.ipynb`, or `.py` in percent format.
    parameters
        Values for the notebook; texts may hold expressions in `${…}`.
    after
        Steps that have to be done first although no expression refers to them.
    foreach
        A list, or an expression whose value is one; the step runs once per item.
    when
        Expression; the step is skipped where it is false.
    retry, timeout_seconds, cell_timeout_seconds, resources
        Bounds on each item: `timeout_seconds` is for the whole notebook.
    environment
        Variables for the notebook, in the record's cache key.
    secrets
        Variable to reference, `env:NAME` or `file:PATH`; given to the notebook, never written.
    inputs
        Files that the notebook reads, as patterns relative to the folder, which may hold `${…}`; their contents are
        part of the key.
    cache
        Whether a result may be reused.
    mode, kernel
        As `kernels.run_notebook` takes them.
    line
        In the pipeline's file, for messages.
    """

    name: str
    notebook: str
    parameters: Mapping[str, Any] = field(default_factory=_EMPTY)
    after: tuple[str, ...] = ()
    foreach: str | tuple[Any, ...] | None = None
    when: str | None = None
    retry: Retry = field(default_factory=Retry)
    timeout_seconds: float | None = None
    cell_timeout_seconds: float | None = None
    resources: Resources = field(default_factory=Resources)
    environment: Mapping[str, str] = field(default_factory=_EMPTY)
    secrets: Mapping[str, str] = field(default_factory=_EMPTY)
    inputs: tuple[str, ...] = ()
    cache: bool = True
    mode: RunMode = "kernel"
    kernel: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a pipeline runs by itself.

    Attributes
    ----------
    cron
        Five fields: minute, hour, day of the month, month, day of the week.
    timezone
        IANA name.
    """

    cron: str
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Steps and how they depend on each other.

    Attributes
    ----------
    name
        Of the pipeline; results are explained by comparison with its earlier runs.
    folder
        Where its notebooks lie.
    parameters
        Names and defaults.
    steps
        By name, in the order of the file.
    parallel
        Items that run at one time.
    schedule
        When it runs by itself; `None` for never.
    file
        What messages call it.
    files
        How the files that it names are found and opened.
    """

    name: str
    folder: Path
    parameters: Mapping[str, Any]
    steps: Mapping[str, Step]
    parallel: int = 4
    schedule: Schedule | None = None
    file: str = "pipeline"
    files: FileAccess = field(default=ALL_FILES, repr=False, compare=False)
