"""handcalc against handcalcs 1.11: time for a cell, import time, and what the formulas read back to.

Run ``python benchmarks/bench_handcalc.py [--quick]``. Both renderers get the same cells in the same process, turn and
turn about, small cells in turns of 20 lines; the time includes running the cell. CPU time counts, for the machine may
be busy.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import io
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

TESTS = Path(__file__).parents[1] / "tests" / "handcalc"
SETUP = "from math import sqrt, sin\nW, b, d, E, I = 1.2e-3, 0.3, 0.55, 210e9, 8.4e-5\n"
LINES = [
    "L_{i} = 6.0 + {i}",
    "w_{i} = 12.5 * L_{i}",
    "M_{i} = w_{i} * L_{i}**2 / 8  # mid-span",
    "sigma_{i} = M_{i} / (W + b) * sqrt(2.0)",
    "tau_{i} = (w_{i} * L_{i} / 2) / (b * d)",
    "delta_{i} = 5 * w_{i} * L_{i}**4 / (384 * E * I)",
    "phi_{i} = sin(delta_{i}) + tau_{i} / sigma_{i}",
    "k_{i} = (M_{i} - tau_{i}) / (b * d**2 + L_{i})",
    "n_{i} = -k_{i} + 2 * (phi_{i} - 1)",
    "A_{i} = sqrt(b**2 + d**2) / (1 + n_{i}**2)",
]
SIZES = {1: 21, 10: 15, 100: 7, 1000: 3}
FASTER_BAR = 50.0
LINE_BAR_MS = 0.2
IMPORT_BAR_MS = 30.0


class Timing(NamedTuple):
    """Median CPU and wall seconds."""

    cpu: float
    wall: float


def cell(lines: int) -> str:
    """Return a cell of that many assignments."""
    if lines == 1:
        return "y = W / sqrt(b) * (d + 2)\n"
    return "".join(LINES[n % len(LINES)].format(i=n // len(LINES)) + "\n" for n in range(lines))


def prepared() -> dict[str, Any]:
    """Return the names that the cells use."""
    namespace: dict[str, Any] = {}
    exec(SETUP, namespace)
    return namespace


def ours(source: str, before: dict[str, Any]) -> str:
    from handcalc import render

    return render(source, dict(before)).latex


def peer(source: str, before: dict[str, Any]) -> str:
    from handcalcs.handcalcs import LatexRenderer

    namespace = dict(before)
    exec(source, namespace)  # handcalcs runs the cell first, then renders it from the values that are left
    with contextlib.redirect_stdout(io.StringIO()):
        return str(LatexRenderer(source, namespace, {"override": "", "precision": None, "sci_not": None}).render())


def timed(work: Callable[[], object], cells: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(cells):
        work()
    return (time.process_time() - cpu) / cells, (time.perf_counter() - wall) / cells


def interleaved(
    first: Callable[[], object], second: Callable[[], object], turns: int, cells: int
) -> tuple[Timing, Timing]:
    """Return the medians for one cell, from turns of `cells` cells each."""
    timed(first, cells), timed(second, 1)
    found: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for _ in range(turns):
        found[0].append(timed(first, cells))
        found[1].append(timed(second, cells))
    medians = [Timing(*(statistics.median(column) for column in zip(*times, strict=True))) for times in found]
    return medians[0], medians[1]


def speed(quick: bool) -> tuple[list[str], bool]:
    version = importlib.metadata.version("handcalcs")
    table = [
        f"| lines in the cell | handcalc CPU ms (wall) | per line | handcalcs {version} CPU ms (wall) "
        "| ratio CPU (wall) | bar | |",
        "|---:|---:|---:|---:|---:|---|---|",
    ]
    good = True
    for lines, turns in SIZES.items():
        if quick and lines == 1000:
            continue
        source = cell(lines)
        before = prepared()
        own, other = partial(ours, source, before), partial(peer, source, before)
        fast, slow = interleaved(own, other, max(3, turns // (4 if quick else 1)), max(1, 20 // lines))
        ratio = slow.cpu / fast.cpu
        per_line = fast.cpu * 1e3 / lines
        bar, met = f"≥ {FASTER_BAR:.0f}×", ratio >= FASTER_BAR
        if lines == 100:
            bar, met = f"{bar}, ≤ {LINE_BAR_MS} ms a line", met and per_line <= LINE_BAR_MS
        good = good and met
        table.append(
            f"| {lines} | {fast.cpu * 1e3:.2f} ({fast.wall * 1e3:.2f}) | {per_line:.3f} ms "
            f"| {slow.cpu * 1e3:.1f} ({slow.wall * 1e3:.1f}) | {ratio:.0f}× ({slow.wall / fast.wall:.0f}×) "
            f"| {bar} | {'pass' if met else 'miss'} |"
        )
    return table, good


def import_time(quick: bool) -> tuple[list[str], bool]:
    script = "import sys, time; t = time.process_time(); import {}; "
    script += "print(time.process_time() - t, *sorted(sys.modules))"
    with tempfile.TemporaryDirectory() as cache:
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"PYTHONPYCACHEPREFIX": cache, "PYTHONPATH": str(TESTS.parents[1])}
        times: dict[str, list[float]] = {"handcalc": [], "handcalcs": []}
        foreign: set[str] = set()
        for turn in range(4 if quick else 12):
            for name in times:
                command = [sys.executable, "-c", script.format(name)]
                printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
                seconds, *modules = printed.split()
                if turn:  # the first turn compiles
                    times[name].append(float(seconds) * 1e3)
                if name == "handcalc":
                    roots = {module.partition(".")[0] for module in modules}
                    foreign |= {root for root in roots if root not in sys.stdlib_module_names and root != "handcalc"}
    own, other = (statistics.median(times[name]) for name in ("handcalc", "handcalcs"))
    extra = sorted(root for root in foreign if not root.startswith(("_", "sitecustomize", "usercustomize")))
    met = own <= IMPORT_BAR_MS and not extra
    table = [
        "| import | handcalc CPU ms | handcalcs CPU ms | outside the standard library | bar | |",
        "|---|---:|---:|---|---|---|",
        f"| median | {own:.1f} | {other:.1f} | {', '.join(extra) or 'nothing'} | ≤ {IMPORT_BAR_MS:.0f} ms, standard "
        f"library only | {'pass' if met else 'miss'} |",
    ]
    return table, met


def readback(quick: bool) -> tuple[list[str], bool]:
    sys.path.insert(0, str(TESTS))
    from readback_cases import failures, random_case

    chance = random.Random(2026)
    count = 1000 if quick else 20_000
    found = [failure for _ in range(count) for failure in failures(random_case(chance))]
    kinds = Counter(failure.kind.split()[-1] for failure in found)
    met = not kinds
    for failure in found[:5]:
        print(f"{failure.kind}: {failure.case.expression} with {failure.case.values}: {failure.detail}")
    table = [
        "| read back | expressions | wrong | unreadable | crash | bar | |",
        "|---|---:|---:|---:|---:|---|---|",
        f"| symbolic, substituted and result | {count:,} | {kinds['wrong']} | {kinds['unreadable']} | {kinds['crash']} "
        f"| 20,000 with 0, 0, 0 | {'pass' if met else 'miss'} |",
    ]
    return table, met


def typesetting(quick: bool) -> tuple[list[str], bool]:
    sys.path.insert(0, str(TESTS))
    from readback_cases import PREAMBLE, random_case
    from tricky import TRICKY
    from typesetting import rejected

    from handcalc import render

    chance = random.Random(7)
    blocks = []
    for case in TRICKY:
        namespace: dict[str, Any] = {}
        exec(case.setup, namespace)
        with contextlib.redirect_stdout(io.StringIO()):
            blocks.append(render(case.source, namespace).latex)
    for _ in range(200 if quick else 2000):
        random_one = random_case(chance)
        blocks.append(render(f"{PREAMBLE}y = {random_one.expression}", dict(random_one.values)).latex)
    counts = Counter(found.by for found in rejected(blocks))
    met = not counts
    table = [
        "| typesetting | blocks | rejected by KaTeX | rejected by MathJax | bar | |",
        "|---|---:|---:|---:|---|---|",
        f"| tricky and random | {len(blocks):,} | {counts['KaTeX']} | {counts['MathJax']} | 0 "
        f"| {'pass' if met else 'miss'} |",
    ]
    return table, met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer turns, no cell of 1,000 lines")
    quick = parser.parse_args().quick
    met = True
    for part in (speed, import_time, readback, typesetting):
        table, passed = part(quick)
        print("\n".join(table), end="\n\n", flush=True)
        met = met and passed
    print("all bars met" if met else "some bars missed")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
