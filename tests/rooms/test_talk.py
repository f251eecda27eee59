"""Comments, chat and activity: kept in the project, on every open page at once, by the right people."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from spawner.rooms.talk.store import mentions
from tests.rooms.peers import Served
from tests.rooms.test_execution import call


class Listener:
    """A page that listens to events."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.socket: Any = None

    async def open(self, served: Served, name: str, origin: str = "") -> None:
        url = f"{served.url}/api/collaboration/events".replace("http", "ws", 1)
        headers = {"Origin": origin or served.url, "Cookie": f"name={name}"}
        self.socket = await websocket_connect(HTTPRequest(url, headers=headers))
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while (message := await self.socket.read_message()) is not None:
            self.told.append(json.loads(message))

    async def hears(self, **expected: object) -> dict[str, Any]:
        for _ in range(600):
            for event in self.told:
                if all(event.get(key) == value for key, value in expected.items()):
                    return event
            await asyncio.sleep(0.01)
        raise AssertionError(f"not heard: {expected}; heard {self.told}")


@pytest.fixture
async def vera(served: Served) -> AsyncIterator[Listener]:
    served.set_roles(ada="owner", grace="editor", vera="viewer")
    listener = Listener()
    await listener.open(served, "vera")
    yield listener
    listener.socket.close()


async def ask(served: Served, name: str, method: str, path: str, **given: Any) -> Any:
    answer = await asyncio.to_thread(call, served, name, method, f"collaboration/{path}", **given)
    return answer.json() if answer.status_code < 300 else answer.status_code


async def test_a_page_hears_who_it_speaks_for_and_what_is_durable(served: Served, vera: Listener) -> None:
    hello = await vera.hears(type="hello")
    assert hello["user"] == {"username": "vera", "display_name": "Vera Rubin"}
    assert hello["capabilities"] == ["read"]
    (served.files / "s.txt").write_text("start\n")
    ada = await served.join("ada", "s.txt")
    await ada.until(lambda: ada.text == "start\n")
    await vera.socket.write_message(json.dumps({"type": "watch", "rooms": [ada.room]}))
    await vera.hears(type="durable", room=ada.room)
    ada.type("typed\n")
    client = str(ada.doc.client_id)
    clock = len("typed\n")
    for _ in range(500):
        clocks = [event["clocks"].get(client) for event in vera.told if event["type"] == "durable"]
        if clock in clocks:
            break
        await asyncio.sleep(0.01)
    assert clock in clocks
    assert "typed" not in json.dumps(vera.told)
    await vera.hears(type="saved", room=ada.room)
    status = await ask(served, "vera", "GET", "status/s.txt")
    assert status["clocks"][client] == clock
    assert status["people"] == [{"username": "ada", "display_name": "Ada Lovelace"}]
    assert (status["may_write"], status["reason"], status["unsaved_since"]) == (False, "", None)


async def test_a_thread_on_a_cell_from_question_to_resolution(served: Served, vera: Listener) -> None:
    (served.files / "c.md").write_text("x")
    body = {"path": "c.md", "cell_id": "cell0", "quote": "x", "text": "Why x? @grace @nobody"}
    thread = await ask(served, "ada", "POST", "comments", json=body)
    heard = await vera.hears(type="comment", path="c.md")
    assert heard["thread"]["messages"][0]["text"] == body["text"]
    assert heard["thread"]["messages"][0]["mentions"] == ["grace", "nobody"]
    assert heard["thread"]["messages"][0]["display_name"] == "Ada Lovelace"
    address = f"comments/{thread['id']}"
    replied = await ask(served, "vera", "POST", address, json={"text": "Because."})
    assert [message["author"] for message in replied["messages"]] == ["ada", "vera"]
    first, second = (message["id"] for message in replied["messages"])
    assert await ask(served, "grace", "PATCH", f"{address}/{first}", json={"text": "forged"}) == 403
    assert await ask(served, "grace", "DELETE", f"{address}/{second}") == 403
    edited = await ask(served, "vera", "PATCH", f"{address}/{second}", json={"text": "Because of y."})
    assert edited["messages"][1]["text"] == "Because of y."
    assert edited["messages"][1]["edited"]
    assert (await ask(served, "grace", "PATCH", address, json={"resolved": True}))["resolved_by"] == "grace"
    found = await ask(served, "vera", "GET", "comments", params={"path": "c.md", "resolved": "0"})
    assert found["threads"] == []
    gone = await ask(served, "vera", "DELETE", f"{address}/{second}")
    assert gone["messages"][1]["deleted"]
    assert gone["messages"][1]["text"] == ""
    assert await ask(served, "ada", "POST", "comments/999", json={"text": "x"}) == 404
    assert await ask(served, "ada", "POST", "comments", json={"path": "none.md", "text": "x"}) == 404
    assert await ask(served, "mallory", "GET", "comments") == 403
    assert await ask(served, "ada", "POST", address, json={"text": "  "}) == 400


async def test_comments_follow_a_renamed_document(served: Served) -> None:
    (served.files / "old.md").write_text("x")
    await ask(served, "ada", "POST", "comments", json={"path": "old.md", "text": "keep me"})
    moved = await asyncio.to_thread(call, served, "ada", "PATCH", "contents/old.md", json={"path": "new.md"})
    assert moved.status_code == 200
    found = await ask(served, "vera", "GET", "comments", params={"path": "new.md"})
    assert [thread["path"] for thread in found["threads"]] == ["new.md"]


async def test_a_chat_in_pages_and_an_activity_feed(served: Served, vera: Listener) -> None:
    for number in range(5):
        await ask(served, "ada", "POST", "chat", json={"text": f"message {number}"})
    await vera.hears(type="chat")
    newest = await ask(served, "vera", "GET", "chat", params={"limit": 2})
    assert [message["text"] for message in newest["messages"]] == ["message 3", "message 4"]
    assert newest["more"]
    older = await ask(served, "vera", "GET", "chat", params={"limit": 10, "before": newest["messages"][0]["id"]})
    assert [message["text"] for message in older["messages"]][-1] == "message 2"
    assert not older["more"]
    own = newest["messages"][0]["id"]
    assert await ask(served, "grace", "DELETE", f"chat/{own}") == 403
    assert (await ask(served, "ada", "DELETE", f"chat/{own}"))["deleted"]
    (served.files / "d.txt").write_text("")
    ada = await served.join("ada", "d.txt")
    await ada.until(lambda: ada.doc.get_state() != b"\x00")
    ada.type("x")
    await vera.hears(type="activity")
    for _ in range(200):
        entries = (await ask(served, "vera", "GET", "activity"))["entries"]
        if any((each["kind"], each["path"], each["user"]) == ("edit", "d.txt", "ada") for each in entries):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(entries)


async def test_strangers_and_other_sites_hear_nothing_and_who_is_removed_hears_no_more(
    served: Served, vera: Listener
) -> None:
    for name, origin in (("mallory", ""), ("ada", "http://elsewhere.example")):
        with pytest.raises(HTTPClientError):
            await Listener().open(served, name, origin)
    await vera.hears(type="hello")
    served.set_roles(ada="owner")
    for _ in range(500):
        if vera.socket.close_code is not None:
            break
        await asyncio.sleep(0.01)
    assert vera.socket.close_code == 1003


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@ada look", ["ada"]),
        ("mail me@example.org", []),
        ("(@ada), @grace.hopper. @ada", ["ada", "grace.hopper"]),
        ("@", []),
        ("@@ada", []),
    ],
)
def test_mentions_are_names_after_an_at_sign(text: str, expected: list[str]) -> None:
    assert mentions(text) == expected
