"""Parts that are killed come back by themselves, and nobody's work stops meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.hub.test_command_line import wait_for_state
from tests.platform_under_test import PlatformUnderTest, free_port

COMMANDS = {"hub": "jupyterhub", "service": "hub.service", "proxy": "configurable-http-proxy"}
RECOVERY_SECONDS = 180


@pytest.fixture(scope="module")
def sturdy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformUnderTest]:
    """A platform whose parts these tests kill."""
    platform = PlatformUnderTest(tmp_path_factory.mktemp("sturdy"), free_port())
    platform.start()
    yield platform
    platform.collegium("down")


def find(platform: PlatformUnderTest, part: str) -> psutil.Process:
    [process] = [
        p
        for p in platform.processes()
        if COMMANDS[part] in p.cmdline()[-1]
        or COMMANDS[part] in p.cmdline()[1:3]
        or any(COMMANDS[part] in word for word in p.cmdline()[:4])
    ]
    return process


def wait_until_ready(platform: PlatformUnderTest) -> None:
    deadline = time.monotonic() + RECOVERY_SECONDS
    while not json.loads(platform.collegium("status", "--json", check=False).stdout)["ready"]:
        assert time.monotonic() < deadline, "the platform did not recover"
        time.sleep(0.2)


@pytest.mark.slow
def test_hub_proxy_and_service_come_back_and_servers_and_sessions_survive(sturdy: PlatformUnderTest) -> None:
    client = sturdy.client("ada")
    project = client.post("/projects", json={"name": "P"}).json()["id"]
    client.post(f"/projects/{project}/server")
    wait_for_state(sturdy, client, project, "running")
    server_url = f"{sturdy.url}/user/projects/{project}/"
    client.get(f"{server_url}lab").raise_for_status()
    started = client.get(f"{server_url}api/status").json()["started"]

    for part in COMMANDS:
        victim = find(sturdy, part)
        victim.kill()
        victim.wait(180)
        wait_until_ready(sturdy)
        assert client.get("/me").json()["name"] == "ada", part
        assert client.get(f"/projects/{project}/server").json()["state"] == "running", part
        deadline = time.monotonic() + RECOVERY_SECONDS
        while (
            answer := client.get(f"{server_url}api/status")
        ).status_code != 200:  # routes come back with the next check
            assert time.monotonic() < deadline, (part, answer.status_code)
            time.sleep(0.2)
        assert answer.json()["started"] == started, f"the project's server did not survive the {part}"


@pytest.mark.slow
def test_every_acknowledged_write_survives_kills_of_the_service(sturdy: PlatformUnderTest) -> None:
    client = sturdy.client("ada")
    acknowledged: set[str] = set()
    for round_number in range(4):
        for i in range(10):
            try:
                answer = client.post("/projects", json={"name": f"{round_number}-{i}"})
            except httpx.HTTPError:
                continue
            if answer.status_code == 201:
                acknowledged.add(answer.json()["id"])
            if i == 5 + round_number:
                find(sturdy, "service").kill()
        wait_until_ready(sturdy)
    listed = {p["id"] for p in client.get("/projects", params={"limit": 200}).json()["items"]}
    assert len(acknowledged) >= 20
    assert acknowledged <= listed


def test_while_the_hub_is_away_the_answer_says_so(sturdy: PlatformUnderTest) -> None:
    client = sturdy.client("ada")
    project = client.post("/projects", json={"name": "P"}).json()["id"]
    hub = find(sturdy, "hub")
    hub.suspend()  # alive and silent: worse than dead
    try:
        answer = client.post(f"/projects/{project}/server", timeout=180)
    finally:
        hub.resume()
    assert answer.status_code == 503
    assert "try again" in answer.json()["detail"]
