"""A real Jupyter server with the platform's kernels: usage, reasons, culling, restarts of the server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from kernels import install_kernelspec

pytestmark = pytest.mark.usefixtures("kernel_parent")
HEADERS = {"Authorization": "token test"}


class Server:
    """A Jupyter server in a process of its own."""

    def __init__(self, folder: Path, *, keep_kernels: bool) -> None:
        command = [sys.executable, str(Path(__file__).parent / "serve.py"), str(folder), str(int(keep_kernels))]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=dict(os.environ, JUPYTER_NO_CONFIG="1")
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        assert self.address, "the server did not start"
        self.http = httpx.Client(base_url=self.address, headers=HEADERS, timeout=180)

    def start_kernel(self, name: str = "python3") -> dict[str, Any]:
        response = self.http.post("/api/kernels", json={"name": name})
        response.raise_for_status()
        return dict(response.json())

    def kernel(self, kernel_id: str) -> dict[str, Any]:
        return dict(self.http.get(f"/api/kernels/{kernel_id}").json())

    def stop(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(timeout=180)
        self.http.close()

    @asynccontextmanager
    async def connect(self, kernel_id: str) -> AsyncIterator[WebSocketClientConnection]:
        url = self.address.replace("http", "ws") + f"/api/kernels/{kernel_id}/channels"
        connection = await websocket_connect(HTTPRequest(url, headers=HEADERS))
        yield connection
        connection.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers on the same folder; ends those that still run, and their kernels."""
    servers: list[Server] = []

    def start(*, keep_kernels: bool = False) -> Server:
        servers.append(Server(tmp_path, keep_kernels=keep_kernels))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            for kernel in server.http.get("/api/kernels").json():
                server.http.delete(f"/api/kernels/{kernel['id']}")
            server.stop()


async def execute(connection: WebSocketClientConnection, source: str) -> str:
    """Send a cell, without waiting for it."""
    message_id = uuid.uuid4().hex
    header = {"msg_id": message_id, "msg_type": "execute_request", "username": "", "session": "s", "version": "5.3"}
    content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    await connection.write_message(json.dumps(message))
    return message_id


async def outputs(connection: WebSocketClientConnection, message_id: str, until: str) -> str:
    """Text that a cell has sent until a status or a reply comes."""
    text = ""
    async with asyncio.timeout(30):
        while True:
            raw = await connection.read_message()
            assert raw is not None, "the server closed the websocket"
            message = json.loads(raw)
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "stream" and message["parent_header"].get("msg_id") == message_id:
                text += content["text"]
            if until in (kind, content.get("execution_state")):
                return text


async def everything(connection: WebSocketClientConnection, source: str) -> tuple[str, str]:
    """Run a cell; return its message and all text of its outputs, up to its own end."""
    message_id, text = await execute(connection, source), ""
    async with asyncio.timeout(30):
        while True:
            message = json.loads(await connection.read_message() or "")
            if message["parent_header"].get("msg_id") != message_id:
                continue
            text += message["content"].get("text", "")
            if message["content"].get("execution_state") == "idle":
                return message_id, text


async def test_page_that_opens_while_a_cell_runs_hears_the_rest_without_a_gap(serve: Callable[..., Server]) -> None:
    server = serve()
    kernel_id = server.start_kernel()["id"]
    counting = "import time\nfor i in range(150):\n    print(i, flush=True)\n    time.sleep(0.01)"
    async with server.connect(kernel_id) as first:
        cell = await execute(first, counting)
        await outputs(first, cell, "stream")
        assert server.kernel(kernel_id)["execution_state"] == "busy"
        async with server.connect(kernel_id) as second:
            heard = ""
            while not heard.endswith("149\n"):
                message = json.loads(await second.read_message() or "")
                heard += message["content"].get("text", "") if message["parent_header"].get("msg_id") == cell else ""
    numbers = [int(line) for line in heard.split()]
    assert numbers == list(range(numbers[0], 150))
    assert numbers[0] < 140


async def test_kernels_show_what_they_use(serve: Callable[..., Server]) -> None:
    server = serve()
    kernel_id = server.start_kernel()["id"]
    async with server.connect(kernel_id) as connection:
        await _printed(connection, await execute(connection, "print(sum(range(5_000_000)))"))
    await asyncio.sleep(2.1)  # a measurement stands for two seconds
    kernel = server.kernel(kernel_id)
    assert kernel["forked"] is True
    assert 5 << 20 < kernel["memory_bytes"] < 100 << 20
    assert kernel["cpu_seconds"] > 0
    assert kernel["processes"] == 1


async def test_websocket_sends_small_messages_at_once(serve: Callable[..., Server]) -> None:
    server = serve()
    kernel_id = server.start_kernel()["id"]
    async with server.connect(kernel_id) as connection:
        message_id = await execute(connection, "print('hello')")
        assert await outputs(connection, message_id, "execute_reply") in ("hello\n", "")
        assert server.http.get("/test/nodelay").json() == [True]


async def test_cell_is_told_why_its_kernel_ended(serve: Callable[..., Server]) -> None:
    server = serve()
    kernel_id = server.start_kernel()["id"]
    async with server.connect(kernel_id) as connection:
        source = "import ctypes\ndef culprit():\n    ctypes.string_at(0)\nculprit()"
        message_id = await execute(connection, source)
        text, reason = await outputs(connection, message_id, "restarting"), server.kernel(kernel_id).get("reason")
        assert reason is None or "segmentation fault" in reason
    assert "segmentation fault" in text
    assert "culprit" in text
    deadline = time.monotonic() + 180
    while "last_end" not in server.kernel(kernel_id) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    assert server.kernel(kernel_id)["last_end"]["kind"] == "segmentation-fault"
    assert 'collegium_kernel_deaths_total{kind="segmentation-fault"} 1.0' in server.http.get("/metrics").text


async def test_output_beyond_the_limit_is_kept_on_the_server_and_fetched(
    serve: Callable[..., Server], jupyter_folders: Path
) -> None:
    install_kernelspec(
        jupyter_folders, name="terse", limits={"cell_output_bytes": 20_000, "cell_output_messages": 1_000}
    )
    server = serve()
    kernel_id = server.start_kernel("terse")["id"]
    async with server.connect(kernel_id) as connection:
        source = "import sys\nfor i in range(60):\n    print(i, 'x' * 999); sys.stdout.flush()"
        message_id, shown = await everything(connection, source)
        assert shown.startswith("0 xxx")
        assert len(shown) < 25_000
        assert "The rest is kept on the server" in shown
        assert f"/api/kernels/{kernel_id}/outputs/{message_id}" in shown
        quick, text = await everything(connection, "print('still talks')")
        assert text == "still talks\n"
    address = f"/api/kernels/{kernel_id}/outputs/"
    first = server.http.get(address + message_id, params={"limit": 10}).json()
    assert (len(first["messages"]), first["next_offset"]) == (10, 10)
    rest = server.http.get(address + message_id, params={"offset": 10, "limit": 1000}).json()
    assert rest["next_offset"] is None
    messages = first["messages"] + rest["messages"]
    assert len(messages) == first["kept"] == first["held_back"]
    fetched = "".join(message["content"]["text"] for message in messages)
    whole = shown.partition("[Output is cut")[0].rstrip("\n") + "\n" + fetched
    assert [line.split()[0] for line in whole.splitlines()] == [str(i) for i in range(60)]
    assert server.http.get(address + quick).status_code == 404
    assert server.http.get(address + message_id, params={"offset": "x"}).status_code == 400
    async with httpx.AsyncClient(base_url=server.address) as nobody:
        assert (await nobody.get(address + message_id)).status_code == 403
    server.http.delete(f"/api/kernels/{kernel_id}")
    assert server.http.get(address + message_id).status_code == 404
    assert not list((jupyter_folders / "runtime" / "outputs").glob(kernel_id))


async def test_progress_that_replaces_itself_never_reaches_the_limit(
    serve: Callable[..., Server], jupyter_folders: Path
) -> None:
    install_kernelspec(jupyter_folders, name="terse", limits={"cell_output_messages": 10})
    server = serve()
    kernel_id = server.start_kernel("terse")["id"]
    async with server.connect(kernel_id) as connection:
        source = (
            "from IPython.display import clear_output\nhandle = display('0', display_id=True)\n"
            "for i in range(50): handle.update(str(i))\n"
            "for i in range(50): clear_output(); display(i)\nprint('done')"
        )
        assert (await everything(connection, source))[1] == "done\n"


async def test_kernel_is_culled_by_its_own_kernelspec_and_never_while_busy(
    serve: Callable[..., Server], jupyter_folders: Path
) -> None:
    folder = install_kernelspec(jupyter_folders, name="short-lived", idle_seconds=1, cull_connected=True)
    assert folder.exists()
    server = serve()
    idle, patient = server.start_kernel("short-lived")["id"], server.start_kernel()["id"]
    busy = server.start_kernel("short-lived")["id"]
    async with server.connect(busy) as connection:
        await execute(connection, "import time; time.sleep(600)")
        await asyncio.sleep(2.5)  # longer than idle kernels live
        deadline = time.monotonic() + 180
        while idle in (left := {kernel["id"] for kernel in server.http.get("/api/kernels").json()}):
            assert time.monotonic() < deadline, "it was not culled"
            await asyncio.sleep(0.5)
    assert {patient, busy} <= left


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
async def test_kernels_survive_a_restart_of_their_server(serve: Callable[..., Server], ending: int) -> None:
    first = serve(keep_kernels=True)
    kernel_id = first.start_kernel()["id"]
    async with first.connect(kernel_id) as connection:
        message_id = await execute(connection, "import os; state = 42; print(os.getpid())")
        pid = await _printed(connection, message_id)
    first.stop(ending)
    assert psutil.pid_exists(int(pid))
    second = serve(keep_kernels=True)
    assert [kernel["id"] for kernel in second.http.get("/api/kernels").json()] == [kernel_id]
    async with second.connect(kernel_id) as connection:
        message_id = await execute(connection, "print(os.getpid(), state)")
        assert await _printed(connection, message_id) == f"{int(pid)} 42\n"
    second.http.post(f"/api/kernels/{kernel_id}/restart").raise_for_status()
    assert not psutil.pid_exists(int(pid))
    second.http.delete(f"/api/kernels/{kernel_id}").raise_for_status()
    assert second.http.get("/api/kernels").json() == []


async def test_kernels_end_with_a_server_that_does_not_keep_them(serve: Callable[..., Server]) -> None:
    server = serve()
    kernel_id = server.start_kernel()["id"]
    async with server.connect(kernel_id) as connection:
        pid = int(await _printed(connection, await execute(connection, "import os; print(os.getpid())")))
    server.process.kill()
    server.process.wait()
    deadline = time.monotonic() + 180
    while psutil.pid_exists(pid) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    assert not psutil.pid_exists(pid)


async def test_kernels_do_not_see_the_secrets_of_the_server(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "s3cret")
    server = serve()
    kernel_id = server.start_kernel()["id"]
    async with server.connect(kernel_id) as connection:
        message_id = await execute(connection, "import os; print('s3cret' in str(os.environ))")
        assert await _printed(connection, message_id) == "False\n"


async def _printed(connection: WebSocketClientConnection, message_id: str) -> str:
    """What a cell prints, its reply and its output having come in either order."""
    text = ""
    async with asyncio.timeout(30):
        while not text.endswith("\n"):
            text += await outputs(connection, message_id, "stream")
    return text
