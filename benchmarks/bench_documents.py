"""Documents of a room beside stock jupyter-collaboration: opening, saving, growth, and the past, in one run.

`python benchmarks/bench_documents.py` prints Markdown tables. Both servers are started the same way and serve the same
raw clients in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
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

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bench_rooms import Stock
from tests.rooms.peers import Peer, Served

CELLS = 1000
ROUNDS = 7
Figures = dict[str, float]
SETTLED_SECONDS, SETTLING_SECONDS = 4.0, 40.0


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


def cpu_seconds(served: Served) -> float:
    """Return the CPU time that a server has taken, exactly: the kernel's ticks are as long as an opening."""
    assert served.process is not None
    tasks = Path(f"/proc/{served.process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


async def measured_opening(served: Served, name: str, title: str) -> tuple[dict[str, float], Peer]:
    """Return the seconds of an opening, the CPU seconds of the server and of the client for it, and the client."""
    server, client = cpu_seconds(served), time.process_time()
    seconds, peer = await opened(served, name)
    own = time.process_time() - client
    await asyncio.sleep(0.2)  # what it does just after is of the opening, too
    figures = {"s": seconds, "server CPU-s": cpu_seconds(served) - server, "client CPU-s": own}
    return {f"{title}, {name}": value for name, value in figures.items()}, peer


async def opening(served: Served, number: int) -> dict[str, float]:
    """Return what the first opening of a notebook takes, and what one more takes while it is open."""
    name = f"open{number}.ipynb"
    (served.files / name).write_text(notebook(CELLS))
    cold, first = await measured_opening(served, name, "cold")
    warm, second = await measured_opening(served, name, "warm")
    for peer in (first, second):
        peer.disconnect()
    await asyncio.sleep(0.5)
    return cold | warm


async def reopening(served: Served, number: int) -> dict[str, float]:
    """Return what it takes to open a notebook again after the server was restarted."""
    served.end(9)  # type: ignore[arg-type]
    await asyncio.to_thread(served.start)
    figures, peer = await measured_opening(served, f"open{number}.ipynb", "after a restart")
    peer.disconnect()
    return figures


async def openings(both: list[Served]) -> list[Figures]:
    """Return the medians of openings, the two servers in turn, so that both meet the same machine."""
    found: list[dict[str, list[float]]] = [{} for _ in both]
    for what in (opening, reopening):
        for number in range(ROUNDS):
            for served, figures in zip(both, found, strict=True):
                for name, value in (await what(served, number)).items():
                    figures.setdefault(f"open 1,000 cells {name}", []).append(value)
    return [{name: statistics.median(values) for name, values in figures.items()} for figures in found]


async def autosave(served: Served, name: str) -> tuple[float, float]:
    """Return the median and the longest milliseconds from one client to another while a notebook is saved."""
    ada, grace = await served.join("ada", name), await served.join("ada", name)
    for peer in (ada, grace):
        await peer.until(lambda peer=peer: peer.document.cell_number > 0, 60)
    await asyncio.sleep(2)
    delays: list[float] = []
    saved = (served.files / name).stat().st_mtime_ns
    saves = 0
    shown = grace.document.ycells[0]["source"]
    gc.collect()
    gc.freeze()  # the clients' own collections of garbage are none of the servers' delays
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
    ada = await served.join("ada", name)  # the document comes into being, and what was done before is put in order
    await asyncio.sleep(1)
    ada.disconnect()
    before = await _settled(served)
    ada = await served.join("ada", name)
    await ada.until(lambda: ada.document.cell_number > 0, 60)
    for number in range(edits):
        ada.type_in_cell(0, "x" if number % 60 else "\n")
        await asyncio.sleep(0.002)
    await asyncio.sleep(2)
    ada.disconnect()
    return (await _settled(served) - before) / 1000


async def _settled(served: Served) -> int:
    """Return the bytes that the stores hold once that has not changed for a time."""
    began = since = time.monotonic()
    found = _stored(served)
    while time.monotonic() - since < SETTLED_SECONDS and time.monotonic() - began < SETTLING_SECONDS:
        await asyncio.sleep(0.5)
        now = _stored(served)
        if now != found:
            found, since = now, time.monotonic()
    return found


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


async def editing(served: Served) -> Figures:
    """Return what saving does to edits, and how the stores grow."""
    for name, cells, output_bytes in (("small.ipynb", 1, 300), ("large.ipynb", CELLS, 10_000)):
        (served.files / name).write_text(notebook(cells, output_bytes))
    _, floor = await autosave(served, "small.ipynb")
    median, longest = await autosave(served, "large.ipynb")
    return {
        "edit while 1 kB is saved, longest ms (what the machine does to it)": floor,
        "edit while 10 MB are saved, median ms": median,
        "edit while 10 MB are saved, longest ms": longest,
        "growth per 1,000 edits, kB": await growth(served, "small.ipynb", 1000),
        "growth per 1,000 edits in a 10 MB notebook, kB": await growth(served, "large.ipynb", 1000),
    }


async def measured(only_openings: bool) -> list[Figures]:
    """Return the figures of stock and of ours."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        both = [Stock(Path(one)), Served(Path(other))]
        try:
            for served in both:
                served.start()
            found = await openings(both)
            if not only_openings:
                found = [figures | await editing(served) for served, figures in zip(both, found, strict=True)]
        finally:
            for served in both:
                if served.process is not None:
                    served.end(9)  # type: ignore[arg-type]
    return found


BARS = {
    "open 1,000 cells cold, s": (0.5, "ratio"),
    "open 1,000 cells after a restart, s": (0.5, "ratio"),  # warm, half of the time is the client's own
    "edit while 10 MB are saved, longest ms": (50, "absolute"),
    "growth per 1,000 edits, kB": (0.2, "ratio"),
    "growth per 1,000 edits in a 10 MB notebook, kB": (100, "absolute"),
}


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--openings", action="store_true", help="nothing else")
    given = parser.parse_args()
    print(f"load average {json.dumps(os.getloadavg())}\n", flush=True)
    stock, ours = asyncio.run(measured(given.openings))
    print("\n| what | stock | ours | ratio | bar | |\n|---|---|---|---|---|---|")
    for what, value in ours.items():
        ratio = value / stock[what] if stock[what] else float("nan")
        bar, kind = BARS.get(what, (None, ""))
        verdict = "" if bar is None else "pass" if (ratio if kind == "ratio" else value) <= bar else "miss"
        shown = "" if bar is None else f"≤ {bar}{' of stock' if kind == 'ratio' else ''}"
        print(f"| {what} | {stock[what]:.3g} | {value:.3g} | {ratio:.2f} | {shown} | {verdict} |")


if __name__ == "__main__":
    main()
