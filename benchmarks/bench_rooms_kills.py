"""Two robots type and run while servers are killed, networks part and files change: nothing may be lost or doubled.

`python benchmarks/bench_rooms_kills.py [--misfortunes 200] [--seed 1]` prints a Markdown table and the faults, and ends
with status 1 when there are any.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.rooms.robots import afternoon


def main() -> int:
    """Run the robots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misfortunes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="robots-") as folder:
        tally, found = asyncio.run(afternoon(Path(folder), given.seed, given.misfortunes))
    kinds = ", ".join(f"{count} × {kind}" for kind, count in sorted(tally.misfortunes.items()))
    print("| misfortunes | words typed | runs judged | faults | bar | minutes |\n|---|---|---|---|---|---|")
    minutes = (time.monotonic() - began) / 60
    print(f"| {kinds} | {len(tally.written)} | {tally.runs} | {len(found)} | 0 | {minutes:.1f} |")
    for fault in found[:50]:
        print(f"- {fault}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
