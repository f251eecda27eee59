"""GPUs are counted for users and groups at each start; a server stops when nothing works there, and never earlier."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from kernels import install_kernelspec
from tests.platform_under_test import PlatformUnderTest

START_SECONDS = 180.0


class Person:
    """Somebody with projects of a given size."""

    def __init__(self, platform: PlatformUnderTest, name: str) -> None:
        self.platform, self.name, self.client = platform, name, platform.client(name)

    def project(self, name: str, profile: str) -> str:
        project = str(self.client.post("/projects", json={"name": name}).raise_for_status().json()["id"])
        self.client.patch(f"/projects/{project}", json={"profile": profile}).raise_for_status()
        return project

    def start(self, project: str) -> httpx.Response:
        return self.client.post(f"/projects/{project}/server")

    def state(self, project: str) -> str:
        return str(self.client.get(f"/projects/{project}/server").json()["state"])

    def until(self, project: str, state: str, seconds: float = START_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while self.state(project) != state:
            assert time.monotonic() < deadline, f"{self.state(project)}, not {state}"
            time.sleep(0.1)

    def stop(self, project: str) -> None:
        self.client.delete(f"/projects/{project}/server").raise_for_status()
        self.until(project, "stopped")


@pytest.fixture(scope="module")
def admin(platform: PlatformUnderTest) -> Iterator[httpx.Client]:
    with closing(platform.client("admin")) as client:
        yield client


def allow_gpus(admin: httpx.Client, kind: str, name: str, gpus: int) -> None:
    admin.put(f"/quotas/{kind}/{name}", json={"gpus": gpus}).raise_for_status()


def test_a_user_holds_no_more_gpus_than_their_quota(platform: PlatformUnderTest, admin: httpx.Client) -> None:
    grace = Person(platform, "gpu-grace")
    allow_gpus(admin, "user", grace.name, 1)
    first, second = grace.project("First", "gpu"), grace.project("Second", "gpu")
    grace.start(first).raise_for_status()
    grace.until(first, "running")
    refused = grace.start(second)
    assert refused.status_code == 409
    assert "1 GPUs at once" in refused.json()["detail"]
    assert "“First”" in refused.json()["detail"]
    # what runs keeps what it was started with, whatever its project says now
    grace.client.patch(f"/projects/{first}", json={"profile": "standard"}).raise_for_status()
    assert grace.start(second).status_code == 409
    grace.stop(first)
    grace.start(second).raise_for_status()
    grace.until(second, "running")
    grace.stop(second)


def test_two_starts_at_once_do_not_both_get_the_last_gpu(platform: PlatformUnderTest, admin: httpx.Client) -> None:
    ruth = Person(platform, "gpu-ruth")
    allow_gpus(admin, "user", ruth.name, 1)
    projects = [ruth.project(f"At once {number}", "gpu") for number in range(3)]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(ruth.start, projects))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409]
    started = projects[[answer.status_code for answer in answers].index(202)]
    ruth.until(started, "running")
    ruth.stop(started)


def test_members_of_a_group_have_its_gpus_and_others_what_everybody_has(
    platform: PlatformUnderTest, admin: httpx.Client
) -> None:
    member, other = Person(platform, "gpu-member"), Person(platform, "gpu-other")
    allow_gpus(admin, "default", "-", 0)
    try:
        allow_gpus(admin, "group", "deep-learning", 1)
        admin.put("/quota-groups/deep-learning", json={"members": [member.name]}).raise_for_status()
        assert other.start(other.project("Without", "gpu")).status_code == 409
        plain = other.project("Plain", "standard")
        assert other.start(plain).status_code == 202
        project = member.project("With", "gpu")
        member.start(project).raise_for_status()
        member.until(project, "running")
        assert member.start(member.project("More", "gpu")).status_code == 409
        member.stop(project)
        other.until(plain, "running")
        other.stop(plain)
    finally:
        admin.delete("/quotas/default/-").raise_for_status()


class Script:
    """Works at a project's server with a token, as a page does that shows a notebook."""

    def __init__(self, person: Person, project: str) -> None:
        self.project = project
        person.start(project).raise_for_status()
        person.until(project, "running")
        token = person.client.post("/me/tokens", json={"name": "test", "scopes": ["write"]}).json()["token"]
        self.headers = {"Authorization": f"token {token}"}
        self.url = f"{person.platform.url}/user/projects/{project}/api/kernels"
        self.http = httpx.Client(headers=self.headers, trust_env=False, timeout=180)

    async def open_kernel(self, name: str = "python3") -> WebSocketClientConnection:
        made = self.http.post(self.url, json={"name": name}).raise_for_status()
        url = f"{self.url}/{made.json()['id']}/channels".replace("http", "ws", 1)
        return await websocket_connect(HTTPRequest(url, headers=self.headers))


def execute(code: str) -> str:
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": uuid.uuid4().hex}
    content = {"code": code, "silent": False, "user_expressions": {}, "allow_stdin": False}
    return json.dumps(
        {
            "header": header | {"username": "", "version": "5.3", "date": ""},
            "parent_header": {},
            "metadata": {},
            "channel": "shell",
            "buffers": [],
            "content": content | {"store_history": True, "stop_on_error": True},
        }
    )


async def printed(socket: WebSocketClientConnection, code: str, last: str = "\n") -> str:
    """Run code and return what it printed, up to `last`."""
    await socket.write_message(execute(code))
    text = ""
    while last not in text:
        message = await asyncio.wait_for(socket.read_message(), 180)
        assert message is not None, "the server was stopped while a cell ran"
        answer = json.loads(message)
        assert answer["msg_type"] != "error", answer["content"]
        text += answer["content"].get("text", "") if answer["msg_type"] == "stream" else ""
    return text


async def device_of_a_kernel(script: Script, kernelspec: str) -> str:
    """Have a kernelspec that asks for a GPU, in the project itself; return which one its kernel has."""
    plain = await script.open_kernel()
    folder = "pathlib.Path.home() / '.local/share/jupyter/kernels/training'"
    plant = f"import pathlib; f = {folder}; f.mkdir(parents=True, exist_ok=True); "
    await printed(plain, plant + f"print((f / 'kernel.json').write_text({kernelspec!r}))")
    plain.close()
    kernel = await script.open_kernel("training")
    return (await printed(kernel, "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])")).strip()


async def test_no_two_servers_have_the_same_gpu_and_no_more_start_than_there_are(
    platform: PlatformUnderTest, tmp_path: Path
) -> None:
    kernelspec = (install_kernelspec(tmp_path, name="training", gpus=1) / "kernel.json").read_text()
    first, second, third = (Person(platform, f"gpu-share-{number}") for number in range(3))
    scripts = [Script(person, person.project("Training", "gpu")) for person in (first, second)]
    devices = [await device_of_a_kernel(script, kernelspec) for script in scripts]
    assert sorted(devices) == ["GPU-a", "GPU-b"]
    more = scripts[0].http.post(scripts[0].url, json={"name": "training"})
    assert more.status_code == 503
    assert "has 1, and its kernels hold 1" in more.json()["message"]
    waiting = third.project("Training", "gpu")
    third.start(waiting)
    await asyncio.to_thread(third.until, waiting, "failed")
    assert "0 of 2 are free" in third.client.get(f"/projects/{waiting}/server").json()["message"]
    first.stop(scripts[0].project)
    last = Script(third, waiting)
    assert await device_of_a_kernel(last, kernelspec) == devices[0]
    second.stop(scripts[1].project)
    third.stop(waiting)


async def test_an_open_page_does_not_keep_a_server_and_a_running_cell_does(platform: PlatformUnderTest) -> None:
    hedy = Person(platform, "idle-hedy")
    watched, working = hedy.project("Only watched", "brief"), hedy.project("At work", "brief")
    busy = await Script(hedy, working).open_kernel()
    await busy.write_message(execute("import time; time.sleep(12); print('the end')"))
    began = time.monotonic()
    page = Script(hedy, watched)
    socket = await page.open_kernel()
    while hedy.state(watched) == "running":  # the page is open, and asks every half second what there is
        assert time.monotonic() - began < 180, "an open page kept the server"
        page.http.get(page.url)
        await asyncio.sleep(0.5)
    printed = ""
    while "the end" not in printed:
        message = await asyncio.wait_for(busy.read_message(), 180)
        assert message is not None, "the server was stopped while a cell ran"
        printed += str(message)
    await asyncio.to_thread(hedy.until, working, "stopped")
    socket.close()
    actions = [entry["action"] for entry in hedy.client.get(f"/projects/{working}/activity").json()["items"]]
    assert "server.cull" in actions, actions
