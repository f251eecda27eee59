"""Cells run on the server: for everybody, with every page closed, whatever happens to the kernel."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.rooms.peers import NO_TLS, Peer, Served
from tests.rooms.test_durability import notebook

RUN_SECONDS = 180


def call(served: Served, name: str, method: str, path: str, **given: Any) -> httpx.Response:
    return httpx.request(
        method,
        f"{served.url}/api/{path}",
        headers={"Authorization": f"token {name}"},
        trust_env=False,
        verify=NO_TLS,
        timeout=180,
        **given,
    )


class Page:
    """A notebook that is open, and what a page asks of the server."""

    def __init__(self, served: Served, peer: Peer, kernel: str) -> None:
        self.served, self.peer, self.kernel = served, peer, kernel
        self.path = f"{peer.name}.ipynb"

    @property
    def cells(self) -> list[dict[str, Any]]:
        return list(self.peer.document.get()["cells"])

    def cell(self, index: int) -> dict[str, Any]:
        found: dict[str, Any] = self.peer.document.ycells[index].to_py()
        return found

    def outputs(self, index: int) -> list[dict[str, Any]]:
        return list(self.cells[index]["outputs"])

    def printed(self, index: int, name: str = "stdout") -> str:
        return "".join(output["text"] for output in self.outputs(index) if output.get("name") == name)

    async def run(self, index: int, by: str = "ada") -> dict[str, Any]:
        """Have a cell run as nbmodel's front end does."""
        cell = self.cells[index]
        room = {"document_id": self.peer.room, "document_path": self.path, "cell_id": cell["id"]}
        body = {"code": cell["source"], "metadata": {**room, "record_timing": True}}
        answer = await asyncio.to_thread(call, self.served, by, "POST", f"kernels/{self.kernel}/execute", json=body)
        assert answer.status_code == 202, answer.text
        assert answer.headers["Location"].endswith(answer.json()["request_id"])
        found: dict[str, Any] = answer.json()
        return found

    async def ended(self, request: dict[str, Any]) -> dict[str, Any]:
        path = f"kernels/{self.kernel}/requests/{request['request_id']}"
        deadline = time.monotonic() + RUN_SECONDS
        while True:
            answer = await asyncio.to_thread(call, self.served, "ada", "GET", path)
            if answer.status_code == 200:
                return dict(answer.json())
            assert answer.status_code in (202, 300), answer.text
            assert time.monotonic() < deadline, answer.text
            await asyncio.sleep(0.03)

    async def queue(self) -> dict[str, Any]:
        answer = await asyncio.to_thread(call, self.served, "vera", "GET", f"collaboration/queue/{self.path}")
        return dict(answer.json())


@pytest.fixture(scope="module")
def kernel(served: Served) -> str:
    """A kernel that the tests share."""
    (served.files / "ada.ipynb").write_text(notebook("1"))
    body = {"path": "ada.ipynb", "name": "ada.ipynb", "type": "notebook", "kernel": {"name": "python3"}}
    answer = call(served, "ada", "POST", "sessions", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["kernel"]["id"])


@pytest.fixture
async def page(served: Served, kernel: str, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """A notebook with the cells that the test names."""
    sources = request.node.get_closest_marker("cells").args
    (served.files / "ada.ipynb").write_text(notebook(*sources))
    peer = await served.join("ada", "ada.ipynb")
    await peer.until(lambda: [cell["source"] for cell in peer.document.get()["cells"]] == list(sources))
    yield Page(served, peer, kernel)
    if peer.socket is not None:
        peer.disconnect()


@pytest.mark.cells("print('hello', flush=True); 6 * 7")
async def test_outputs_count_and_times_are_written_into_the_shared_document(page: Page) -> None:
    result = await page.ended(await page.run(0))
    await page.peer.until(lambda: len(page.outputs(0)) == 2 and page.cell(0)["execution_state"] == "idle")
    assert page.printed(0) == "hello\n"
    assert page.outputs(0)[1]["data"]["text/plain"] == "42"
    assert page.cells[0]["execution_count"] == result["execution_count"]
    assert "shell.execute_reply" in page.cells[0]["metadata"]["execution"]
    assert result["outputs"] == "[]"  # a front end that writes them too would double them
    assert "collegium" not in page.cells[0]["metadata"]


@pytest.mark.cells("import time\nfor n in range(6):\n    print(n, flush=True); time.sleep(0.2)\n'end'")
async def test_a_run_goes_on_when_every_page_is_closed(page: Page) -> None:
    request = await page.run(0)
    page.peer.disconnect()
    await page.ended(request)
    again = await page.served.join("grace", page.path)
    await again.until(lambda: again.document.cell_number == 1)
    outputs = again.document.get()["cells"][0]["outputs"]
    assert outputs[0]["text"] == "0\n1\n2\n3\n4\n5\n"
    assert outputs[1]["data"]["text/plain"] == "'end'"


@pytest.mark.cells("name = input('Who? ')\nprint('Hello', name)")
async def test_a_question_is_there_for_who_returns_and_is_answered_once(page: Page) -> None:
    request = await page.run(0)
    await page.peer.until(lambda: page.cell(0)["metadata"].get("collegium", {}).get("state") == "input")
    page.peer.disconnect()
    again = await page.served.join("grace", page.path)
    await again.until(lambda: again.document.cell_number == 1)
    assert again.document.ycells[0]["metadata"].to_py()["collegium"]["prompt"] == "Who? "
    body = {"request": request["request_id"], "value": "Grace"}
    path = f"collaboration/input/{page.path}"
    assert (await asyncio.to_thread(call, page.served, "vera", "POST", path, json=body)).status_code == 403
    assert (await asyncio.to_thread(call, page.served, "grace", "POST", path, json=body)).status_code == 200
    assert (await asyncio.to_thread(call, page.served, "ada", "POST", path, json=body)).status_code == 409
    await page.ended(request)
    await again.until(lambda: "Hello Grace" in str(again.document.get()["cells"][0]["outputs"]))
    texts = [output["text"] for output in again.document.get()["cells"][0]["outputs"]]
    assert texts == ["Who? Grace\n", "Hello Grace\n"]


@pytest.mark.cells(
    "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\nprint('once')",
    "runs = globals().get('runs', 0) + 1; runs",
)
async def test_two_people_who_run_one_cell_see_one_result(page: Page) -> None:
    slow = await page.run(0)  # until the file `go` is there, however long the requests take
    first, second = await page.run(1, "ada"), await page.run(1, "grace")
    assert first["request_id"] == second["request_id"]
    await page.peer.until(lambda: page.cell(0)["metadata"].get("collegium", {}).get("state") == "running")
    assert (await page.run(0, "grace"))["request_id"] == slow["request_id"]
    (page.served.files / "go").touch()
    await page.ended(first)
    await page.peer.until(lambda: len(page.outputs(1)) == 1)
    assert page.outputs(1)[0]["data"]["text/plain"] == "1"
    assert page.printed(0) == "once\n"


@pytest.mark.cells("import time; time.sleep(600)", "'b'", "'c'")
async def test_a_queue_shows_and_can_be_stopped(page: Page) -> None:
    requests = [await page.run(index) for index in range(3)]
    queue = await page.queue()
    assert [each["state"] for each in queue["requests"]] in (["running", "waiting", "waiting"], ["waiting"] * 3)
    path = f"collaboration/queue/{page.path}"
    assert (await asyncio.to_thread(call, page.served, "vera", "DELETE", path)).status_code == 403
    one = {"request": requests[2]["request_id"]}
    await asyncio.to_thread(call, page.served, "ada", "DELETE", path, params=one)
    assert (await page.ended(requests[2]))["status"] == "aborted"
    await page.peer.until(lambda: page.cell(0)["metadata"].get("collegium", {}).get("state") == "running")
    await asyncio.sleep(0.3)
    await asyncio.to_thread(call, page.served, "grace", "DELETE", path)
    assert (await page.ended(requests[0]))["status"] == "error"
    assert (await page.ended(requests[1]))["reason"] == "Stopped by grace."
    queue = await page.queue()
    assert queue["requests"] == []
    assert queue["stopped"]["reason"] == "Stopped by grace."
    await page.peer.until(lambda: all(cell["execution_state"] == "idle" for cell in map(page.cell, range(3))))


@pytest.mark.cells("1 / 0", "'not run'", "'by Grace'")
async def test_a_failed_cell_keeps_ones_own_next_cells_from_running(page: Page) -> None:
    blocker = await page.run(0)
    own, others = await page.run(1, "ada"), await page.run(2, "grace")
    assert (await page.ended(blocker))["status"] == "error"
    assert (await page.ended(own))["status"] in ("aborted", "ok")
    assert (await page.ended(others))["status"] == "ok"


@pytest.mark.cells("import time; time.sleep(600)", "'waits'", "'after'")
async def test_a_restart_while_busy_empties_the_queue_says_why_and_the_next_cell_runs(page: Page) -> None:
    running, waiting = await page.run(0), await page.run(1)
    await page.peer.until(lambda: page.cell(0)["metadata"].get("collegium", {}).get("state") == "running")
    await asyncio.to_thread(call, page.served, "ada", "POST", f"kernels/{page.kernel}/restart")
    assert (await page.ended(running))["reason"] == "The kernel was restarted."
    assert (await page.ended(waiting))["reason"] == "The kernel was restarted."
    await page.peer.until(lambda: page.outputs(0) != [])
    assert page.outputs(0)[-1]["evalue"] == "The kernel was restarted."
    await page.ended(await page.run(2))
    await page.peer.until(lambda: page.outputs(2) != [])


@pytest.mark.cells("import os; os._exit(3)", "'waits'", "'after'")
async def test_a_kernel_that_dies_empties_the_queue_and_the_next_cell_runs(page: Page) -> None:
    dying, waiting = await page.run(0), await page.run(1)
    assert (await page.ended(dying))["status"] == "error"
    assert (await page.ended(waiting))["status"] == "aborted"
    assert "died" in (await page.queue())["stopped"]["reason"]
    assert (await page.ended(await page.run(2)))["status"] == "ok"


@pytest.mark.cells(
    "import base64, os\nfrom IPython.display import display, Image\n"
    "display({'image/png': base64.b64encode(b'\\x89PNG' + bytes(90_000)).decode(), 'text/plain': 'fig'}, raw=True)",
    "print('x' * 99 + '\\n', end='')\nfor n in range(3000): print(n, 'y' * 93)",
)
async def test_large_outputs_are_beside_the_document_and_whole_in_the_file(page: Page) -> None:
    await page.ended(await page.run(0))
    await page.ended(await page.run(1))
    await page.peer.until(lambda: len(page.outputs(0)) == 1 and len(page.outputs(1)) == 2)
    reference = page.outputs(0)[0]["data"]["application/vnd.collegium.output+json"]
    address = f"collaboration/outputs/{reference['digest']}"
    answer = await asyncio.to_thread(call, page.served, "vera", "GET", address, params={"type": "image/png"})
    assert answer.content == b"\x89PNG" + bytes(90_000)
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert (await asyncio.to_thread(call, page.served, "mallory", "GET", address)).status_code == 403
    await page.peer.until(lambda: page.outputs(1)[1]["data"]["application/vnd.collegium.more+json"]["complete"] is True)
    more = page.outputs(1)[1]["data"]["application/vnd.collegium.more+json"]
    assert len(page.printed(1)) == more["shown"] < more["bytes"]
    text, offset = "", 0
    while offset is not None:
        query = {"offset": offset, "limit": 100_000}
        piece = await asyncio.to_thread(
            call, page.served, "vera", "GET", f"collaboration/streams/{more['stream']}", params=query
        )
        text, offset = text + piece.json()["text"], piece.json()["next_offset"]
    assert text == "x" * 99 + "\n" + "".join(f"{n} {'y' * 93}\n" for n in range(3000))
    assert await page.peer.save() == "success"
    written = json.loads((page.served.files / page.path).read_text())["cells"]
    assert "".join(written[1]["outputs"][0]["text"]) == text
    assert len(written[1]["outputs"]) == 1
    assert len(written[0]["outputs"][0]["data"]["image/png"]) > 100_000
    again = await page.served.join("grace", page.path)
    await again.until(lambda: again.document.cell_number == 2)
    assert len(str(again.document.get())) < 80_000


@pytest.mark.cells(
    "import time\nprint('x' * 70_000)\n"
    "for n in range(30):\n    print('more', flush=True); time.sleep(0.05)\n_ = input()"
)
async def test_how_long_a_growing_text_is_is_told_seldom_and_rightly(page: Page) -> None:
    told: list[int] = []

    def more() -> dict[str, Any]:
        data = page.outputs(0)[1]["data"] if len(page.outputs(0)) == 2 else {}
        return dict(data.get("application/vnd.collegium.more+json", {}))

    def note() -> bool:
        total = more().get("bytes", 0)
        if total and total not in told[-1:]:
            told.append(int(total))
        return total == 70_001 + 30 * len("more\n")

    await page.run(0)
    await page.peer.until(note)  # though nothing is printed after it, and the cell goes on
    assert not more()["complete"]
    assert len(told) <= 4
    await page.peer.until(lambda: page.cell(0)["metadata"]["collegium"]["state"] == "input")
    moment = page.cell(0)["metadata"]["collegium"]
    body = {"request": moment["request"], "value": ""}
    await asyncio.to_thread(call, page.served, "ada", "POST", f"collaboration/input/{page.path}", json=body)
    await page.peer.until(lambda: len(page.outputs(0)) == 3)  # the answer stands behind the text
    await page.peer.until(lambda: dict(page.outputs(0)[1]["data"]["application/vnd.collegium.more+json"])["complete"])


@pytest.mark.cells(
    "import sys, time\nfor n in range(50):\n    print(f'\\r{n:3d} %', end='', flush=True); time.sleep(0.002)\n",
    "from IPython.display import display, clear_output\nh = display('one', display_id='d')\n"
    "h.update(display_id='d', obj='two') if False else display('two', display_id='d', update=True)",
    "from IPython.display import clear_output\nprint('gone'); clear_output(wait=True); print('kept')",
)
async def test_progress_bars_updated_displays_and_cleared_outputs_look_as_in_jupyterlab(page: Page) -> None:
    for index in range(3):
        await page.ended(await page.run(index))
    await page.peer.until(lambda: page.printed(0) == " 49 %" and page.printed(2) == "kept\n")
    assert page.outputs(1)[0]["data"]["text/plain"] == "'two'"


@pytest.mark.cells("x = 1")
async def test_viewers_see_and_do_not_run(page: Page) -> None:
    body = {"code": "1", "metadata": {}}
    for name, status in (("vera", 403), ("mallory", 403)):
        answer = await asyncio.to_thread(call, page.served, name, "POST", f"kernels/{page.kernel}/execute", json=body)
        assert answer.status_code == status
    run = {"cells": [{"id": "cell0", "code": "1"}]}
    refused = await asyncio.to_thread(call, page.served, "vera", "POST", f"collaboration/run/{page.path}", json=run)
    assert refused.status_code == 403
    assert (await page.queue())["requests"] == []


async def test_code_without_a_document_gives_its_outputs_over_http(served: Served, kernel: str) -> None:
    body = {"code": "print('a'); print('b'); 5", "metadata": {}}
    answer = await asyncio.to_thread(call, served, "ada", "POST", f"kernels/{kernel}/execute", json=body)
    path = f"kernels/{kernel}/requests/{answer.json()['request_id']}"
    for _ in range(300):
        result = await asyncio.to_thread(call, served, "ada", "GET", path)
        if result.status_code == 200:
            break
        await asyncio.sleep(0.03)
    outputs = json.loads(result.json()["outputs"])
    assert outputs[0]["text"] == "a\nb\n"
    assert outputs[1]["data"]["text/plain"] == "5"


async def test_a_cell_runs_before_a_kernel_has_been_started(served: Served) -> None:
    (served.files / "early.ipynb").write_text(notebook("print('early')"))
    ada = await served.join("ada", "early.ipynb")
    await ada.until(lambda: ada.document.cell_number == 1)
    body = {"cells": [{"id": "cell0", "code": "print('early')"}]}
    answer = await asyncio.to_thread(call, served, "ada", "POST", "collaboration/run/early.ipynb", json=body)
    assert answer.status_code == 202, answer.text
    await ada.until(lambda: "early\\n" in str(ada.document.get()["cells"][0]["outputs"]), RUN_SECONDS)
    sessions = await asyncio.to_thread(call, served, "ada", "GET", "sessions")
    assert [each["path"] for each in sessions.json()].count("early.ipynb") == 1


@pytest.mark.parametrize("asks_by_request", [False, True], ids=["by path", "as JupyterLab does"])
async def test_people_who_open_a_notebook_at_once_share_one_kernel(served: Served, asks_by_request: bool) -> None:
    path = f"together/{asks_by_request}.ipynb"
    (served.files / "together").mkdir(exist_ok=True)
    (served.files / path).write_text(notebook("1"))
    common = {"name": path.rpartition("/")[2], "type": "notebook", "kernel": {"name": "python3"}}

    def ask(name: str) -> str:
        """Open the notebook; return the kernel that the page has in the end."""
        asked = f"together/{uuid.uuid4()}" if asks_by_request else path
        answer = call(served, name, "POST", "sessions", json=common | {"path": asked})
        assert answer.status_code == 201, answer.text
        assert answer.json()["path"] == asked  # JupyterLab gives a session with another path up
        if asks_by_request:
            answer = call(served, name, "PATCH", f"sessions/{answer.json()['id']}", json={"path": path})
            assert answer.status_code == 200, answer.text
        return str(answer.json()["kernel"]["id"])

    asked = [asyncio.to_thread(ask, name) for name in ("ada", "grace", "ada")]
    kernels = set(await asyncio.gather(*asked)) | {await asyncio.to_thread(ask, "grace")}
    assert len(kernels) == 1
    sessions = call(served, "vera", "GET", "sessions").json()
    assert {each["kernel"]["id"] for each in sessions if each["path"] == path} == kernels
    given_up = call(served, "ada", "POST", "sessions", json=common | {"path": f"together/{uuid.uuid4()}"}).json()
    assert call(served, "ada", "DELETE", f"sessions/{given_up['id']}").status_code == 204
    assert call(served, "ada", "GET", f"kernels/{given_up['kernel']['id']}").status_code == 200
    assert call(served, "ada", "DELETE", f"kernels/{kernels.pop()}").status_code == 204
