"""The platform service under the load of many people.

Run: python benchmarks/bench_service.py [--quick] [--minutes M] [--database sqlite|postgresql]

200 people, signed in through the hub as browsers are, and 2,000 projects: 100 requests a second, at random moments (an
open loop: a slow answer does not slow the next request down), to the list and to pages of projects. There is no peer:
a stock hub has no projects. `bench_service_kills.py` kills the platform's parts under this load.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.platform_under_test import WEB_HEADERS, PlatformUnderTest, free_port
from tests.postgresql import PostgreSql, postgresql

PARTS = {"hub": "jupyterhub_config.py", "proxy": "configurable-http-proxy", "service": "hub.service"}
REQUESTS_PER_SECOND = 100
PEOPLE, PROJECTS = 200, 2000
QUICK_PEOPLE, QUICK_PROJECTS = 40, 400
DATABASES = ("sqlite", "postgresql")


@dataclass
class Person:
    """Somebody who is signed in."""

    name: str
    client: httpx.AsyncClient
    projects: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Installation:
    """A running platform, and the PostgreSQL that its databases are in, when they are."""

    platform: PlatformUnderTest
    server: PostgreSql | None = None
    ours: str = ""
    hubs: str = ""


async def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="40 people, 400 projects, half a minute")
    parser.add_argument("--minutes", type=float, default=5, help="how long the load lasts")
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    options = parser.parse_args()
    random.seed(20261121)
    with installation(options.database) as installed:
        crowd = await make_crowd(installed.platform, is_quick=options.quick)
        missed = await under_load(installed.platform, crowd, 30 if options.quick else options.minutes * 60)
        await asyncio.gather(*(person.client.aclose() for person in crowd))
    print("\nsome bars missed" if missed else "\nall bars reached")
    return 0


@contextlib.contextmanager
def installation(database: str) -> Iterator[Installation]:
    """Run a platform on a database of this kind."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        platform = PlatformUnderTest(folder / "data", free_port())
        installed = Installation(platform)
        if database == "postgresql":
            # not below the platform's folder, which is closed to the user that the server runs as
            place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            server = stack.enter_context(postgresql(place))
            ours, hubs = server.new_database(), server.new_database()
            platform.settings = {
                "COLLEGIUM_DATABASE_URL": server.url(ours),
                "COLLEGIUM_HUB_DATABASE_URL": server.url(hubs),
            }
            installed = Installation(platform, server, ours, hubs)
        platform.collegium("up", "--detach", COLLEGIUM_GRADING_WORKERS="0")
        stack.callback(platform.collegium, "down")
        yield installed


async def make_crowd(platform: PlatformUnderTest, *, is_quick: bool) -> list[Person]:
    """Sign people in and make their projects."""
    people, projects = (QUICK_PEOPLE, QUICK_PROJECTS) if is_quick else (PEOPLE, PROJECTS)
    gate = asyncio.Semaphore(4)
    async with operator(platform) as asking:

        async def one(number: int) -> Person:
            async with gate:
                return await sign_in(platform, asking, f"person{number:03}")

        crowd = list(await asyncio.gather(*(one(number) for number in range(people))))
    await make_projects(crowd, projects)
    print(f"{people} people signed in, {projects} projects\n")
    return crowd


def operator(platform: PlatformUnderTest) -> httpx.AsyncClient:
    """Return a client with the operator's token."""
    token = (platform.data_dir / "secrets" / "operator").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=platform.api, headers=headers, trust_env=False, timeout=60)


async def sign_in(platform: PlatformUnderTest, asking: httpx.AsyncClient, name: str) -> Person:
    """Make an account, and sign in with its link as a browser does."""
    made = await asking.post("/users", json={"name": name, "display_name": name.title()})
    link = made.raise_for_status().json()["sign_in_link"]["url"]
    client = httpx.AsyncClient(
        base_url=platform.api, headers=WEB_HEADERS, follow_redirects=True, trust_env=False, timeout=60
    )
    (await client.get(link)).raise_for_status()
    xsrf = next(c.value for c in client.cookies.jar if c.name == "_xsrf" and c.path == "/hub/")
    form = {"link": link.partition("link=")[2], "_xsrf": xsrf or ""}
    (await client.post(f"{platform.url}/hub/sign-in", data=form)).raise_for_status()
    (await client.get(f"{platform.url}/services/collegium/login")).raise_for_status()
    (await client.get("/me")).raise_for_status()
    return Person(name, client)


async def make_projects(crowd: list[Person], count: int) -> None:
    """Give everybody their share of projects."""
    gate = asyncio.Semaphore(4)

    async def one(number: int) -> None:
        person = crowd[number % len(crowd)]
        async with gate:
            made = await person.client.post("/projects", json={"name": f"Project {number}", "description": "x" * 200})
            person.projects.append(made.raise_for_status().json()["id"])

    await asyncio.gather(*(one(number) for number in range(count)))


@dataclass
class Reading:
    """People who look at the list and at pages of projects, `REQUESTS_PER_SECOND` times a second in all.

    Parameters
    ----------
    crowd
        Who.
    is_patient
        Whether nobody asks again before they have their answer: what is hurt, or has too little of a busy machine, has
        at most one request of each person to catch up with.
    """

    crowd: list[Person]
    is_patient: bool = False
    waiting: set[str] = field(default_factory=set)
    seconds_of: dict[str, list[float]] = field(default_factory=lambda: {"list": [], "page": []})
    failures: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(map(len, self.seconds_of.values()))

    async def go_on(self, stop: asyncio.Event) -> None:
        """Send requests at random moments until `stop`, and wait for the last answers."""
        due, pending = time.monotonic(), set[asyncio.Task[None]]()
        while not stop.is_set():
            if (pause := due - time.monotonic()) > 0:
                await asyncio.sleep(pause)
            due += random.expovariate(REQUESTS_PER_SECOND)
            person = random.choice(self.crowd)
            if self.is_patient and person.name in self.waiting:
                continue
            task = asyncio.create_task(self._ask(random.choice(("list", "page")), person))
            pending.add(task)
            task.add_done_callback(pending.discard)
        await asyncio.gather(*pending)

    async def _ask(self, kind: str, person: Person) -> None:
        path = "/projects?limit=50" if kind == "list" else f"/projects/{random.choice(person.projects)}"
        began = time.perf_counter()
        self.waiting.add(person.name)
        try:
            answer = await person.client.get(path)
            if answer.status_code != 200:
                self.failures.append(f"{answer.status_code} {path}")
        except httpx.HTTPError as error:
            self.failures.append(f"{error!r} {path}")
        self.waiting.discard(person.name)
        self.seconds_of[kind].append(time.perf_counter() - began)


async def under_load(platform: PlatformUnderTest, crowd: list[Person], seconds: float) -> int:
    """Print the times of answers and the service's use of the machine; return how many bars were missed."""
    service = find(platform, "service")
    gc.freeze()  # the clients' own pauses are not the service's
    reading, stop = Reading(crowd), asyncio.Event()
    memory = [service.memory_info().rss]
    cpu, began = sum(service.cpu_times()[:2]), time.monotonic()
    readers = asyncio.create_task(reading.go_on(stop))
    for _ in range(10):
        await asyncio.sleep(seconds / 10)
        memory.append(service.memory_info().rss)
    stop.set()
    await readers
    lasted = time.monotonic() - began
    used = (sum(service.cpu_times()[:2]) - cpu) / lasted
    print("| under load | median ms | 95 % ms | bar | |\n|---|---:|---:|---|---|")
    missed = 0
    for kind, times in reading.seconds_of.items():
        p95 = statistics.quantiles(times, n=20)[-1] * 1000
        missed += p95 > 100
        verdict = "pass" if p95 <= 100 else "MISS"
        print(f"| {kind} of projects | {statistics.median(times) * 1000:.1f} | {p95:.1f} | ≤ 100 | {verdict} |")
    failures = reading.failures
    print(
        f"\n{reading.total / lasted:.0f} requests/s for {lasted:.0f} s, {len(failures)} failed {failures[:3]}, "
        f"service {used:.2f} cores"
    )
    print("memory of the service, MB:", " ".join(f"{rss / 1e6:.0f}" for rss in memory))
    growth = statistics.mean(memory[-3:]) / statistics.mean(memory[3:6]) - 1
    print(f"growth after the first third: {growth:+.1%} (bar: flat, ≤ 5 %)\n")
    return missed + (growth > 0.05) + bool(failures)


def find(platform: PlatformUnderTest, part: str) -> psutil.Process:
    """Return the process of a part, as soon as there is one."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for process in platform.processes():
            try:
                if any(PARTS[part] in word for word in process.cmdline()):
                    return process
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.05)
    raise RuntimeError(f"there is no {part}")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
