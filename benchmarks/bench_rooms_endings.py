"""Sixty edits over thirty seconds, then the server is ended with a page open: what is kept, and how long the end takes.

`python benchmarks/bench_rooms_endings.py [--seconds 30]` prints a Markdown table: stock jupyter-collaboration and ours,
each killed (SIGKILL) and asked to end (SIGTERM), all four at the same time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bench_rooms import Stock
from tests.rooms.peers import Peer, Served

EDITS = 60
LONGEST_SECONDS = 20.0
BAR_SECONDS = 5.0
NAME = "notes.txt"


async def ended(served: Served, number: signal.Signals, seconds: float) -> tuple[int, int, float]:
    """Return how many edits the restarted server has, how many the open page has then, and the seconds of the end."""
    (served.files / NAME).write_text("given\n")
    page = await served.join("ada", NAME)
    await page.until(lambda: page.text == "given\n")
    for edit in range(EDITS):
        page.type(f"word{edit} ")
        await asyncio.sleep(seconds / EDITS)
    took = await asyncio.to_thread(_end, served, number)
    await asyncio.to_thread(served.start)
    reader = await served.join("grace", NAME)
    await asyncio.sleep(2)
    kept = _words(reader)
    page.session = served.session("ada", NAME).json()["sessionId"]
    await page.connect()
    await asyncio.sleep(2)
    shown = _words(page)
    for peer in (reader, page):
        if peer.socket is not None:
            peer.disconnect()
    return kept, shown, took


def _end(served: Served, number: signal.Signals) -> float:
    """End a server, by force when it does not end; return the seconds it took."""
    process, began = served.process, time.monotonic()
    assert process is not None
    os.kill(process.pid or 0, number)
    process.join(LONGEST_SECONDS)
    took = time.monotonic() - began
    if process.is_alive():
        process.kill()
        process.join()
    served.process = None
    return took


def _words(peer: Peer) -> int:
    """Return how many of the edits are there once."""
    return sum(peer.text.count(f"word{edit} ") == 1 for edit in range(EDITS))


async def all_four(seconds: float) -> list[tuple[str, str, int, int, float]]:
    """Return a row for each server and signal."""
    cases = [(kind, number) for kind in (Stock, Served) for number in (signal.SIGKILL, signal.SIGTERM)]
    with tempfile.TemporaryDirectory() as folder:
        servers = [kind(Path(folder) / f"{kind.__name__}{number}") for kind, number in cases]
        try:
            for served in servers:
                served.start()
            found = await asyncio.gather(
                *(ended(served, number, seconds) for served, (_, number) in zip(servers, cases, strict=True))
            )
        finally:
            for served in servers:
                if served.process is not None:
                    served.end(signal.SIGKILL)
    return [
        ("stock" if kind is Stock else "ours", number.name, *each)
        for (kind, number), each in zip(cases, found, strict=True)
    ]


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    rows = asyncio.run(all_four(parser.parse_args().seconds))
    print(f"| server | ended by | of {EDITS} edits kept | in the open page then | end, s | bar | |")
    print("|---|---|---|---|---|---|---|")
    for server, number, kept, shown, took in rows:
        passes = kept == shown == EDITS and took <= BAR_SECONDS
        verdict = "" if server == "stock" else "pass" if passes else "miss"
        long = f"> {LONGEST_SECONDS:.0f}" if took >= LONGEST_SECONDS else f"{took:.1f}"
        print(f"| {server} | {number} | {kept} | {shown} | {long} | {EDITS}, ≤ {BAR_SECONDS:.0f} s | {verdict} |")


if __name__ == "__main__":
    main()
