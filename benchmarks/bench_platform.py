"""Start of the platform and of project servers, beside stock JupyterHub with JupyterLab and the same extensions.

Run: python benchmarks/bench_platform.py [--quick]

The peer is JupyterHub with SimpleLocalProcessSpawner and jupyterhub-singleuser from an environment of its own. Both
hubs run at once and are asked in turn. "Usable" is the hub's own word that the server is ready. CPU is that of the
server's process tree when it became usable; the parent that a project's kernels are forked from starts afterwards,
in the background, and is not counted (stock pays its imports again in every kernel).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.peers import peers_bin
from hub import node
from tests.platform_under_test import PlatformUnderTest, free_port

TOKEN = "b" * 32  # of the benchmark's own throw-away hub
HUB_CONFIG = """
c = get_config()
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.command = {proxy}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.services = [{{"name": "bench", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [{{"name": "bench", "scopes": ["admin:users", "admin:servers"], "services": ["bench"]}}]
c.JupyterHub.concurrent_spawn_limit = 0
c.Spawner.args = ["--allow-root"]
c.Spawner.start_timeout = 300
c.Spawner.http_timeout = 300
c.SimpleLocalProcessSpawner.home_dir_template = "{home}/{{username}}"
"""


@dataclass
class Start:
    """One start of a server."""

    wall_seconds: float
    cpu_seconds: float


class Ours:
    """The platform."""

    def __init__(self, folder: Path) -> None:
        self.platform = PlatformUnderTest(folder / "ours", free_port())
        self.platform.start()
        self.client = self.platform.client("admin")

    def start_server(self) -> Start:
        project = self.client.post("/projects", json={"name": "bench"}).json()["id"]
        started = time.monotonic()
        self.client.post(f"/projects/{project}/server").raise_for_status()
        wait_for_event(self.client, f"/projects/{project}/server/events")
        wall = time.monotonic() - started
        folder = str(self.platform.data_dir / "projects" / project / "files")  # a forked server works there
        return Start(wall, cpu_of(lambda process: process.cwd() == folder))

    def stop(self) -> None:
        self.platform.collegium("down")


class Stock:
    """JupyterHub as it comes."""

    def __init__(self, folder: Path) -> None:
        ports = {"port": free_port(), "hub_port": free_port(), "api_port": free_port()}
        config = folder / "jupyterhub_config.py"
        text = HUB_CONFIG.format(proxy=node.proxy_command(), token=TOKEN, home=folder, **ports)
        config.write_text(text)
        self.count = 0
        self.process = subprocess.Popen(
            [str(peers_bin() / "jupyterhub"), "--config", str(config)],
            cwd=folder,
            stdout=(folder / "stock.log").open("wb"),
            stderr=subprocess.STDOUT,
            env=os.environ | {"PATH": f"{peers_bin()}:{os.environ['PATH']}"},
        )
        headers = {"Authorization": f"token {TOKEN}"}
        base = f"http://127.0.0.1:{ports['port']}/hub/api"
        self.client = httpx.Client(base_url=base, headers=headers, timeout=300, trust_env=False)
        wait_until(lambda: answers(self.client))

    def start_server(self) -> Start:
        self.count += 1
        name = f"bench{self.count}-{threading.get_ident()}"
        self.client.post(f"/users/{name}").raise_for_status()
        started = time.monotonic()
        self.client.post(f"/users/{name}/server").raise_for_status()
        wait_for_event(self.client, f"/users/{name}/server/progress")
        wall = time.monotonic() - started
        return Start(wall, cpu_of(lambda process: process.environ().get("JUPYTERHUB_USER") == name))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/").status_code == 200
    except httpx.HTTPError:
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the peer did not start")
        time.sleep(0.1)


def wait_for_event(client: httpx.Client, path: str) -> None:
    with client.stream("GET", path, timeout=300) as events:
        for line in events.iter_lines():
            if line.startswith("data:"):
                event = json.loads(line[5:])
                if event.get("failed"):
                    raise RuntimeError(event["message"])
                if event.get("ready"):
                    return


def cpu_of(is_server: Callable[[psutil.Process], bool]) -> float:
    """Return the CPU seconds so far of the processes that belong to a server."""
    total = 0.0
    for process in psutil.process_iter():
        try:
            if is_server(process):
                times = process.cpu_times()
                total += times.user + times.system
        except psutil.Error:
            continue
    if not total:
        raise RuntimeError("the server's process was not found")
    return total


def at_once(side: Ours | Stock, number: int) -> list[Start]:
    starts: list[Start] = []
    threads = [threading.Thread(target=lambda: starts.append(side.start_server())) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return starts


def time_up(folder: Path) -> float:
    """Return the seconds from `collegium up` to an answering sign-in page, with everything built."""
    platform = PlatformUnderTest(folder / "up", free_port())
    platform.start()
    platform.collegium("down")
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "hub.cli", "up"], env=platform.env, stdout=subprocess.DEVNULL)
    wait_until(lambda: _ok(f"{platform.url}/hub/login"))
    seconds = time.monotonic() - started
    process.terminate()
    process.wait(60)
    return seconds


def _ok(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def median(values: list[float]) -> float:
    return statistics.median(values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rounds, together = (2, 3) if quick else (7, 10)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ups = [time_up(folder) for _ in range(1 if quick else 3)]
        ours, stock = Ours(folder), Stock(folder)
        try:
            ours.start_server()  # the first start makes the preloaded parent
            stock.start_server()
            single = [(ours.start_server(), stock.start_server()) for _ in range(rounds)]
            many_ours, many_stock = at_once(ours, together), at_once(stock, together)
        finally:
            ours.stop()
            stock.stop()
    rows = [
        ("`collegium up` again to sign-in page, s wall", median(ups), None, "≤ 5", median(ups) <= 5),
        ratio_row("project server, s wall", single, lambda s: s.wall_seconds, 1 / 3),
        ratio_row("project server, CPU-s", single, lambda s: s.cpu_seconds, 1 / 2),
    ]
    together_ours = median([s.wall_seconds for s in many_ours])
    together_stock = median([s.wall_seconds for s in many_stock])
    ratio = together_ours / together_stock
    rows.append((f"{together} at once, median s wall", together_ours, together_stock, "≤ 0.33", ratio <= 1 / 3))
    print("| what | ours | stock | ratio | bar | |\n|---|---|---|---|---|---|")
    for what, mine, theirs, bar, passed in rows:
        shown = f"{theirs:.2f} | {mine / theirs:.2f}" if theirs else "– | –"
        print(f"| {what} | {mine:.2f} | {shown} | {bar} | {'pass' if passed else 'MISS'} |")


def ratio_row(
    what: str, pairs: list[tuple[Start, Start]], value: Callable[[Start], float], bar: float
) -> tuple[str, float, float, str, bool]:
    mine, theirs = median([value(a) for a, _ in pairs]), median([value(b) for _, b in pairs])
    ratio = median([value(a) / value(b) for a, b in pairs])
    return what, mine, theirs, f"≤ {bar:.2f}", ratio <= bar


if __name__ == "__main__":
    main()
