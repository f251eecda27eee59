"""Random kills of an installation's own parts on the test cluster, while notebooks are saved and work is handed in.

    python benchmarks/bench_cluster_platform_kills.py [--minutes 30] [--seed 1]

The chart's objects are installed. One person saves notebooks through their project's server and starts kernels in pods,
one hands work in that Jobs grade; meanwhile pods of the hub, the service, the proxy, the workers, the project's server,
kernels and Jobs are killed, and the cluster's own programs restarted. At the end: how many acknowledged saves, hand-ins
and scores are missing, how many were done twice, and which pods nobody owns.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
import uuid
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from kubernetes import config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.bench_cluster import row, use_test_cluster  # noqa: E402
from benchmarks.bench_cluster_kills import PROGRAMS  # noqa: E402
from tests.cluster.installation import VALUES, Installation, installed  # noqa: E402
from tests.courseware.conftest import EXAMPLES  # noqa: E402
from tests.courseware.test_a_course_through_http import encoded  # noqa: E402
from tests.rooms.test_durability import notebook  # noqa: E402

PARTS = ("hub", "service", "proxy", "worker", "project-server", "project-server", "kernel", "grading", "program")
AWAY = (httpx.HTTPError, ApiException, HTTPError, KeyError, ValueError)
PAUSE_SECONDS, SAVE_SECONDS, HAND_IN_SECONDS = 12.0, 0.5, 20.0
SETTLING_SECONDS = 660  # what is left when its owner was killed is found within ten minutes
NOTEBOOKS, KERNELS = 5, 4
KEPT_SECONDS = 120  # ended Jobs, to be looked at


class Writer:
    """A person who saves notebooks in a project, and has kernels there."""

    def __init__(self, installation: Installation) -> None:
        self.installation, self.http = installation, installation.client("ada")
        self.project = str(self.http.post("/projects", json={"name": "Kept"}).raise_for_status().json()["id"])
        self.url = f"{installation.url}/user/projects/{self.project}/"
        self.acknowledged: dict[str, int] = {}
        self.saved = self.failed = 0

    def work(self, is_over: threading.Event) -> None:
        """Save one notebook after the other; whatever fails is begun anew."""
        for number in iter(lambda: self.saved + self.failed, -1):
            if is_over.is_set():
                return
            name = f"kept-{number % NOTEBOOKS}.ipynb"
            body = {"type": "notebook", "format": "json", "content": json.loads(notebook(f"n = {number}"))}
            try:
                answer = self.ask("PUT", f"api/contents/{name}", body)
                answer.raise_for_status()
                self.acknowledged[name] = number
                self.saved += 1
                if number % 20 == 0:
                    self.ask("POST", "api/kernels", {"name": "pod"})
                    for kernel in self.ask("GET", "api/kernels").raise_for_status().json()[:-KERNELS]:
                        self.ask("DELETE", f"api/kernels/{kernel['id']}")
            except AWAY:
                self.failed += 1
                self.come_in()
            is_over.wait(SAVE_SECONDS)

    def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Ask the project's server, as a page does."""
        found = [c.value for c in self.http.cookies.jar if c.name == "_xsrf" and self.project in c.path]
        headers = {"X-XSRFToken": found[-1] or ""} if found else {}
        return self.http.request(
            method, self.url + path, json=body, headers=headers, follow_redirects=False, timeout=30
        )

    def come_in(self) -> None:
        """Have the server started if it does not run, and sign in there."""
        with contextlib.suppress(*AWAY):
            if self.http.get(f"/projects/{self.project}/server", timeout=30).json()["state"] != "running":
                self.http.post(f"/projects/{self.project}/server", timeout=30)
                return
            self.http.get(f"{self.url}lab", timeout=30)

    def lost(self) -> list[str]:
        """Return the notebooks that are older than what was acknowledged."""
        files = self.installation.folder / "projects" / self.project / "files"
        found = []
        for name, number in self.acknowledged.items():
            source = "".join(json.loads((files / name).read_text())["cells"][0]["source"])
            if int(source.rpartition(" ")[2]) < number:
                found.append(f"{name} has {source!r}, {number} was acknowledged")
        return found


class Student:
    """Somebody who hands in, again and again, and asks again with the same key when no answer comes."""

    def __init__(self, installation: Installation) -> None:
        shutil.copytree(EXAMPLES / "source/ps1", installation.folder / "ps1", copy_function=shutil.copyfile)
        self.http, self.teacher = installation.client("bitdiddle"), installation.client("teacher")
        for words in (
            ("course", "create", "phys", "Physics", "--instructor", "teacher"),
            ("course", "enrol", "phys", "bitdiddle", "--role", "student"),
            ("assignment", "add", "phys", "ps1", "/srv/collegium/ps1"),
            ("assignment", "release", "phys", "ps1"),
        ):
            installation.run("service", *words)
        self.receipts: set[int] = set()
        self.handed_in = 0

    def work(self, is_over: threading.Event) -> None:
        """Hand in something new, until it is received."""
        while not is_over.is_set():
            self.handed_in += 1
            extra = {"path": "notes.txt", "content_base64": b64encode(str(self.handed_in).encode()).decode()}
            body = {"files": [*encoded(EXAMPLES / "submitted/bitdiddle/ps1"), extra]}
            headers = {"Idempotency-Key": uuid.uuid4().hex}
            while True:
                with contextlib.suppress(*AWAY):
                    path = "/courses/phys/assignments/ps1/submissions"
                    answer = self.http.post(path, json=body, headers=headers, timeout=30).raise_for_status()
                    self.receipts.add(answer.json()["submission"])
                    break
                time.sleep(1)
            is_over.wait(HAND_IN_SECONDS)

    def states(self) -> dict[str, int]:
        """Return how many gradings are in each state."""
        return dict(self.teacher.get("/courses/phys/assignments/ps1/gradings").raise_for_status().json()["states"])


def kill(installation: Installation, chance: random.Random, tally: Counter[str], is_over: threading.Event) -> None:
    """Choose a victim, end it, wait, and choose the next."""
    while not is_over.wait(chance.uniform(0.5, 1.5) * PAUSE_SECONDS):
        part = chance.choice(PARTS)
        with contextlib.suppress(*AWAY, subprocess.CalledProcessError):
            if part == "program":
                part = chance.choice(PROGRAMS)
                words = [sys.executable, str(ROOT / "deploy" / "testcluster"), "restart", part, "--away", "2"]
                subprocess.run(words, capture_output=True, check=True)
            else:
                pods = [pod.metadata.name for pod in installation.pods(part)]
                if not pods:
                    continue
                victim = chance.choice(pods)
                installation.core.delete_namespaced_pod(victim, installation.namespace, grace_period_seconds=0)
            tally[part] += 1
            print(time.strftime("%H:%M:%S"), part, flush=True)


def within(seconds: float, is_true: Callable[[], bool]) -> bool:
    """Wait for something; say whether it came true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(*AWAY):
            if is_true():
                return True
        time.sleep(1)
    return False


def measure(minutes: float, seed: int) -> bool:
    """Let it happen, and print what came of it."""
    tally: Counter[str] = Counter()
    with installed(jobs={**VALUES["jobs"], "secondsToKeep": KEPT_SECONDS}) as installation:
        writer, student, is_over = Writer(installation), Student(installation), threading.Event()
        arguments: Any = (installation, random.Random(seed), tally, is_over)
        threads = [threading.Thread(target=work, args=(is_over,), daemon=True) for work in (writer.work, student.work)]
        threads.append(threading.Thread(target=kill, args=arguments, daemon=True))
        for thread in threads:
            thread.start()
        time.sleep(60 * minutes)
        is_over.set()
        for thread in threads:
            thread.join(300)
        ended = time.monotonic()
        graded = within(SETTLING_SECONDS, lambda: set(student.states()) == {"done"})
        states = student.states()
        lost = writer.lost()
        http = writer.http
        within(180, lambda: http.delete(f"/projects/{writer.project}/server").is_success)

        def left() -> list[str]:
            return [
                p.metadata.name for part in ("project-server", "kernel", "grading") for p in installation.pods(part)
            ]

        within(SETTLING_SECONDS, lambda: not left())
        orphans = left()
        settled = time.monotonic() - ended
    print(f"\n{sum(tally.values())} kills in {minutes:.0f} minutes, seed {seed}: {dict(tally)}")
    print(f"all was settled {settled:.0f} s after the last kill; {writer.failed} saves failed and were made again\n")
    print("| what | measured | bar | |\n|---|---|---|---|")
    print(row(f"notebooks older than acknowledged, after {writer.saved} saves", str(len(lost)), "0", not lost))
    total, received = sum(states.values()), len(student.receipts)
    print(row(f"hand-ins without a receipt, of {student.handed_in}", str(student.handed_in - received), "0", True))
    print(row("gradings that are missing or doubled", str(abs(total - received)), "0", total == received))
    print(row("gradings that did not end well", str(total - states.get("done", 0)), "0", graded))
    print(row("pods that nobody owns", str(len(orphans)), "0", not orphans))
    for line in [*lost, *orphans, json.dumps(states)]:
        print("  ", line)
    return not (lost or orphans or total != received or student.handed_in != received) and graded


def main() -> None:
    """Find the test cluster and begin."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    if not use_test_cluster():
        return
    config.load_kube_config(os.environ["KUBECONFIG"])
    sys.exit(0 if measure(arguments.minutes, arguments.seed) else 1)


if __name__ == "__main__":
    main()
