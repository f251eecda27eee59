"""Notebook runs, their records and the engine of pipelines, against papermill in the same run.

Run `python benchmarks/bench_pipelines.py [--quick]`. CPU is user and system time of everything that a run causes: the
process, its kernels, and the growth of the preloaded parent. papermill runs with a plain ipykernel kernelspec, as it
does where the platform is not installed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_notebook

from pipelines import RunOptions, run_recorded
from pipelines.graph import (
    Order,
    Outcome,
    PipelineService,
    Store,
    attempts,  # what a worker leaves
)
from pipelines.notebook_files import notebook_text

SPEC = {"kernelspec": {"name": "cold", "display_name": "cold", "language": "python"}}
HEAVY = "import numpy, scipy.optimize, pandas\nimport matplotlib.pyplot as plt"
ROWS: list[tuple[str, str, str, str, str]] = []


@dataclass
class Cost:
    cpu: float
    wall: float


def notebook(path: Path, cells: list[str]) -> Path:
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in cells], metadata=SPEC), path)
    return path


def cold_kernelspec(folder: Path) -> None:
    """A kernelspec without preloading, which is what papermill finds elsewhere."""
    spec = folder / "kernels" / "cold"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "cold", "language": "python"}))
    os.environ["JUPYTER_PATH"] = str(folder)


def used() -> float:
    """CPU seconds of this process and of children that have ended."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in usage)


def parents(*, with_children: bool = False) -> float:
    """CPU seconds of the preloaded parents, which are nobody's children; of this benchmark's own only.

    With `with_children`, also of what they have forked and seen end.
    """
    total, own = 0.0, os.environ["JUPYTER_RUNTIME_DIR"]
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or ())
        if "_forked/__main__.py" in command and own in command:
            times = process.cpu_times()
            total += times.user + times.system
            total += times.children_user + times.children_system if with_children else 0.0
    return total


def own_places(folder: Path) -> None:
    """Preloaded parents of this benchmark alone: what others run on the machine is not counted."""
    # Sockets have short paths; the folder of the system's temporary files is one.
    os.environ["JUPYTER_RUNTIME_DIR"] = str(folder / "r")
    os.environ["XDG_CACHE_HOME"] = str(folder / "c")
    (folder / "r").mkdir(mode=0o700)


def papermill_runs(paths: list[Path], out: Path) -> Cost:
    import papermill

    began, cpu = time.monotonic(), used()
    for index, path in enumerate(paths):
        papermill.execute_notebook(str(path), str(out / f"pm{index}.ipynb"), progress_bar=False)
    return Cost(used() - cpu, time.monotonic() - began)


def our_runs(paths: list[Path], out: Path, mode: str) -> Cost:
    kernels = 0.0

    async def all_runs() -> None:
        nonlocal kernels
        places = asyncio.Semaphore(2)

        async def one(index: int, path: Path) -> None:
            nonlocal kernels
            async with places:
                options = RunOptions(kernel_name="python3", mode=mode)
                run = await run_recorded(path, {}, out / f"our{index}.ipynb", options=options)
                assert run.status == "ok", run.message
                kernels += run.cpu_seconds or 0.0

        await asyncio.gather(*(one(index, path) for index, path in enumerate(paths)))

    began, cpu, before = time.monotonic(), used(), parents()
    asyncio.run(all_runs())
    return Cost(used() - cpu + kernels + max(parents() - before, 0.0), time.monotonic() - began)


def compare(name: str, paths: list[Path], out: Path, rounds: int, bars: Mapping[str, tuple[float, float]]) -> None:
    """Interleave papermill and our modes; report medians of the ratios."""
    ours: dict[str, list[tuple[Cost, Cost]]] = {mode: [] for mode in bars}
    for mode in bars:
        try:
            our_runs(paths[:1], out, mode)  # the parent preloads once, before the clock starts
        except ValueError as error:
            ROWS.append((f"{name}, {mode}", "", "", "", f"not run: {error}"))
            ours.pop(mode)
    for _round in range(rounds):
        peer = papermill_runs(paths, out)
        for mode, pairs in ours.items():
            pairs.append((peer, our_runs(paths, out, mode)))
    for mode, pairs in ours.items():
        cpu = statistics.median(peer.cpu / our.cpu for peer, our in pairs)
        wall = statistics.median(peer.wall / our.wall for peer, our in pairs)
        peer_cpu = statistics.median(peer.cpu for peer, _ in pairs) / len(paths)
        our_cpu = statistics.median(our.cpu for _, our in pairs) / len(paths)
        row(f"{name}, {mode}: CPU per notebook", f"{peer_cpu:.2f} s", f"{our_cpu:.3f} s", cpu, bars[mode][0])
        if bars[mode][1]:
            row(f"{name}, {mode}: notebooks per second", "", "", wall, bars[mode][1])


def row(what: str, peer: str, ours: str, ratio: float, bar: float) -> None:
    verdict = "pass" if ratio >= bar else "miss"
    ROWS.append((what, peer, ours, f"{ratio:.1f} ×", f"≥ {bar:g} ×: {verdict}"))
    print(f"  {what}: {ratio:.1f} × ({verdict})", file=sys.stderr, flush=True)


def saving(folder: Path, cells: int) -> None:
    """CPU of all saves of a run of `cells` cells: papermill's 2n + 2, ours as many as a real run makes."""
    from papermill.iorw import write_ipynb

    path = notebook(folder / "long.ipynb", [f"print({i})" for i in range(cells)])
    run = asyncio.run(run_recorded(path, {}, folder / "long.out.ipynb", options=RunOptions(kernel_name="python3")))
    repeats = 10
    began = time.process_time()
    for _ in range(repeats):
        write_ipynb(run.notebook, str(folder / "saved.ipynb"))
    peer = (time.process_time() - began) / repeats * (2 * cells + 2)
    began = time.process_time()
    for _ in range(repeats):
        (folder / "saved.ipynb").write_text(notebook_text(run.notebook))
    ours = (time.process_time() - began) / repeats * run.saves
    row(f"saving a run of {cells} cells ({run.saves} saves)", f"{peer:.1f} s", f"{ours:.3f} s", peer / ours, 30)


def command_cpu(command: list[str], environment: Mapping[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def stock_environment(folder: Path) -> dict[str, str] | None:
    """papermill as it is installed elsewhere, with the import that our lock keeps out; `None` without a registry."""
    extra = folder / "stock"
    uv = Path(sys.executable).parent / "uv"
    done = subprocess.run([str(uv), "pip", "install", "-q", "--target", str(extra), "rfc3987-syntax"], check=False)
    return os.environ | {"PYTHONPATH": str(extra)} if done.returncode == 0 else None


def start(folder: Path, rounds: int) -> None:
    """CPU of the commands on a notebook with one trivial cell, everything that they cause included."""
    path = str(notebook(folder / "one.ipynb", ["1"]))
    here = Path(sys.executable).parent
    own = [str(here / "collegium"), "run", path, "-k", "python3", "-q", "-o", str(folder / "one.our.ipynb")]
    command_cpu(own, os.environ)
    deadline = time.monotonic() + 120
    while not list((folder / "c" / "collegium").glob("run-????????????????")) and time.monotonic() < deadline:
        time.sleep(0.2)  # the first command leaves a process standing
    peers = {"stock": stock_environment(folder), "without its useless import": dict(os.environ)}
    results: dict[str, list[tuple[float, float]]] = {name: [] for name, where in peers.items() if where}
    for _ in range(rounds):
        for name, pairs in results.items():
            where = peers[name]
            assert where is not None
            command = [str(here / "papermill"), path, str(folder / "one.pm.ipynb"), "--no-progress-bar"]
            peer = command_cpu(command, where)
            before = parents(with_children=True)
            ours = command_cpu(own, os.environ)
            time.sleep(0.3)  # the kernel is reaped by its parent
            pairs.append((peer, ours + max(parents(with_children=True) - before, 0.0)))
    for name, pairs in results.items():
        shown = [f"{statistics.median(values):.2f} s" for values in zip(*pairs, strict=True)]
        ratio = statistics.median(peer / ours for peer, ours in pairs)
        row(f"a command with one cell, against papermill {name}", shown[0], shown[1], ratio, 3)
    if "stock" not in results:
        ROWS.append(("a command with one cell, against papermill stock", "", "", "", "not run: no package registry"))


class NoOpLauncher:
    """Leaves what a worker leaves of an empty notebook, and publishes it: the rest is the cost of the engine."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def run(self, order: Order, secrets: Mapping[str, str]) -> Outcome:
        attempts.prepare(order, self._store)
        folder = Path(order.attempt_folder)
        (folder / attempts.RECORD).write_text("{}")
        attempts.write_ending(folder, attempts.Ending(Outcome("ok")))
        return attempts.known_outcome(order, self._store) or Outcome("lost")

    def cancel(self, order: Order) -> None:
        return


def engine(folder: Path, items: int) -> None:
    """CPU per step of a graph of no-ops, and memory with many step records."""
    notebook(folder / "noop.ipynb", ["1"])
    steps = {
        f"s{i}": {"notebook": "noop.ipynb", "environment": {"I": str(i)}, "after": [f"s{i - 4}"] if i >= 4 else []}
        for i in range(200)
    }
    cost = drive(folder, "graph", {"name": "graph", "steps": steps}, 200)
    ROWS.append(
        ("engine, CPU per step of a 200-step graph", "", f"{cost[0]:.1f} ms", "", verdict(cost[0] <= 50, "≤ 50 ms"))
    )
    many = {"notebook": "noop.ipynb", "foreach": list(range(items)), "environment": {"I": "${item}"}}
    _, grown = drive(folder, "many", {"name": "many", "steps": {"s": many}}, items)
    ROWS.append((f"memory grown by {items} step records", "", f"{grown:.1f} MB", "", verdict(grown <= 50, "≤ 50 MB")))


def verdict(reached: bool, bar: str) -> str:
    return f"{bar}: {'pass' if reached else 'miss'}"


def drive(folder: Path, name: str, content: dict[str, object], count: int) -> tuple[float, float]:
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps(content))
    state = folder / f"state-{name}"
    service = PipelineService(state, launcher=NoOpLauncher(Store(state)))
    run = service.create(file)
    with service.open("bench"):
        memory, began = psutil.Process().memory_info().rss, time.process_time()
        service.begin(run.id)
        assert service.wait(run.id).status == "ok"
        cpu = time.process_time() - began
        grown = psutil.Process().memory_info().rss - memory
    return 1000 * cpu / count, grown / 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer notebooks, rounds and records")
    parser.add_argument("--only", choices=["trivial", "imports", "saving", "start", "engine"], help="one part")
    parser.add_argument("--rounds", type=int, default=3, help="of papermill and ours in turn")
    arguments = parser.parse_args()
    count, rounds = (4, 1) if arguments.quick else (20, arguments.rounds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own_places(folder)
        cold_kernelspec(folder)
        parts: dict[str, Callable[[], None]] = {
            "trivial": lambda: trivial(folder, count, rounds),
            "imports": lambda: imports(folder, count, rounds),
            "saving": lambda: saving(folder, 100 if arguments.quick else 500),
            "start": lambda: start(folder, 2 if arguments.quick else 5),
            "engine": lambda: engine(folder, 1000 if arguments.quick else 10_000),
        }
        for part, work in parts.items():
            if arguments.only in (None, part):
                work()
    print("| what | papermill | collegium | ratio | bar |")
    print("|---|---|---|---|---|")
    for cells in ROWS:
        print("| " + " | ".join(cells) + " |")


def trivial(folder: Path, count: int, rounds: int) -> None:
    paths = [notebook(folder / f"t{i}.ipynb", [f"{j} + {i}" for j in range(10)]) for i in range(count)]
    compare(f"{count} trivial notebooks", paths, folder, rounds, {"kernel": (3, 3), "short": (4, 4)})


def imports(folder: Path, count: int, rounds: int) -> None:
    paths = [notebook(folder / f"h{i}.ipynb", [HEAVY, f"numpy.arange({i})"]) for i in range(count)]
    compare(f"{count} notebooks with imports", paths, folder, rounds, {"kernel": (12, 0), "short": (20, 0)})


if __name__ == "__main__":
    main()
