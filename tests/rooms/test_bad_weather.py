"""Full disks, moved clocks, harmed stores, slow readers: nothing that was typed is lost, and people are told."""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
from pathlib import Path
from typing import Any

import psutil
import pytest
from pycrdt import Doc, Text

from spawner.rooms.awareness import Person
from spawner.rooms.events import Events
from spawner.rooms.protocol import Sync, write_sync
from spawner.rooms.registry import Registry
from spawner.rooms.room import Room
from tests.rooms.peers import Served
from tests.rooms.robots import TOKEN, Tally, afternoon, faults
from tests.rooms.test_durability import notebook, saved, typed


@pytest.mark.slow
async def test_robots_who_type_and_run_through_misfortunes_lose_nothing(tmp_path: Path) -> None:
    tally, found = await afternoon(tmp_path, seed=5, misfortunes=8)
    assert found == []
    assert len(tally.written) > 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<a1><b2>", []),
        ("<a1>", ["lost b2"]),
        ("<a1><b2><a1>", ["2 times a1"]),
        ("<a1><b2>x", ["torn: 'x'"]),
        ("<a1><b2><c3>", ["nobody wrote c3"]),
    ],
)
def test_the_checker_sees_what_is_lost_doubled_or_torn(text: str, expected: list[str]) -> None:
    assert TOKEN.pattern
    assert faults(Tally({"a1", "b2"}), text) == expected


async def test_on_a_full_disk_people_are_told_and_everything_is_saved_once_there_is_room(own: Served) -> None:
    (own.files / "a.txt").write_text("start\n")
    ada, grace = await own.join("ada", "a.txt"), await own.join("grace", "a.txt")
    await ada.until(lambda: ada.text == grace.text == "start\n")
    assert own.process is not None
    process = psutil.Process(own.process.pid)
    before = process.rlimit(resource.RLIMIT_FSIZE)
    process.rlimit(resource.RLIMIT_FSIZE, (0, before[1]))  # no file may grow
    words = [f"word{n}\n" for n in range(20)]
    await typed(ada, words)
    await ada.until(lambda: any(told["type"] == "unsaved" for told in ada.raw))
    assert ada.durable < ada.sent  # nothing is acknowledged that is not on the disk
    await grace.until(lambda: grace.text == "start\n" + "".join(words))
    process.rlimit(resource.RLIMIT_FSIZE, before)
    await ada.acknowledged()
    await saved(own.files / "a.txt", "start\n" + "".join(words))


@pytest.mark.parametrize("hours", [-24, 24])
async def test_a_clock_that_is_moved_changes_nothing_but_times(own: Served, hours: int) -> None:
    (own.files / "a.txt").write_text("start\n")
    ada = await own.join("ada", "a.txt")
    await ada.until(lambda: ada.text == "start\n")
    await typed(ada, ["one\n"])
    (own.state / "clock").write_text(str(hours * 3600))
    await typed(ada, ["two\n"])
    (own.files / "a.txt").write_text("outside\n" + (own.files / "a.txt").read_text())
    await ada.until(lambda: "outside\n" in ada.text)
    await typed(ada, ["three\n"])
    expected = "outside\nstart\none\ntwo\nthree\n"
    await ada.until(lambda: ada.text == expected)
    await saved(own.files / "a.txt", expected)


async def test_an_hour_offline_merges_with_what_others_and_programs_did(own: Served) -> None:
    file = own.files / "a.txt"
    file.write_text("first\nlast\n")
    ada, grace = await own.join("ada", "a.txt"), await own.join("grace", "a.txt")
    await ada.until(lambda: ada.text == grace.text == "first\nlast\n")
    ada.disconnect()
    ada.type("ada's hour\n", at=len("first\n"))
    await typed(grace, [f"g{n} " for n in range(400)], pause_seconds=0.001)  # enough to be compacted
    assert await grace.save() == "success"
    file.write_text("program\n" + file.read_text())
    await grace.until(lambda: grace.text.startswith("program\n"))
    grace.disconnect()
    await asyncio.sleep(2.5)  # the room closes, and opens anew
    await ada.connect()
    expected = "program\nfirst\nada's hour\nlast\n" + "".join(f"g{n} " for n in range(400))
    await ada.until(lambda: ada.text == expected)
    await saved(file, expected)


@pytest.mark.parametrize("harm", ["deleted", "overwritten"])
async def test_a_store_that_is_harmed_while_the_document_is_open_is_made_anew(own: Served, harm: str) -> None:
    file = own.files / "a.txt"
    file.write_text("start\n")
    ada, grace = await own.join("ada", "a.txt"), await own.join("grace", "a.txt")
    await ada.until(lambda: ada.text == grace.text == "start\n")
    await typed(ada, ["before\n"])
    await ada.acknowledged()
    for part in (own.state / "rooms").glob("*.sqlite*"):
        if harm == "deleted":
            part.unlink()
        else:
            with part.open("r+b") as file_object:
                file_object.write(b"\x13" * part.stat().st_size)
    await typed(ada, ["after\n"])
    await typed(grace, ["by grace\n"])
    await asyncio.sleep(1.5)
    await ada.acknowledged()
    assert ada.closed is None
    await asyncio.to_thread(own.end, signal.SIGKILL)
    await asyncio.to_thread(own.start)
    await ada.connect()
    again = await own.join("grace", "a.txt")
    expected = "start\nbefore\nafter\nby grace\n"
    await again.until(lambda: sorted(again.text) == sorted(expected))
    await saved(file, again.text)
    assert ada.text == again.text


async def test_who_does_not_read_is_disconnected_and_costs_no_memory(own: Served) -> None:
    (own.files / "a.ipynb").write_text(notebook("x"))
    ada = await own.join("ada", "a.ipynb")
    await ada.until(lambda: ada.document.cell_number == 1)
    sleeper = await own.join("grace", "a.ipynb")
    await sleeper.until(lambda: sleeper.document.cell_number == 1)
    assert sleeper.socket is not None
    assert sleeper._reading is not None
    sleeper._reading.cancel()
    stream: Any = sleeper.socket.stream  # type: ignore[attr-defined]
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream._add_io_state = lambda state: None
    stream.io_loop.remove_handler(stream.socket)
    assert own.process is not None
    process = psutil.Process(own.process.pid)
    for _ in range(60):
        ada.type_in_cell(0, "y" * 2_000_000)
        await ada.acknowledged()
        if "does not read" in own.log.read_text():
            break
    assert "does not read" in own.log.read_text()
    assert process.memory_info().rss < 1_500_000_000
    ada.type_in_cell(0, "end")
    await ada.acknowledged()


class Page:
    """A connection that notes what it is told."""

    may_write = True
    wants_acknowledgement = False

    def __init__(self) -> None:
        self.refused: list[str] = []

    def send(self, message: bytes) -> None:
        """Take a message."""

    def refuse(self, reason: str, reloadable: bool) -> None:
        self.refused.append(reason)


async def test_a_document_that_its_library_fails_on_is_loaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pycrdt panics with an exception that is no `Exception`; the next connection gets a document from the store."""
    file = tmp_path / "a.txt"
    file.write_text("start\n")
    registry = Registry(tmp_path / "rooms", lambda file_id: ("a.txt", file), 60, Events())
    room = await registry.room("text:file:1")
    page: Any = Page()
    page.person = Person("ada", "Ada")
    room.join(page)
    edit: Doc[Any] = Doc()
    edit.apply_update(room.doc.get_update())
    edit.get("source", type=Text).insert(6, "typed\n")
    room.receive(page, write_sync(Sync.UPDATE, edit.get_update(room.doc.get_state())))

    class PanicException(BaseException):
        pass

    def panic(update: bytes) -> None:
        raise PanicException("index out of bounds")

    monkeypatch.setattr(room, "apply", lambda client, update: panic(update))
    room.receive(page, write_sync(Sync.UPDATE, edit.get_update()))
    assert page.refused
    again = await registry.room("text:file:1")
    assert again is not room
    assert isinstance(again, Room)
    assert str(again.doc.get("source", type=Text)) == "start\ntyped\n"
    await registry.close()
    assert file.read_text() == "start\ntyped\n"
