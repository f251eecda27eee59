"""Kernels of a project outlive its server when that ends by itself."""

from __future__ import annotations

import time

import httpx
import psutil

from tests.platform_under_test import PlatformUnderTest
from tests.spawner.test_project_server import ProjectServer
from tests.spawner.test_starting import server_process


def actual_server(platform: PlatformUnderTest, project: str) -> psutil.Process:
    """The keeper's child that runs the server; the preloaded parent of the kernels, its sibling, works elsewhere."""
    keeper = server_process(platform, project)
    [server] = [p for p in keeper.children() if p.cwd() == keeper.cwd()]
    return server


async def test_a_kernel_keeps_its_variables_and_its_session_when_the_server_is_killed(
    platform: PlatformUnderTest,
) -> None:
    server = ProjectServer(platform)
    body = {"path": "kept.ipynb", "type": "notebook", "name": "", "kernel": {"name": "python3"}}
    session = server.request("editor", "POST", "api/sessions", body).json()
    kernel = session["kernel"]["id"]
    await server.run_code("editor", kernel, "x = 41")
    before, keeper = actual_server(platform, server.project), server_process(platform, server.project)
    before.kill()
    wait_until_answers(server)
    assert [(s["id"], s["kernel"]["id"]) for s in server.request("editor", "GET", "api/sessions").json()] == [
        (session["id"], kernel)
    ]
    assert await server.run_code("editor", kernel, "x += 1; print(x)") == "42\n"
    assert server_process(platform, server.project) == keeper
    assert actual_server(platform, server.project).pid != before.pid
    assert server.owner.get(f"/projects/{server.project}").is_success  # the platform has not lost it meanwhile
    server.request("editor", "DELETE", f"api/kernels/{kernel}")
    assert server.request("editor", "GET", "api/kernels").json() == []

    family = keeper.children(recursive=True)
    server.owner.delete(f"/projects/{server.project}/server").raise_for_status()
    _gone, alive = psutil.wait_procs([keeper, *family], timeout=180)
    assert not alive


def wait_until_answers(server: ProjectServer) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            if server.request("editor", "GET", "api/me").is_success:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, "no other server took its place"
        time.sleep(0.2)
