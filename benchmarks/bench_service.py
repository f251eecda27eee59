"""The platform service under the load of many people, then with its parts killed at random moments.

Run: python benchmarks/bench_service.py [--quick] [--minutes M] [--kills N]

200 people, signed in through the hub as browsers are, and 2,000 projects. First 100 requests a second, at random
moments (an open loop: a slow answer does not slow the next request down), to the list and to pages of projects. Then
people go on reading and writing while the hub, the proxy and the service are killed with SIGKILL; afterwards every
write that was acknowledged must be there. There is no peer: a stock hub has no projects.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.platform_under_test import WEB_HEADERS, PlatformUnderTest, free_port

PARTS = {"hub": "jupyterhub_config.py", "proxy": "configurable-http-proxy", "service": "hub.service"}
REQUESTS_PER_SECOND = 100
RECOVERY_SECONDS = 60


@dataclass
class Person:
    """Somebody who is signed in."""

    name: str
    client: httpx.AsyncClient
    projects: list[str] = field(default_factory=list)


async def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="40 people, 400 projects, half a minute, 8 kills")
    parser.add_argument("--minutes", type=float, default=5, help="how long the load lasts")
    parser.add_argument("--kills", type=int, default=40)
    options = parser.parse_args()
    people, projects, minutes, kills = (
        (40, 400, 0.5, 8) if options.quick else (200, 2000, options.minutes, options.kills)
    )
    random.seed(20261121)
    with tempfile.TemporaryDirectory() as folder:
        platform = PlatformUnderTest(Path(folder), free_port())
        platform.collegium("up", "--detach", COLLEGIUM_GRADING_WORKERS="0")
        try:
            crowd = await sign_in(platform, people)
            await make_projects(crowd, projects)
            print(f"{people} people signed in, {projects} projects\n")
            missed = await under_load(platform, crowd, minutes * 60)
            missed += await under_kills(platform, crowd, kills)
            await asyncio.gather(*(person.client.aclose() for person in crowd))
        finally:
            platform.collegium("down")
    print("\nsome bars missed" if missed else "\nall bars reached")
    return 0


async def sign_in(platform: PlatformUnderTest, count: int) -> list[Person]:
    token = (platform.data_dir / "secrets" / "operator").read_text().strip()
    gate = asyncio.Semaphore(4)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=platform.api, headers=headers, trust_env=False, timeout=60) as operator:

        async def one(number: int) -> Person:
            name = f"person{number:03}"
            client = httpx.AsyncClient(
                base_url=platform.api, headers=WEB_HEADERS, follow_redirects=True, trust_env=False, timeout=60
            )
            async with gate:
                made = await operator.post("/users", json={"name": name, "display_name": f"Person {number}"})
                link = made.raise_for_status().json()["sign_in_link"]["url"]
                (await client.get(link)).raise_for_status()
                xsrf = next(c.value for c in client.cookies.jar if c.name == "_xsrf" and c.path == "/hub/")
                form = {"link": link.partition("link=")[2], "_xsrf": xsrf or ""}
                (await client.post(f"{platform.url}/hub/sign-in", data=form)).raise_for_status()
                (await client.get(f"{platform.url}/services/collegium/login")).raise_for_status()
                (await client.get("/me")).raise_for_status()
            return Person(name, client)

        return list(await asyncio.gather(*(one(number) for number in range(count))))


async def make_projects(crowd: list[Person], count: int) -> None:
    gate = asyncio.Semaphore(4)

    async def one(number: int) -> None:
        person = crowd[number % len(crowd)]
        async with gate:
            made = await person.client.post("/projects", json={"name": f"Project {number}", "description": "x" * 200})
            person.projects.append(made.raise_for_status().json()["id"])

    await asyncio.gather(*(one(number) for number in range(count)))


async def under_load(platform: PlatformUnderTest, crowd: list[Person], seconds: float) -> int:
    """Print the times of answers and the service's use of the machine; return how many bars were missed."""
    service = find(platform, "service")
    seconds_of: dict[str, list[float]] = {"list": [], "page": []}
    failures: list[str] = []

    async def ask(kind: str, person: Person) -> None:
        path = "/projects?limit=50" if kind == "list" else f"/projects/{random.choice(person.projects)}"
        began = time.perf_counter()
        try:
            answer = await person.client.get(path)
            if answer.status_code != 200:
                failures.append(f"{answer.status_code} {path}")
        except httpx.HTTPError as error:
            failures.append(f"{error!r} {path}")
        seconds_of[kind].append(time.perf_counter() - began)

    memory = [service.memory_info().rss]
    cpu, began = sum(service.cpu_times()[:2]), time.monotonic()
    due, pending = began, set()
    while (now := time.monotonic()) < began + seconds:
        if now < due:
            await asyncio.sleep(due - now)
        task = asyncio.create_task(ask(random.choice(("list", "page")), random.choice(crowd)))
        pending.add(task)
        task.add_done_callback(pending.discard)
        due += random.expovariate(REQUESTS_PER_SECOND)
        if now - began > len(memory) * seconds / 10:
            memory.append(service.memory_info().rss)
    await asyncio.gather(*pending)
    lasted = time.monotonic() - began
    used = (sum(service.cpu_times()[:2]) - cpu) / lasted
    total = sum(map(len, seconds_of.values()))
    print("| under load | median ms | 95 % ms | bar | |\n|---|---:|---:|---|---|")
    missed = 0
    for kind, times in seconds_of.items():
        p95 = statistics.quantiles(times, n=20)[-1] * 1000
        missed += p95 > 100
        verdict = "pass" if p95 <= 100 else "MISS"
        print(f"| {kind} of projects | {statistics.median(times) * 1000:.1f} | {p95:.1f} | ≤ 100 | {verdict} |")
    print(
        f"\n{total / lasted:.0f} requests/s for {lasted:.0f} s, {len(failures)} failed {failures[:3]}, "
        f"service {used:.2f} cores"
    )
    print("memory of the service, MB:", " ".join(f"{rss / 1e6:.0f}" for rss in memory))
    growth = statistics.mean(memory[-3:]) / statistics.mean(memory[3:6]) - 1
    print(f"growth after the first third: {growth:+.1%} (bar: flat, ≤ 5 %)\n")
    return missed + (growth > 0.05) + bool(failures)


async def under_kills(platform: PlatformUnderTest, crowd: list[Person], kills: int) -> int:
    """Kill parts while people write; print what was lost and how long recovery took."""
    acknowledged: dict[str, str] = {}
    renamed: dict[str, str] = {}
    unsure: set[str] = set()
    stop = asyncio.Event()
    numbers = itertools.count()

    async def write(person: Person) -> None:
        while not stop.is_set():
            name = f"Kept {next(numbers)}"
            try:
                if random.random() < 0.5:
                    made = await person.client.post("/projects", json={"name": name}, timeout=10)
                    if made.status_code == 201:
                        acknowledged[made.json()["id"]] = name
                else:
                    project = random.choice(person.projects)
                    unsure.add(project)
                    changed = await person.client.patch(f"/projects/{project}", json={"name": name}, timeout=10)
                    if changed.status_code == 200:
                        renamed[project] = name
                        unsure.discard(project)
            except httpx.HTTPError:
                pass  # not acknowledged: may be there or not
            await asyncio.sleep(random.uniform(0.05, 0.3))

    writers = [asyncio.create_task(write(person)) for person in crowd[:20]]
    recoveries = []
    for number in range(kills):
        await asyncio.sleep(random.uniform(0.2, 2.0))
        part = random.choice(list(PARTS))
        process = find(platform, part)
        process.kill()
        recoveries.append(await recovery(crowd[number % len(crowd)]))
    stop.set()
    await asyncio.gather(*writers)
    lost = 0
    for person in crowd[:20]:
        there = await all_projects(person)
        lost += sum(1 for pid, name in acknowledged.items() if pid in there and there[pid] != name)
        for pid in person.projects:
            if pid in renamed and pid not in unsure and there.get(pid) != renamed[pid]:
                lost += 1
        for pid in there:
            acknowledged.pop(pid, None)
    lost += len(acknowledged)
    worst = max(recoveries)
    print(f"{kills} kills of {', '.join(PARTS)}; {next(numbers)} writes tried, {lost} acknowledged ones lost (bar: 0)")
    print(f"answers again after {statistics.median(recoveries):.1f} s (median), {worst:.1f} s (worst), without a hand")
    return int(lost > 0) + (worst >= RECOVERY_SECONDS)


async def recovery(person: Person) -> float:
    began = time.monotonic()
    while time.monotonic() < began + RECOVERY_SECONDS:
        with contextlib.suppress(httpx.HTTPError):
            if (await person.client.get("/projects?limit=1", timeout=5)).status_code == 200:
                return time.monotonic() - began
        await asyncio.sleep(0.1)
    return RECOVERY_SECONDS


async def answered(person: Person, path: str) -> httpx.Response:
    """Ask until the platform, which has just been hurt, answers."""
    for _ in range(RECOVERY_SECONDS):
        with contextlib.suppress(httpx.HTTPError):
            answer = await person.client.get(path)
            if answer.status_code == 200:
                return answer
        await asyncio.sleep(1)
    raise RuntimeError(f"{path} is not answered")


async def all_projects(person: Person) -> dict[str, str]:
    found: dict[str, str] = {}
    path: str | None = "/projects?limit=100"
    while path:
        page = (await answered(person, path)).json()
        found |= {item["id"]: item["name"] for item in page["items"]}
        path = f"/projects?limit=100&cursor={page['next_cursor']}" if page["next_cursor"] else None
    return found


def find(platform: PlatformUnderTest, part: str) -> psutil.Process:
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
