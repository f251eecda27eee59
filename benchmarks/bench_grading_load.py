"""Two workers, many submissions, one in twenty of which hangs, crashes, forks, floods or fills the disk.

Run `python benchmarks/bench_grading_load.py [--count 1000]`. Every submission must end with the right score or the
right reason, no worker may be lost, and the memory of the workers must stay flat.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from courseware.execution import KernelExecutor
from courseware.notebooks import write_notebook

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.courseware.class_under_test import ClassUnderTest
from tests.courseware.small_assignment import FULL, HONEST, NAME, WRONG, answered, source_notebook

HARM = {
    "hangs": "while True: pass\n",
    "crashes": "import os\nos.kill(os.getpid(), 11)\n",
    "forks": "import os\nwhile True: os.fork()\n",
    "floods": HONEST + "for i in range(2_000_000): print(i)\n",
    "fills the disk": "with open('big', 'wb') as f:\n    while True: f.write(bytes(1 << 20))\n",
}


def _expected(number: int) -> tuple[str, str]:
    """Return what a submission does and its source."""
    if number % 20 == 7:
        kind = list(HARM)[number // 20 % len(HARM)]
        return kind, HARM[kind]
    return ("right", HONEST) if number % 2 else ("wrong", WRONG)


async def run(count: int) -> list[str]:
    """Grade them all; return what went wrong."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.environ["JUPYTER_RUNTIME_DIR"] = f"{folder}/rt"
        names = tuple(f"s{number:04}" for number in range(count))
        school = ClassUnderTest(Path(folder), KernelExecutor(), students=names)
        school.release("ps1", {NAME: write_notebook(source_notebook())})
        rows = {
            name: school.hand_in(name, "ps1", {NAME: write_notebook(answered(_expected(number)[1]))}).id
            for number, name in enumerate(names)
        }
        school.time = datetime.now(UTC)
        school.now = lambda: datetime.now(UTC)  # type: ignore[method-assign]
        began, memory = time.monotonic(), [_memory()]

        async def work() -> None:
            worker = school.worker()
            while await worker.work_once():
                memory.append(_memory())

        await asyncio.gather(work(), work())
        wall = time.monotonic() - began
        problems = []
        for number, name in enumerate(names):
            kind, _ = _expected(number)
            scores = school.scores(rows[name])
            total = sum(score.score or 0.0 for score in scores.values())
            right = sum(FULL.values()) if kind in ("right", "floods") else 0.0
            reasons = all(s.reason for s in scores.values() if (s.score or 0.0) < s.points)
            if total != right or not reasons:
                why = sorted({score.reason for score in scores.values()})
                problems.append(f"{name} ({kind}): {total} instead of {right}: {why}")
        states = school.progress("ps1")
    half = len(memory) // 2
    print(f"{count} submissions, 2 workers: {wall:.0f} s, {count / wall:.1f} a second; jobs {states}")
    print(f"memory of the workers: {memory[half]:.0f} MB half-way, {memory[-1]:.0f} MB at the end")
    return problems + ([] if states == {"done": count} else [str(states)])


def _memory() -> float:
    """Peak of this process, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    """Print what happened; fail when something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    problems = asyncio.run(run(parser.parse_args().count))
    print("\n".join(problems[:20]) or "every submission has the right score or the right reason")
    raise SystemExit(bool(problems))


if __name__ == "__main__":
    main()
