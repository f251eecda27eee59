"""Rooms beside stock jupyter-collaboration: edit latency, server CPU and the history, in one run.

`python benchmarks/bench_rooms.py [--quick] [--people 50]` prints a Markdown table. Both servers are started the same
way, serve the same clients in turn, and differ in the extension alone. History is measured in this process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from pycrdt import Doc, Text

sys.path.insert(0, str(Path(__file__).parents[1]))

from spawner.rooms.history import compact, revisions, state_at
from spawner.rooms.store import Beginning, Edit, EditStore, FileMark
from tests.rooms import serve
from tests.rooms.peers import Peer, Served

LOADS = [(2, 2.0, False, 10), (10, 2.0, False, 10), (50, 1.0, True, 50), (100, 2.0, False, 60)]
FORKING = multiprocessing.get_context("forkserver")


class Stock(Served):
    """The same server with jupyter-collaboration's own extension."""

    def launch(self) -> Any:
        arguments = (str(self.files), str(self.state), self.port, str(self.log), True)
        process = FORKING.Process(target=serve.child, args=arguments)
        process.start()
        return process


async def load(served: Served, name: str, people: int, rate: float, cursors: bool, seconds: float) -> tuple[Any, ...]:
    """Return the latencies in milliseconds and the share of a core that the server took."""
    (served.files / name).write_text("")
    peers: list[Peer] = [await served.join("ada", name) for _ in range(people)]
    await asyncio.sleep(1)
    sent: dict[str, float] = {}
    latencies: list[float] = []
    watcher = peers[0]

    def seen(event: Any) -> None:
        now = time.perf_counter()
        for delta in event.delta:
            for word in str(delta.get("insert", "")).split():
                if word in sent:
                    latencies.append((now - sent.pop(word)) * 1000)

    subscription = watcher.document._ysource.observe(seen)
    process = psutil.Process(served.process.pid if served.process else 0)
    before, began = sum(process.cpu_times()[:2]), time.perf_counter()
    until = began + seconds

    async def person(number: int, peer: Peer) -> None:
        await asyncio.sleep(number / people / rate)
        count = 0
        while time.perf_counter() < until:
            word = f"p{number}n{count}"
            if peer is not watcher:
                sent[word] = time.perf_counter()
            peer.type(word + " ", at=0)
            if cursors:
                peer.tell({"user": {"name": "x"}, "cursors": [count] * 20}, clock=count + 1)
            count += 1
            await asyncio.sleep(1 / rate)

    await asyncio.gather(*(person(number, peer) for number, peer in enumerate(peers)))
    share = (sum(process.cpu_times()[:2]) - before) / (time.perf_counter() - began)
    await asyncio.sleep(1)
    watcher.document._ysource.unobserve(subscription)
    lost = len(sent)
    for peer in peers:
        peer.disconnect()
    await asyncio.sleep(1)
    latencies.sort()
    return statistics.median(latencies), latencies[int(len(latencies) * 0.95)], share, lost


async def latency(seconds: float, loads: list[tuple[int, float, bool, int]]) -> None:
    print("| people × edits/s | server | median ms | p95 ms | bar p95 | server CPU | unseen | |")
    print("|---|---|---|---|---|---|---|---|")
    for people, rate, cursors, bar in loads:
        shares = {}
        for title, kind in (("stock", Stock), ("ours", Served)):
            with tempfile.TemporaryDirectory() as folder:
                served = kind(Path(folder))
                served.start()
                try:
                    found = await load(served, f"{people}.txt", people, rate, cursors, seconds)
                finally:
                    served.end(9)  # type: ignore[arg-type]
            median, p95, shares[title], lost = found
            verdict = "" if title == "stock" else "pass" if p95 <= bar else "miss"
            what = f"{people} × {rate:g}{' + cursors' if cursors else ''}"
            row = [what, title, f"{median:.1f}", f"{p95:.1f}", f"{bar}", f"{shares[title]:.0%}", str(lost), verdict]
            print("| " + " | ".join(row) + " |", flush=True)
        print(f"| | ratio of CPU | | | ≤ 0.33 at 50 | {shares['ours'] / shares['stock']:.2f} | | |", flush=True)


def history(count: int) -> None:
    """Print how long a list of `count` revisions and any one of them take, and how the store grows."""
    with tempfile.TemporaryDirectory() as folder:
        store = EditStore(Path(folder) / "a.sqlite")
        doc: Doc[Text] = Doc()
        text = doc.get("source", type=Text)
        updates: list[bytes] = []
        doc.observe(lambda event: updates.append(event.update))
        store.begin(Beginning(doc.get_update(), 0, "", "lineage"))
        for n in range(count):
            text += "x" if n % 60 else "\n"
        last = store.append([Edit(1e9 + n * 60, ("ada", "grace")[n % 2], u) for n, u in enumerate(updates)])
        store.set_mark(FileMark("", last))
        compact(store)
        began = time.perf_counter()
        revisions(store)
        listed = (time.perf_counter() - began) * 1000
        rebuilt = []
        for n in range(0, count, max(1, count // 40)):
            began = time.perf_counter()
            state_at(store, n)
            rebuilt.append((time.perf_counter() - began) * 1000)
        store.close()
        grown = EditStore(Path(folder) / "b.sqlite")
        grown.begin(Beginning(b"\x00\x00", 0, "", "lineage"))
        size = grown.path.stat().st_size
        last = grown.append([Edit(1e9 + n * 0.2, "ada", u) for n, u in enumerate(updates[:1000])])
        grown.set_mark(FileMark("", last))
        compact(grown)
        data = grown._connection.execute("SELECT total(length(data)) FROM revisions").fetchone()[0]
        grown.close()
    print(f"\n| history of {count} revisions | ms | bar | |\n|---|---|---|---|")
    print(f"| list | {listed:.1f} | 50 | {'pass' if listed <= 50 else 'miss'} |")
    print(f"| rebuild, slowest of 40 | {max(rebuilt):.1f} | 50 | {'pass' if max(rebuilt) <= 50 else 'miss'} |")
    print(f"| 1,000 one-character edits, compacted, kB (empty file: {size / 1000:.0f}) | {data / 1000:.1f} | 33 | |")


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter, without 100 people")
    parser.add_argument("--people", type=int, help="only the load with so many people, without the history")
    given = parser.parse_args()
    print(f"load average {json.dumps(os.getloadavg())}\n")
    loads = [load for load in LOADS if given.people in (None, load[0])]
    if given.quick and given.people is None:
        loads = loads[:3]
    asyncio.run(latency(5 if given.quick else 20, loads))
    if given.people is None:
        history(3000)


if __name__ == "__main__":
    main()
