"""Documents of a room beside stock jupyter-collaboration: opening, saving, growth, and the past, in one run.

`python benchmarks/bench_documents.py` prints Markdown tables. Both servers are started the same way and serve the same
raw clients in turn.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bench_rooms import Stock
from tests.rooms.peers import Peer, Served

CELLS = 1000
ROUNDS = 3


def notebook(cells: int, output_bytes: int = 300) -> str:
    """Return a notebook of code cells with outputs of a size."""
    rng = random.Random(0)
    bare: dict[str, Any] = {"cell_type": "code", "metadata": {}, "execution_count": 1}
    text = "".join(rng.choice("abcdefgh \n") for _ in range(output_bytes))
    outputs = [{"output_type": "stream", "name": "stdout", "text": text}]
    listed = [bare | {"id": f"cell{n}", "source": f"x{n} = {n}\nprint(x{n})", "outputs": outputs} for n in range(cells)]
    return json.dumps({"cells": listed, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


async def opened(served: Served, name: str) -> tuple[float, Peer]:
    """Return the seconds until a new client has a whole notebook, and the client."""
    began = time.perf_counter()
    peer = await served.join("ada", name)
    while peer.document.cell_number < CELLS:  # noqa: ASYNC110 - what a page does, too
        await asyncio.sleep(0.001)
    return time.perf_counter() - began, peer


async def opening(served: Served) -> tuple[float, float, float]:
    """Return cold and warm seconds, and the server's CPU seconds of a cold opening; medians."""
    process = psutil.Process(served.process.pid if served.process else 0)
    cold, warm, cpu = [], [], []
    for number in range(ROUNDS):
        name = f"open{number}.ipynb"
        (served.files / name).write_text(notebook(CELLS))
        before = sum(process.cpu_times()[:2])
        seconds, first = await opened(served, name)
        cpu.append(sum(process.cpu_times()[:2]) - before)
        cold.append(seconds)
        seconds, second = await opened(served, name)
        warm.append(seconds)
        for peer in (first, second):
            peer.disconnect()
        await asyncio.sleep(0.5)
    return statistics.median(cold), statistics.median(warm), statistics.median(cpu)


async def reopening(served: Served) -> tuple[float, float]:
    """Return the seconds, and the server's CPU seconds, to open a notebook again after the server was restarted."""
    seconds, cpu = [], []
    for number in range(ROUNDS):
        served.end(9)  # type: ignore[arg-type]
        await asyncio.to_thread(served.start)
        process = psutil.Process(served.process.pid if served.process else 0)
        before = sum(process.cpu_times()[:2])
        taken, peer = await opened(served, f"open{number}.ipynb")
        cpu.append(sum(process.cpu_times()[:2]) - before)
        seconds.append(taken)
        peer.disconnect()
    return statistics.median(seconds), statistics.median(cpu)


async def autosave(served: Served, megabytes: int) -> tuple[float, float]:
    """Return the median and the longest milliseconds from one client to another while large outputs are saved."""
    name = "large.ipynb"
    (served.files / name).write_text(notebook(CELLS, megabytes * 1_000_000 // CELLS))
    _, ada = await opened(served, name)
    _, grace = await opened(served, name)
    await asyncio.sleep(2)
    delays: list[float] = []
    saved = (served.files / name).stat().st_mtime_ns
    saves = 0
    shown = grace.document.ycells[0]["source"]
    for number in range(240):
        began = time.perf_counter()
        ada.type_in_cell(0, f" #{number}#")
        while f"#{number}#" not in str(shown):  # noqa: ASYNC110
            await asyncio.sleep(0.0005)
        delays.append((time.perf_counter() - began) * 1000)
        now = (served.files / name).stat().st_mtime_ns
        saves += now != saved
        saved = now
        await asyncio.sleep(0.05)
    for peer in (ada, grace):
        peer.disconnect()
    delays.sort()
    print(f"<!-- {type(served).__name__}: {saves} saves seen, p99 {delays[-3]:.1f} ms -->")
    return statistics.median(delays), delays[-1]


async def growth(served: Served, name: str, edits: int) -> float:
    """Return by how many kB the stores grow with single-character edits, after everything is saved and closed."""
    ada = await served.join("ada", name)
    await asyncio.sleep(1)
    before = _stored(served)
    for number in range(edits):
        ada.type_in_cell(0, "x" if number % 60 else "\n")
        await asyncio.sleep(0.002)
    await asyncio.sleep(2)
    ada.disconnect()
    await asyncio.sleep(5 if isinstance(served, Stock) else 3)
    return (_stored(served) - before) / 1000


def _stored(served: Served) -> int:
    """Return the bytes of edits that the stores hold (pages of SQLite that are in use)."""
    total = 0
    for path in [*served.state.glob("ystore.sqlite"), *(served.state / "rooms").glob("*.sqlite")]:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                for column in columns:
                    total += database.execute(f"SELECT coalesce(sum(length({column})), 0) FROM {table}").fetchone()[0]
    return total


async def measured(kind: type[Served]) -> dict[str, float]:
    """Return all figures of one kind of server."""
    with tempfile.TemporaryDirectory() as folder:
        served = kind(Path(folder))
        served.start()
        try:
            cold, warm, cpu = await opening(served)
            again, again_cpu = await reopening(served)
            median, longest = await autosave(served, 10)
            (served.files / "small.ipynb").write_text(notebook(1))
            small = await growth(served, "small.ipynb", 1000)
            large = await growth(served, "large.ipynb", 1000)
        finally:
            served.end(9)  # type: ignore[arg-type]
    return {
        "open 1,000 cells, cold, s": cold,
        "open 1,000 cells, cold, server CPU-s": cpu,
        "open 1,000 cells, warm, s": warm,
        "open 1,000 cells after a restart, s": again,
        "open 1,000 cells after a restart, server CPU-s": again_cpu,
        "edit while 10 MB are saved, median ms": median,
        "edit while 10 MB are saved, longest ms": longest,
        "growth per 1,000 edits, kB": small,
        "growth per 1,000 edits in a 10 MB notebook, kB": large,
    }


BARS = {
    "open 1,000 cells, cold, s": (0.5, "ratio"),
    "open 1,000 cells, warm, s": (0.5, "ratio"),
    "edit while 10 MB are saved, longest ms": (50, "absolute"),
    "growth per 1,000 edits, kB": (0.2, "ratio"),
    "growth per 1,000 edits in a 10 MB notebook, kB": (100, "absolute"),
}


def main() -> None:
    """Run all."""
    print(f"load average {json.dumps(os.getloadavg())}\n", flush=True)
    stock, ours = (asyncio.run(measured(kind)) for kind in (Stock, Served))
    print("\n| what | stock | ours | ratio | bar | |\n|---|---|---|---|---|---|")
    for what, value in ours.items():
        ratio = value / stock[what] if stock[what] else float("nan")
        bar, kind = BARS.get(what, (None, ""))
        verdict = "" if bar is None else "pass" if (ratio if kind == "ratio" else value) <= bar else "miss"
        shown = "" if bar is None else f"≤ {bar}{' of stock' if kind == 'ratio' else ''}"
        print(f"| {what} | {stock[what]:.3g} | {value:.3g} | {ratio:.2f} | {shown} | {verdict} |")


if __name__ == "__main__":
    main()
