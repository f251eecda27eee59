"""Starts of project servers that go wrong, and servers that end by themselves."""

from __future__ import annotations

import json
import shutil
import time

import httpx
import psutil
import pytest

from tests.hub.test_command_line import wait_for_state
from tests.platform_under_test import PlatformUnderTest


def last_event(client: httpx.Client, project: str) -> dict[str, object]:
    event: dict[str, object] = {}
    with client.stream("GET", f"/projects/{project}/server/events") as events:
        for line in events.iter_lines():
            if line.startswith("data:"):
                event = json.loads(line[5:])
    return event


def new_project(client: httpx.Client) -> str:
    return str(client.post("/projects", json={"name": "P"}).json()["id"])


def server_process(platform: PlatformUnderTest, project: str) -> psutil.Process:
    """The first process of a project, which keeps its server."""
    folder = str(platform.data_dir / "projects" / project / "files")
    found = [p for p in platform.processes() if p.cwd() == folder]
    return min(found, key=lambda process: process.create_time())


def has_parent_of_kernels(platform: PlatformUnderTest) -> bool:
    return any("matplotlib.pyplot" in word for process in platform.processes() for word in process.cmdline())


@pytest.mark.parametrize("preload", ["true", "false"])
def test_a_server_that_cannot_start_says_why_and_can_be_tried_again(
    own_platform: PlatformUnderTest, preload: str
) -> None:
    own_platform.collegium("up", "--detach", COLLEGIUM_PRELOAD_SERVERS=preload, COLLEGIUM_WARM_KERNELS=preload)
    client = own_platform.client("ada")
    project = new_project(client)
    state = own_platform.data_dir / "projects" / project / "state"
    (state / "file_id.sqlite").mkdir(parents=True)  # where the server wants a file
    (state / "runtime").write_text("in the way")
    client.post(f"/projects/{project}/server").raise_for_status()
    event = last_event(client, project)
    assert event["failed"], event
    assert "runtime" in str(event["message"])
    server = client.get(f"/projects/{project}/server").json()
    assert server["state"] == "failed"
    assert "runtime" in server["message"], "the reason must be there after a reload"
    assert not [p for p in own_platform.processes() if project in p.cwd()]

    shutil.rmtree(state)
    client.post(f"/projects/{project}/server").raise_for_status()
    assert last_event(client, project)["ready"]
    if preload == "false":
        assert not has_parent_of_kernels(own_platform)
    deadline = time.monotonic() + 180
    while preload == "true" and not has_parent_of_kernels(own_platform):
        assert time.monotonic() < deadline, "the first kernel would have to wait"
        time.sleep(0.2)


def test_a_server_that_is_killed_is_seen_as_stopped_and_starts_again(platform: PlatformUnderTest) -> None:
    client = platform.client("ada")
    project = new_project(client)
    client.post(f"/projects/{project}/server").raise_for_status()
    wait_for_state(platform, client, project, "running")
    server_process(platform, project).kill()
    deadline = time.monotonic() + 180
    while client.get(f"/projects/{project}/server").json()["state"] == "running":
        assert time.monotonic() < deadline, "the end of the server was not noticed"
        time.sleep(0.5)
    client.post(f"/projects/{project}/server").raise_for_status()
    assert last_event(client, project)["ready"]


def test_starting_twice_is_starting_once(platform: PlatformUnderTest) -> None:
    client = platform.client("ada")
    project = new_project(client)
    answers = [client.post(f"/projects/{project}/server").status_code for _ in range(3)]
    assert answers == [202, 202, 202]
    wait_for_state(platform, client, project, "running")
    keeper = server_process(platform, project)
    folder = str(platform.data_dir / "projects" / project / "files")
    others = [p for p in platform.processes() if p.cwd() == folder and p != keeper]
    assert all(keeper in p.parents() for p in others)  # exactly one


def test_stopping_ends_the_server_and_its_kernels(platform: PlatformUnderTest) -> None:
    client = platform.client("ada")
    project = new_project(client)
    client.post(f"/projects/{project}/server").raise_for_status()
    wait_for_state(platform, client, project, "running")
    url = f"{platform.url}/user/projects/{project}/"
    client.get(f"{url}lab")
    xsrf = next(c.value for c in client.cookies.jar if c.name == "_xsrf" and project in c.path)
    kernel = client.post(f"{url}api/kernels", json={"name": "python3"}, headers={"X-XSRFToken": xsrf or ""})
    assert kernel.status_code == 201
    folder = str(platform.data_dir / "projects" / project)
    assert len([p for p in platform.processes() if folder in p.cwd()]) >= 2
    client.delete(f"/projects/{project}/server").raise_for_status()
    wait_for_state(platform, client, project, "stopped")
    deadline = time.monotonic() + 180
    while left := [p for p in platform.processes() if p.cwd().startswith(folder)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)
