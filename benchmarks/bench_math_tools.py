"""Timing and table rows of the benchmarks of compiled mathematics."""

from __future__ import annotations

import gc
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Call = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """One comparison: a bar that a figure must reach, as printed."""

    routine: str
    peer: str
    ours: str
    figure: str
    bar: str
    passed: bool

    def markdown(self) -> str:
        """The row of the table."""
        mark = "pass" if self.passed else "**miss**"
        return f"| {self.routine} | {self.peer} | {self.ours} | {self.figure} | {self.bar} | {mark} |"


def header() -> str:
    """Head of the table."""
    return "| routine | peer | ours | peer/ours CPU (wall) | bar | |\n|---|---|---|---|---|---|"


def machine() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, Python {platform.python_version()}"


def _once(call: Call, number: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(number):
        call()
    return (time.process_time() - cpu) / number, (time.perf_counter() - wall) / number


def _number(call: Call, target_seconds: float) -> int:
    call()  # warms up, and lets a just-in-time compiler do its work
    spent, _ = _once(call, 1)
    return max(1, min(200_000, int(target_seconds / max(spent, 1e-8))))


def interleaved(calls: list[Call], rounds: int, target_seconds: float = 0.03) -> list[tuple[float, float]]:
    """Median CPU and wall seconds of each call, measured in turns so that noise meets all alike."""
    numbers = [_number(call, target_seconds) for call in calls]
    samples: list[list[tuple[float, float]]] = [[] for _ in calls]
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for call, number, kept in zip(calls, numbers, samples, strict=True):
                kept.append(_once(call, number))
    finally:
        gc.enable()
    return [(statistics.median(c for c, _ in kept), statistics.median(w for _, w in kept)) for kept in samples]


def readable(seconds: float) -> str:
    """Seconds with a fitting unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def compare(
    routine: str, ours: Call, peers: list[tuple[str, Call, float]], rounds: int, slow: bool = False
) -> list[Row]:
    """Rows of one routine against several peers, each with the ratio it must reach.

    Parameters
    ----------
    routine : str
        Name for the table.
    ours : callable
        Our call.
    peers : list of (name, call, bar)
        A bar of 0 is only reported.
    rounds : int
        Measurements of each call.
    slow : bool
        Measure the peers once only (they take seconds).
    """
    if slow:
        (own,) = interleaved([ours], rounds)
        measured = [own] + [_once(call, 1) for _, call, _ in peers]
    else:
        measured = interleaved([ours, *(call for _, call, _ in peers)], rounds)
    rows = []
    cpu, wall = measured[0]
    for (name, _, bar), (peer_cpu, peer_wall) in zip(peers, measured[1:], strict=True):
        ratio = peer_cpu / cpu
        figure = f"{ratio:.3g} ({peer_wall / wall:.3g})"
        rows.append(Row(routine, name, readable(cpu), figure, f"≥ {bar:g}" if bar else "–", ratio >= bar))
    return rows


def at_most(routine: str, ours: Call, limit_seconds: float, rounds: int) -> Row:
    """A row whose bar is an absolute time."""
    ((cpu, wall),) = interleaved([ours], rounds)
    figure = f"{readable(cpu)} ({readable(wall)})"
    return Row(routine, "–", readable(cpu), figure, f"≤ {readable(limit_seconds)}", cpu <= limit_seconds)
