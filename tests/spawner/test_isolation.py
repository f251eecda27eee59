"""One project attacks another from its kernel and terminal; and what ends when somebody is removed or demoted."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import httpx
import psutil
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from spawner import confinement, isolation_problem
from tests.platform_under_test import PlatformUnderTest
from tests.spawner.test_project_server import FELT_SECONDS, ProjectServer, start_kernel

needs_isolation = pytest.mark.skipif(bool(isolation_problem()), reason=isolation_problem() or "-")


@pytest.fixture(scope="module")
def server(platform: PlatformUnderTest) -> ProjectServer:
    return ProjectServer(platform)


@pytest.fixture(scope="module")
def victim(platform: PlatformUnderTest, server: ProjectServer) -> dict[str, object]:
    """Another project with a running server, a secret and a kernel."""
    owner = server.owner
    project = str(owner.post("/projects", json={"name": "Victim"}).json()["id"])
    owner.post(f"/projects/{project}/server").raise_for_status()
    files = platform.data_dir / "projects" / project / "files"
    deadline = time.monotonic() + 180
    while owner.get(f"/projects/{project}/server").json()["state"] != "running":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    (files / "secret.txt").write_text("secret of the victim")
    process = min((p for p in platform.processes() if p.cwd() == str(files)), key=psutil.Process.create_time)
    return {"files": files, "pid": process.pid}


ATTACKS = {
    "read its files": "print(open('{files}/secret.txt').read())",
    "list its folder": "import os; print(os.listdir('{files}'))",
    "list all projects": "import os; print(os.listdir('{projects}'))",
    "read the platform's secrets": "print(open('{data}/secrets/operator').read())",
    "read the platform's database": "print(open('{data}/collegium.sqlite', 'rb').read(16))",
    "through /proc": "import os; print(os.listdir('/proc/{pid}/root{files}'))",
    "read its environment": "print(open('/proc/{pid}/environ').read())",
    "read its command line": "print(open('/proc/{pid}/cmdline').read())",
    "end its server": "import os; os.kill({pid}, 9); print('killed')",
    "stop its server": "import os; os.kill({pid}, 19); print('stopped')",
    "become root": "import os; os.setuid(0); print('root')",
    "mount": "import ctypes; assert ctypes.CDLL(None).mount(b'x', b'/mnt', b'tmpfs', 0, None) == 0; print('mounted')",
    "enter its namespace": "import os, ctypes; f = os.open('/proc/{pid}/ns/mnt', 0); print('opened')",
    "write a program of the machine": "open('/usr/local/bin/x', 'w'); print('wrote')",
    "read the machine's passwords": "print(open('/etc/shadow').read())",
    "ask the service for servers' rights": (
        "import urllib.request; print(urllib.request.urlopen('{service}/projects').read())"
    ),
}


@needs_isolation
@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_projects_code_cannot(
    server: ProjectServer, victim: dict[str, object], platform: PlatformUnderTest, attack: str
) -> None:
    ports = json.loads((platform.data_dir / "run" / "ports.json").read_text())
    names = {
        **victim,
        "data": platform.data_dir,
        "projects": platform.data_dir / "projects",
        "service": f"http://127.0.0.1:{ports['service']}/services/collegium/api",
    }
    wanted = ATTACKS[attack].format(**names)
    program = f"try:\n    exec({wanted!r})\nexcept Exception as error:\n    print('refused', type(error).__name__)"
    kernel = attacker_kernel(server)
    said = await server.run_code("editor", kernel, program)
    projects = "list all projects"
    if attack == projects and not said.startswith("refused"):
        assert server.project in said, "its own folder is what it sees"
        assert str(victim["files"]).split("/")[-2] not in said
    else:
        assert said.startswith("refused"), said
    assert psutil.pid_exists(int(str(victim["pid"])))
    assert psutil.Process(int(str(victim["pid"]))).status() != psutil.STATUS_STOPPED


_kernels: dict[str, str] = {}


def attacker_kernel(server: ProjectServer) -> str:
    if server.project not in _kernels:
        _kernels[server.project] = start_kernel(server)
    return _kernels[server.project]


@needs_isolation
async def test_what_a_project_writes_belongs_to_the_platform_on_the_disk(server: ProjectServer) -> None:
    said = await server.run_code(
        "editor",
        attacker_kernel(server),
        "import os; open('mine.txt', 'w').write('x'); print(os.getuid(), os.stat('mine.txt').st_uid)",
    )
    own, of_file = map(int, said.split())
    assert own == of_file
    assert own > confinement.FIRST_USER_ID
    file = server.platform.data_dir / "projects" / server.project / "files" / "mine.txt"
    assert file.stat().st_uid == os.geteuid()


def test_user_ids_are_never_given_twice(tmp_path: Path) -> None:
    folder = tmp_path
    first, second = confinement.user_id_of(folder, "a"), confinement.user_id_of(folder, "b")
    assert first != second
    assert confinement.user_id_of(folder, "a") == first
    (folder / ".user_ids").unlink()  # as after a restored backup that lacks it
    assert confinement.user_id_of(folder, "c") not in (first, second)


async def open_socket(server: ProjectServer, who: str, path: str) -> WebSocketClientConnection:
    headers = {"Cookie": server.cookies(who), "Origin": server.platform.url}
    return await websocket_connect(HTTPRequest((server.url + path).replace("http", "ws", 1), headers=headers))


async def seconds_until_closed(socket: WebSocketClientConnection) -> float:
    began = time.monotonic()
    while await asyncio.wait_for(socket.read_message(), FELT_SECONDS + 5) is not None:
        continue
    return time.monotonic() - began


FORGOTTEN_SECONDS = 2.5  # a project's server trusts an answer about rights for two
SOCKETS = ("kernel", "terminal", "events")


async def sockets_of_editor(server: ProjectServer) -> dict[str, WebSocketClientConnection]:
    kernel = start_kernel(server)
    terminal = server.request("editor", "POST", "api/terminals", {}).json()["name"]
    paths = {
        "kernel": f"api/kernels/{kernel}/channels",
        "terminal": f"terminals/websocket/{terminal}",
        "events": "api/events/subscribe",
    }
    return {name: await open_socket(server, "editor", paths[name]) for name in SOCKETS}


async def test_a_demoted_member_loses_kernels_and_terminals_at_once(server: ProjectServer) -> None:
    sockets = await sockets_of_editor(server)
    server.set_role("sp-editor", "viewer")
    try:
        for name in ("kernel", "terminal"):
            assert await seconds_until_closed(sockets[name]) <= FELT_SECONDS, name
        with pytest.raises(HTTPClientError):
            await open_socket(server, "editor", f"api/kernels/{attacker_kernel(server)}/channels")
        assert sockets["events"].protocol is not None, "a viewer still learns what happens"
    finally:
        server.set_role("sp-editor", "editor")
        await asyncio.sleep(FORGOTTEN_SECONDS)


async def test_a_removed_member_loses_every_socket_at_once(server: ProjectServer) -> None:
    sockets = await sockets_of_editor(server)
    server.owner.delete(f"/projects/{server.project}/members/sp-editor").raise_for_status()
    try:
        began = time.monotonic()
        for name in SOCKETS:
            await seconds_until_closed(sockets[name])
        assert time.monotonic() - began <= FELT_SECONDS
        assert server.request("editor", "GET", "api/contents").status_code == 403
    finally:
        server.set_role("sp-editor", "editor")
        await asyncio.sleep(FORGOTTEN_SECONDS)


def test_strangers_are_told_in_our_own_words(server: ProjectServer) -> None:
    page = server.request("stranger", "GET", "lab")
    assert page.status_code == 403
    assert "You are not a member of this project" in page.text
    assert "To your projects" in page.text


def test_a_quota_refuses_one_server_too_many_and_names_those_that_run(
    platform: PlatformUnderTest, server: ProjectServer
) -> None:
    client, admin = server.clients["stranger"], platform.client("admin")
    first, second = (str(client.post("/projects", json={"name": name}).json()["id"]) for name in ("First", "Second"))
    admin.put("/quota-groups/students", json={"members": ["sp-stranger"]}).raise_for_status()
    admin.put("/quotas/group/students", json={"running_servers": 1}).raise_for_status()
    try:
        client.post(f"/projects/{first}/server").raise_for_status()
        wait_for(client, first, "running")
        refused = client.post(f"/projects/{second}/server")
        assert refused.status_code == 409
        assert "“First”" in refused.json()["detail"]
        admin.put("/quotas/user/sp-stranger", json={"running_servers": 2}).raise_for_status()
        assert client.post(f"/projects/{second}/server").status_code == 202
        wait_for(client, second, "running")
        for project in (first, second):
            client.delete(f"/projects/{project}/server").raise_for_status()
    finally:
        admin.delete("/quotas/group/students").raise_for_status()
        admin.delete("/quotas/user/sp-stranger").raise_for_status()


def wait_for(client: httpx.Client, project: str, state: str) -> None:
    deadline = time.monotonic() + 180
    while client.get(f"/projects/{project}/server").json()["state"] != state:
        assert time.monotonic() < deadline, f"never {state}"
        time.sleep(0.2)


async def test_a_deleted_project_lets_nobody_stay(server: ProjectServer) -> None:
    sockets = await sockets_of_editor(server)  # the last test of the module: its project goes
    server.owner.delete(f"/projects/{server.project}").raise_for_status()
    began = time.monotonic()
    for name in SOCKETS:
        await seconds_until_closed(sockets[name])
    assert time.monotonic() - began <= FELT_SECONDS
