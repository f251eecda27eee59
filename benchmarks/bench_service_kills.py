"""The platform's parts killed at random moments under the load of many people.

Run: python benchmarks/bench_service_kills.py [--quick] [--kills N] [--database postgresql|sqlite]

200 people and 2,000 projects, 100 reading requests a second (`bench_service.py`), 20 people who write and new people
who sign in all the time, while the hub, the proxy and the service are killed with SIGKILL. On PostgreSQL connections of
the service and of the hub are cut, too (`pg_terminate_backend`), and single backends are killed with SIGKILL, whereupon
PostgreSQL ends all connections and recovers its files. Afterwards everything that was acknowledged must be there:
projects that were made or renamed, sign-ins of new people. There is no peer: a stock hub has no projects.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import random
import signal
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bench_service import (
    DATABASES,
    PARTS,
    Installation,
    Person,
    Reading,
    find,
    installation,
    make_crowd,
    operator,
    sign_in,
)

WRITERS = 20
RECOVERY_SECONDS = 60
PAUSE_SECONDS = (1.0, 12.0)  # between a recovery and the next kill: most of the load falls on a healthy platform
CONNECTIONS = ("connections of the service", "connections of the hub", "a backend of PostgreSQL")


async def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="40 people, 400 projects, 12 kills")
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--database", choices=DATABASES, default="postgresql")
    options = parser.parse_args()
    random.seed(20261122)
    with installation(options.database) as installed:
        crowd = await make_crowd(installed.platform, is_quick=options.quick)
        missed = await under_kills(installed, crowd, 12 if options.quick else options.kills)
    print("\nsome bars missed" if missed else "\nall bars reached")
    return 0


@dataclass
class Writing:
    """What people change meanwhile, and what of it was acknowledged."""

    installed: Installation
    crowd: list[Person]
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    made: dict[str, str] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    newcomers: list[Person] = field(default_factory=list)

    async def go_on(self, stop: asyncio.Event) -> None:
        """Write until `stop`."""
        everybody = [self._people_write(person, stop) for person in self.crowd[:WRITERS]]
        await asyncio.gather(*everybody, self._people_come(stop))

    async def _people_write(self, person: Person, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(httpx.HTTPError):  # not acknowledged: it may be there or not
                await (self._make(person) if random.random() < 0.5 else self._rename(person))
            await asyncio.sleep(random.uniform(0.05, 0.3))

    async def _make(self, person: Person) -> None:
        name = f"Kept {next(self.numbers)}"
        answer = await person.client.post("/projects", json={"name": name}, timeout=10)
        if answer.status_code == 201:
            self.made[answer.json()["id"]] = name

    async def _rename(self, person: Person) -> None:
        name, project = f"Kept {next(self.numbers)}", random.choice(person.projects)
        self.unsure.add(project)
        answer = await person.client.patch(f"/projects/{project}", json={"name": name}, timeout=10)
        if answer.status_code == 200:
            self.renamed[project] = name
            self.unsure.discard(project)

    async def _people_come(self, stop: asyncio.Event) -> None:
        async with operator(self.installed.platform) as asking:
            while not stop.is_set():
                name = f"newcomer{next(self.numbers)}"
                with contextlib.suppress(httpx.HTTPError, KeyError, StopIteration):  # they did not get in
                    self.newcomers.append(await sign_in(self.installed.platform, asking, name))
                await asyncio.sleep(0.5)

    async def lost(self) -> int:
        """Return how much of what was acknowledged is not there."""
        there: dict[str, str] = {}
        for person in self.crowd[:WRITERS]:
            there |= await all_projects(person)
        lost = sum(there.get(project) != name for project, name in self.made.items())
        lost += sum(there.get(project) != name for project, name in self.renamed.items() if project not in self.unsure)
        for person in self.newcomers:
            answer = await settled(person, "/me")
            lost += answer.status_code != 200 or answer.json()["name"] != person.name
        return lost


async def under_kills(installed: Installation, crowd: list[Person], kills: int) -> int:
    """Kill parts while people read and write; print what was lost and how long recovery took."""
    stop, reading, writing = asyncio.Event(), Reading(crowd, is_patient=True), Writing(installed, crowd)
    began = time.monotonic()
    work = [asyncio.create_task(reading.go_on(stop)), asyncio.create_task(writing.go_on(stop))]
    ways = ways_to_kill(installed)
    order = [list(ways)[number % len(ways)] for number in range(kills)]
    random.shuffle(order)
    seconds_of: dict[str, list[float]] = defaultdict(list)
    for number, name in enumerate(order):
        await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
        await ways[name]()
        seconds_of[name].append(await recovery(installed, crowd[number % len(crowd)]))
    stop.set()
    await asyncio.gather(*work)
    lasted = time.monotonic() - began
    lost = await writing.lost()
    print("| killed | times | all answers again after, s (median) | (worst) |\n|---|---:|---:|---:|")
    for name, seconds in sorted(seconds_of.items()):
        print(f"| {name} | {len(seconds)} | {statistics.median(seconds):.1f} | {max(seconds):.1f} |")
    kept = len(writing.made) + len(writing.renamed) + len(writing.newcomers)
    print(
        f"\n{kills} kills; {kept} writes acknowledged ({len(writing.newcomers)} of them people who signed in), "
        f"{lost} lost (bar: 0)\n{reading.total / lasted:.0f} reads/s meanwhile, "
        f"{len(reading.failures) / reading.total:.1%} of them without an answer"
    )
    await asyncio.gather(*(person.client.aclose() for person in [*crowd, *writing.newcomers]))
    return int(lost > 0) + (max(map(max, seconds_of.values())) >= RECOVERY_SECONDS)


def ways_to_kill(installed: Installation) -> dict[str, Callable[[], Awaitable[None]]]:
    """Return what can be killed, and how."""

    def part(name: str) -> Callable[[], Awaitable[None]]:
        return lambda: asyncio.to_thread(lambda: find(installed.platform, name).kill())

    ways = {name: part(name) for name in PARTS}
    server = installed.server
    if server is None:
        return ways

    def cut(name: str) -> bool:
        return server.end_connections(name) > 0

    def kill_backend() -> bool:
        backends = server.backends(installed.ours)
        if backends:
            os.kill(random.choice(backends), signal.SIGKILL)
        return bool(backends)

    deeds = (lambda: cut(installed.ours), lambda: cut(installed.hubs), kill_backend)
    return ways | dict(zip(CONNECTIONS, map(when_possible, deeds), strict=True))


def when_possible(deed: Callable[[], bool]) -> Callable[[], Awaitable[None]]:
    """Return what does something as soon as it can be done: after a kill there are no connections for a moment."""

    async def do() -> None:
        deadline = time.monotonic() + RECOVERY_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(psycopg.OperationalError):
                if await asyncio.to_thread(deed):
                    return
            await asyncio.sleep(0.05)
        raise RuntimeError("there is nothing to kill")

    return do


async def recovery(installed: Installation, person: Person) -> float:
    """Return after how many seconds everything answers: list, database and hub."""
    began = time.monotonic()
    ready = f"{installed.platform.url}/services/collegium/ready"
    while time.monotonic() < began + RECOVERY_SECONDS:
        with contextlib.suppress(httpx.HTTPError):
            answers = [await person.client.get(path, timeout=5) for path in ("/projects?limit=1", ready)]
            if all(answer.status_code == 200 for answer in answers):
                return time.monotonic() - began
        await asyncio.sleep(0.1)
    return RECOVERY_SECONDS


async def settled(person: Person, path: str) -> httpx.Response:
    """Ask until the platform, which has just been hurt, answers for good."""
    for _ in range(RECOVERY_SECONDS):
        with contextlib.suppress(httpx.HTTPError):
            answer = await person.client.get(path)
            if answer.status_code < 500:
                return answer
        await asyncio.sleep(1)
    raise RuntimeError(f"{path} is not answered")


async def all_projects(person: Person) -> dict[str, str]:
    found: dict[str, str] = {}
    path: str | None = "/projects?limit=100"
    while path:
        page = (await settled(person, path)).raise_for_status().json()
        found |= {item["id"]: item["name"] for item in page["items"]}
        path = f"/projects?limit=100&cursor={page['next_cursor']}" if page["next_cursor"] else None
    return found


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
