"""Autograding beside `nbgrader autograde`: the same submissions of nbgrader's example, in one run, interleaved.

Run `python benchmarks/bench_courseware.py [--quick] [--case example|heavy]`. CPU is that of the grading process and of
everything it starts, the preloaded parent of the kernels included, but for its one start-up.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import nbgrader
import psutil
from sqlalchemy.orm import Session

from courseware import assignments, courses, jobs, migrate, submissions
from courseware.courses import Person
from courseware.execution import KernelExecutor
from courseware.policy import Caller
from courseware.store import put_files
from courseware.worker import Worker
from hub.blobs import FolderBlobStore
from hub.data.engine import Database

EXAMPLES = Path(nbgrader.__file__).parent / "docs/source/user_guide"
HEAVY = "import numpy\nimport pandas\nimport matplotlib.pyplot\n"
NOW = datetime(2026, 11, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Measure:
    """Seconds per submission."""

    cpu: float
    wall: float


def files_of(folder: Path) -> dict[str, bytes]:
    """Read an assignment's files."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file() and p.name != "timestamp.txt"}


def with_imports(files: Mapping[str, bytes], imports: str) -> dict[str, bytes]:
    """Put a first cell with imports into every notebook."""
    made = dict(files)
    for name in files:
        if not imports or not name.endswith(".ipynb"):
            continue
        notebook = json.loads(files[name])
        cell = {"cell_type": "code", "metadata": {}, "source": imports, "outputs": [], "execution_count": None}
        if notebook.get("nbformat_minor", 0) >= 5:
            cell["id"] = "imports"
        notebook["cells"].insert(0, cell)
        made[name] = json.dumps(notebook).encode()
    return made


class Peer:
    """An nbgrader course directory."""

    def __init__(self, folder: Path, work: Mapping[str, bytes]) -> None:
        self.folder = folder
        self.work = work
        # The stock kernelspec: ours, where it is installed, would start the peer's kernels by forking.
        spec = folder.parent / "kernels/python3/kernel.json"
        spec.parent.mkdir(parents=True)
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec.write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "JUPYTER_PATH": str(folder.parent),
        }
        self._run(folder.parent, "quickstart", folder.name)
        self._run(folder, "generate_assignment", "ps1")

    def grade(self, count: int) -> Measure:
        """Autograde fresh submissions."""
        for part in ("submitted", "autograded"):
            shutil.rmtree(self.folder / part, ignore_errors=True)
        for number in range(count):
            target = self.folder / f"submitted/s{number}/ps1"
            target.mkdir(parents=True)
            for name, content in self.work.items():
                (target / name).write_bytes(content)
        before, began = os.times(), time.monotonic()
        self._run(self.folder, "autograde", "ps1", "--force")
        after = os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return Measure(cpu / count, (time.monotonic() - began) / count)

    def _run(self, folder: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "nbgrader", *arguments]
        subprocess.run(command, cwd=folder, env=self.environment, check=True, capture_output=True)


class Standing:
    """A class in a database, and a worker that stands ready."""

    def __init__(self, folder: Path, work: Mapping[str, bytes]) -> None:
        self.database = Database(f"sqlite:///{folder / 'bench.sqlite'}")
        migrate(self.database.engine)
        self.blobs = FolderBlobStore(folder / "blobs")
        self.work = work
        self.round = 0
        stored = assignments.store_version(self.blobs, files_of(EXAMPLES / "source/ps1"))

        def make(session: Session) -> None:
            course = courses.create(session, "bench", "Bench", instructors=["ada"], by=Caller("root", True), now=NOW)
            row = assignments.create(session, course, "ps1", category="homework", by="ada", now=NOW)
            version = assignments.add_version(session, row, stored, by="ada", now=NOW)
            assignments.release(session, row, version, by="ada", now=NOW)

        self.database.run(make)

    def hand_in(self, count: int) -> None:
        """Fill the queue."""
        self.round += 1
        for number in range(count):
            name = f"s{self.round}-{number}"
            manifest = put_files(self.blobs, {**self.work, "mark.txt": name.encode()})

            def work(session: Session, name: str = name, manifest: object = manifest) -> None:
                course = session.get_one(courses.CourseRow, "bench")
                courses.enrol(session, course, Person(name), by="ada", now=NOW)
                given = submissions.HandIn(name, manifest)
                submissions.hand_in(session, assignments.get(session, "bench", "ps1"), given, key=b"k", now=NOW)

            self.database.run(work)

    async def grade(self, count: int, workers: int = 1) -> Measure:
        """Empty the queue with so many workers, side by side in this process."""
        self.hand_in(count)
        before, began = _cpu(), time.monotonic()
        await asyncio.gather(*(self._work() for _ in range(workers)))
        wall = time.monotonic() - began
        return Measure((_cpu() - before) / count, wall / count)

    async def _work(self) -> None:
        worker = Worker(self.database, self.blobs, KernelExecutor(), lambda: datetime.now(UTC))
        while await worker.work_once():
            pass

    def done(self) -> dict[str, int]:
        """How the jobs ended."""
        return self.database.read(lambda s: jobs.progress(s, assignments.get(s, "bench", "ps1").id))


def _cpu() -> float:
    """CPU seconds of this process and of this run's own parent of kernels, with its ended children."""
    total = time.process_time()
    for process in psutil.process_iter():
        try:
            if os.environ["JUPYTER_RUNTIME_DIR"] in " ".join(process.cmdline()):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        except psutil.Error:
            continue
    return total


async def compare(title: str, imports: str, bar_cpu: float, count: int, rounds: int) -> list[str]:
    """Measure one case; return lines of the table."""
    work = with_imports(files_of(EXAMPLES / "submitted/bitdiddle/ps1"), imports)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        root = Path(folder)
        os.environ["JUPYTER_RUNTIME_DIR"] = str(root / "rt")  # a parent of kernels of this run's own
        peer = Peer(root / "course", work)
        ours = Standing(root, work)
        await ours.grade(1)
        gc.freeze()  # as `collegium grade worker` does when it stands
        pairs = []
        twos = []
        for _ in range(rounds):
            pairs.append((peer.grade(count), await ours.grade(count)))
            twos.append((await ours.grade(count, workers=2)).wall)
        states = ours.done()
    expected = {"done": 2 * count * rounds + 1}
    if states != expected:
        raise SystemExit(f"not every submission was graded: {states}")
    lines = []
    for what, bar in (("cpu", bar_cpu), ("wall", 20.0)):
        theirs = statistics.median(getattr(pair[0], what) for pair in pairs)
        mine = statistics.median(getattr(pair[1], what) for pair in pairs)
        ratio = theirs / mine
        verdict = "pass" if ratio >= bar else "MISS"
        lines.append(f"| {title}, {what} s each | {theirs:.3f} | {mine:.3f} | {ratio:.1f} | ≥ {bar:g} | {verdict} |")
    one, two = statistics.median(pair[1].wall for pair in pairs), statistics.median(twos)
    verdict = "pass" if two < one else "MISS"
    what = f"{title}, wall s each, one worker and two"
    lines.append(f"| {what} | {one:.3f} | {two:.3f} | {one / two:.1f} | > 1 | {verdict} |")
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer submissions, one round")
    parser.add_argument("--rounds", type=int, default=3, help="how often each side grades the 20 submissions")
    parser.add_argument("--case", choices=("example", "heavy", "both"), default="both", help="what to measure")
    arguments = parser.parse_args()
    count, rounds = (3, 1) if arguments.quick else (20, arguments.rounds)
    print("| case | nbgrader 0.9.6 | courseware, sandboxed | times less | bar | |\n|---|---|---|---|---|---|")
    for case, title, imports, bar in (
        ("example", "example", "", 20.0),
        ("heavy", "with numpy, pandas, matplotlib", HEAVY, 12.0),
    ):
        if arguments.case not in (case, "both"):
            continue
        for line in asyncio.run(compare(title, imports, bar, count, rounds)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
