"""Who may read, who may write, who is who: through real websockets."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
from tornado.httpclient import HTTPClientError

from spawner.rooms.protocol import Sync, write_sync
from tests.rooms.peers import NO_TLS, Peer, Served

FELT_SECONDS = 5


@pytest.fixture
def path(served: Served, request: pytest.FixtureRequest) -> str:
    served.set_roles(ada="owner", grace="editor", vera="viewer")
    name = f"{abs(hash(request.node.name))}.txt"
    (served.files / name).write_text("given\n")
    return name


@pytest.mark.parametrize(
    ("name", "session", "opens"),
    [("ada", 201, True), ("grace", 201, True), ("vera", 201, True), ("mallory", 403, False)],
)
async def test_members_open_a_room_and_others_get_403(
    served: Served, path: str, name: str, session: int, opens: bool
) -> None:
    assert served.session(name, path).status_code == session
    model = served.session("ada", path).json()
    peer = Peer(served, name, f"text:file:{model['fileId']}", model["sessionId"])
    if opens:
        await peer.connect()
        await peer.until(lambda: peer.text == "given\n")
    else:
        with pytest.raises(HTTPClientError) as error:
            await peer.connect()
        assert error.value.code == 403


@pytest.mark.parametrize(("name", "status"), [("ada", 200), ("vera", 200), ("mallory", 403), ("", 302)])
def test_a_sign_in_of_an_open_page_ends_where_members_are_told(
    served: Served, path: str, name: str, status: int
) -> None:
    headers = {"Cookie": f"name={name}"} if name else {}
    url = f"{served.url}/api/collaboration/signed-in"
    answer = httpx.get(url, headers=headers, trust_env=False, verify=NO_TLS, timeout=180)
    assert answer.status_code == status
    assert ("You are signed in" in answer.text) == (status == 200)


async def test_a_page_of_another_site_cannot_open_a_room(served: Served, path: str) -> None:
    with pytest.raises(HTTPClientError) as error:
        await served.join("ada", path, origin="http://elsewhere.example")
    assert error.value.code == 403


async def test_editors_see_each_other_write(served: Served, path: str) -> None:
    ada, grace = await served.join("ada", path), await served.join("grace", path)
    await grace.until(lambda: grace.text == "given\n")
    grace.type("by Grace\n")
    await ada.until(lambda: ada.text == "given\nby Grace\n")
    ada.type("by Ada\n")
    await grace.until(lambda: grace.text == "given\nby Grace\nby Ada\n")


async def test_a_viewer_sees_edits_and_cannot_make_any(served: Served, path: str) -> None:
    ada, vera = await served.join("ada", path), await served.join("vera", path)
    await vera.until(lambda: vera.text == "given\n")
    vera.type("by Vera\n")
    await vera.until(lambda: {"type": "read-only"} in vera.raw)
    vera.send(write_sync(Sync.STEP2, vera.doc.get_update()))
    ada.type("by Ada\n")
    await vera.until(lambda: "by Ada" in vera.text)
    assert ada.text == "given\nby Ada\n"
    assert await vera.save() == "failed"
    assert await ada.save() == "success"
    assert (served.files / path).read_text() == "given\nby Ada\n"


async def test_a_demoted_member_writes_no_more_within_five_seconds(served: Served, path: str) -> None:
    ada, grace = await served.join("ada", path), await served.join("grace", path)
    served.set_roles(ada="owner", grace="viewer")
    await grace.until(lambda: {"type": "read-only"} in grace.raw, FELT_SECONDS)
    grace.type("too late\n")
    await asyncio.sleep(0.3)
    assert ada.text == "given\n"
    served.set_roles(ada="owner", grace="editor")
    await grace.until(lambda: {"type": "read-write"} in grace.raw, FELT_SECONDS)


async def test_a_removed_members_connection_is_closed_within_five_seconds(served: Served, path: str) -> None:
    grace = await served.join("grace", path)
    served.set_roles(ada="owner")
    began = time.monotonic()
    await grace.until(lambda: grace.closed is not None, FELT_SECONDS)
    assert time.monotonic() - began < FELT_SECONDS
    assert grace.closed is not None
    assert grace.closed[0] == 1003
    with pytest.raises(HTTPClientError):
        await grace.connect()


async def test_names_are_those_people_signed_in_with(served: Served, path: str) -> None:
    ada, grace = await served.join("ada", path), await served.join("grace", path)
    forged = {"username": "ada", "name": "Ada Lovelace", "display_name": "Ada", "color": "red", "initials": "AL"}
    grace.tell({"user": forged, "cursors": [1]})
    await ada.until(lambda: grace.doc.client_id in ada.awareness.states)
    seen = ada.awareness.states[grace.doc.client_id]
    assert seen["user"]["username"] == "grace"
    assert seen["user"]["name"] == seen["user"]["display_name"] == "Grace Hopper"
    assert seen["user"]["initials"] == "GH"
    assert seen["user"]["color"] == "red"
    assert seen["cursors"] == [1]


async def test_nobody_speaks_for_somebody_else(served: Served, path: str) -> None:
    ada, grace = await served.join("ada", path), await served.join("grace", path)
    ada.tell({"user": {}, "mood": "calm"})
    await grace.until(lambda: ada.doc.client_id in grace.awareness.states)
    grace.tell({"user": {}, "mood": "angry"}, client_id=ada.doc.client_id, clock=9)
    grace.tell({"user": {}, "mood": "glad"})
    await ada.until(lambda: grace.doc.client_id in ada.awareness.states)
    late = await served.join("vera", path)
    await late.until(lambda: ada.doc.client_id in late.awareness.states)
    assert late.awareness.states[ada.doc.client_id]["mood"] == "calm"


async def test_who_leaves_is_gone_for_the_others_at_once(served: Served, path: str) -> None:
    ada, grace = await served.join("ada", path), await served.join("grace", path)
    grace.tell({"user": {}})
    await ada.until(lambda: grace.doc.client_id in ada.awareness.states)
    grace.disconnect()
    await ada.until(lambda: grace.doc.client_id not in ada.awareness.states, 3)


async def test_nonsense_ends_only_the_connection_it_came_from(served: Served, path: str) -> None:
    ada, grace = await served.join("ada", path), await served.join("grace", path)
    for nonsense in (b"\x00", b"\x01\xff\xff"):
        mallory = await served.join("grace", path)
        mallory.send(nonsense)
        await mallory.until(lambda peer=mallory: peer.closed is not None)
    grace.send(write_sync(Sync.UPDATE, b"\xff\xff\xff"))
    await grace.until(lambda: {"type": "conflict"} in grace.raw)
    grace.type("still here\n")
    await ada.until(lambda: ada.text.endswith("still here\n"))


@pytest.mark.parametrize("path_outside", ["../state/roles.json", "..%2Fstate%2Froles.json", ".hidden.txt"])
async def test_files_outside_or_hidden_have_no_room(served: Served, path_outside: str) -> None:
    (served.files / ".hidden.txt").write_text("secret")
    answer = served.session("ada", path_outside)
    assert answer.status_code == 404
