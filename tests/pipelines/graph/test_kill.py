"""Service and workers are killed with SIGKILL at random moments; every run completes, and nothing runs twice."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml

from pipelines.graph import History, Store

HERE = Path(__file__).parent
KILLS = int(os.environ.get("PIPELINE_KILLS", "3"))
"""The bar, 30 steps and 50 kills, is tested with `PIPELINE_KILLS=50`; the suite has time for less."""
WIDTH, DEPTH = 3, 10 if KILLS > 3 else 3


def write_pipeline(folder: Path) -> Path:
    shutil.copy(HERE.parent / "notebooks" / "journal_of_starts.ipynb", folder)
    steps = {}
    for level in range(DEPTH):
        for column in range(WIDTH):
            before = [f"${{steps.s{level - 1}_{other}.name}}" for other in range(WIDTH)] if level else []
            name = f"s{level}_{column}"
            steps[name] = {"notebook": "journal_of_starts.ipynb", "parameters": {"name": name, "before": before}}
    path = folder / "pipeline.yaml"
    path.write_text(yaml.safe_dump({"name": "thirty", "parallel": 2, "steps": steps}))
    return path


def start_service(state: Path, pipeline: Path, journal: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(HERE / "serve_runs.py"), str(state), str(pipeline)],
        env=os.environ | {"JOURNAL_FOLDER": str(journal)},
        stdout=subprocess.PIPE,
        text=True,
    )


def workers(state: Path) -> list[int]:
    pids = []
    for path in (state / "locks").glob("*.lock"):
        with Store(state).lock(path.stem, wait=False) as free:
            text = "" if free else path.read_text()
        if text.isdigit():
            pids.append(int(text))
    return pids


def starts(journal: Path) -> dict[str, int]:
    return {path.stem: len(path.read_text().splitlines()) for path in journal.glob("*.starts")}


def test_kills_at_random_moments_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    chance, kills = random.Random(20261121), 0
    while kills < KILLS:  # a run is through after some of them
        folder = tmp_path / f"after-{kills}"
        folder.mkdir()
        kills += run_through(folder, chance, KILLS - kills)
    assert kills == KILLS


def run_through(folder: Path, chance: random.Random, most: int) -> int:
    """One run of the pipeline with at most so many kills; returns how many there were."""
    state, journal = folder / "state", folder / "journal"
    journal.mkdir()
    pipeline = write_pipeline(folder)
    process, kills = start_service(state, pipeline, journal), 0
    while kills < most:
        time.sleep(chance.uniform(0.3, 6.0 if kills else 1.2))  # the first while it surely runs
        if process.poll() is not None:
            break
        kills += 1
        finished = finished_steps(state)
        before = starts(journal)
        if chance.random() < 0.4 and (alive := living_workers(state)):
            with contextlib.suppress(ProcessLookupError):  # it has ended just now
                os.kill(chance.choice(alive), signal.SIGKILL)
        else:
            process.kill()
            process.wait()
            process = start_service(state, pipeline, journal)
        time.sleep(0.2)
        after = starts(journal)
        assert {name: after[name] for name in finished} == {name: before[name] for name in finished}
    output, _ = process.communicate(timeout=240)
    assert output.strip().endswith("ok")
    assert not (journal / "overlap").exists()
    history = History(f"sqlite:///{state / 'pipelines.sqlite'}")
    (run,) = history.runs()
    rows = list(history.items(run.id))
    assert len(rows) == WIDTH * DEPTH
    assert {row.status for row in rows} == {"ok"}
    assert all(Path(row.record or "").is_file() for row in rows)
    for name in finished_steps(state):
        assert starts(journal)[name] <= 1 + kills
    print(f"{kills} kills, {sum(starts(journal).values())} starts of {len(rows)} steps")
    assert kills
    return kills


def living_workers(state: Path) -> list[int]:
    """The workers of now, or of the next five seconds."""
    deadline = time.monotonic() + 5
    while not (alive := workers(state)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return alive


def finished_steps(state: Path) -> set[str]:
    """Steps whose result is published."""
    if not (state / "results").exists():
        return set()
    store = Store(state)
    found = (store.find(path.name) for path in (state / "results").glob("*/*"))
    return {str(result.values["name"]) for result in found if result is not None}
