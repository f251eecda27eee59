"""Nothing typed is lost and nothing comes twice: the server is killed, files change, stores vanish."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from pathlib import Path

import pytest

from tests.rooms.peers import Peer, Served

STOP_SECONDS = 5


def notebook(*sources: str) -> str:
    bare: dict[str, object] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [bare | {"id": f"cell{n}", "source": source} for n, source in enumerate(sources)]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def sources(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]


async def typed(peer: Peer, words: list[str], pause_seconds: float = 0.02) -> None:
    for word in words:
        peer.type(word)
        await asyncio.sleep(pause_seconds)


async def saved(path: Path, text: str, seconds: float = 8) -> None:
    def read() -> str:
        return path.read_text()

    for _ in range(int(seconds / 0.05)):
        if read() == text:
            return
        await asyncio.sleep(0.05)
    assert read() == text


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_every_acknowledged_edit_survives_the_end_of_the_server(own: Served, number: signal.Signals) -> None:
    (own.files / "a.txt").write_text("start\n")
    ada = await own.join("ada", "a.txt")
    await ada.until(lambda: ada.text == "start\n")
    words = [f"word{n}\n" for n in range(60)]
    await typed(ada, words)
    await ada.acknowledged()
    seconds = await asyncio.to_thread(own.end, number)
    expected = "start\n" + "".join(words)
    if number is signal.SIGTERM:
        assert seconds < STOP_SECONDS
        assert (own.files / "a.txt").read_text() == expected
    await asyncio.to_thread(own.start)
    grace = await own.join("grace", "a.txt")
    await grace.until(lambda: grace.text == expected)
    await ada.connect()  # the browser that stayed open comes back with its own copy
    ada.type("after\n")
    await grace.until(lambda: grace.text == expected + "after\n")
    assert ada.text == expected + "after\n"
    await saved(own.files / "a.txt", expected + "after\n")


async def test_a_file_is_saved_at_least_every_five_seconds_while_somebody_types(own: Served) -> None:
    (own.files / "a.txt").write_text("")
    ada = await own.join("ada", "a.txt")
    await ada.until(lambda: ada.doc.get_state() != b"\x00")
    for n in range(65):
        ada.type(f"{n} ")
        await asyncio.sleep(0.1)
        if n == 60:
            assert (own.files / "a.txt").read_text().startswith("0 1 2 ")


async def test_an_edit_made_offline_merges_when_the_client_comes_back(own: Served) -> None:
    (own.files / "a.txt").write_text("one\ntwo\n")
    ada, grace = await own.join("ada", "a.txt"), await own.join("grace", "a.txt")
    await ada.until(lambda: ada.text == grace.text == "one\ntwo\n")
    ada.disconnect()
    ada.type("ada offline\n")
    grace.type("zero\n", at=0)
    await grace.acknowledged()
    await asyncio.to_thread(own.end, signal.SIGKILL)
    await asyncio.to_thread(own.start)
    await ada.connect()
    await grace.connect()
    expected = "zero\none\ntwo\nada offline\n"
    await ada.until(lambda: ada.text == grace.text == expected)
    await saved(own.files / "a.txt", expected)


async def test_a_change_from_outside_merges_with_what_is_being_typed(own: Served) -> None:
    file = own.files / "a.txt"
    file.write_text("one\ntwo\nthree\n")
    ada = await own.join("ada", "a.txt")
    await ada.until(lambda: ada.text == "one\ntwo\nthree\n")
    ada.type("typed\n")
    file.write_text("one\nTWO\nthree\n")
    await ada.until(lambda: ada.text == "one\nTWO\nthree\ntyped\n")
    await saved(file, "one\nTWO\nthree\ntyped\n")


async def test_a_change_from_outside_while_the_server_is_down_merges_with_unsaved_edits(own: Served) -> None:
    file = own.files / "a.ipynb"
    file.write_text(notebook("x = 1", "y = 2"))
    ada = await own.join("ada", "a.ipynb")
    await ada.until(lambda: ada.document.cell_number == 2)
    ada.type_in_cell(0, "  # by Ada")
    await ada.acknowledged()
    await asyncio.to_thread(own.end, signal.SIGKILL)
    file.write_text(notebook("x = 1", "y = 22", "z = 3"))
    await asyncio.to_thread(own.start)
    await ada.connect()
    await ada.until(lambda: ada.document.cell_number == 3)
    expected = ["x = 1  # by Ada", "y = 22", "z = 3"]
    assert [cell["source"] for cell in ada.document.get()["cells"]] == expected
    for _ in range(200):
        if sources(file) == expected:
            break
        await asyncio.sleep(0.05)
    assert sources(file) == expected


async def test_a_kill_between_writing_the_file_and_noting_it_doubles_nothing(own: Served) -> None:
    file = own.files / "a.txt"
    file.write_text("start\n")
    for round_number in range(4):
        ada = await own.join("ada", "a.txt")
        await ada.until(lambda peer=ada: peer.text.startswith("start\n"))
        before = ada.text
        await typed(ada, ["abc", "def\n"])
        await ada.acknowledged()
        save = asyncio.create_task(ada.save())
        await asyncio.sleep(0.002 * round_number)
        await asyncio.to_thread(own.end, signal.SIGKILL)
        save.cancel()
        await asyncio.to_thread(own.start)
        again = await own.join("grace", "a.txt")
        await again.until(lambda peer=again, expected=before + "abcdef\n": peer.text == expected)


@pytest.mark.parametrize("harm", ["deleted", "overwritten", "truncated"])
async def test_a_harmed_store_costs_the_history_and_not_the_document(own: Served, harm: str) -> None:
    file = own.files / "a.txt"
    file.write_text("start\n")
    ada = await own.join("ada", "a.txt")
    await ada.until(lambda: ada.text == "start\n")
    ada.type("saved\n")
    assert await ada.save() == "success"
    await asyncio.to_thread(own.end, signal.SIGKILL)
    for database in (own.state / "rooms").glob("*.sqlite*"):
        if harm == "deleted":
            database.unlink()
        elif harm == "overwritten":
            database.write_bytes(b"\x13" * 5000)
        else:
            database.write_bytes(database.read_bytes()[:3000])
    await asyncio.to_thread(own.start)
    grace = await own.join("grace", "a.txt")
    await grace.until(lambda: grace.text == "start\nsaved\n")
    await ada.connect()  # with a copy of another history: merging it would double the text
    await ada.until(lambda: ada.closed is not None)
    assert ada.closed is not None
    assert ada.closed[0] == 1003
    assert grace.text == "start\nsaved\n"
    grace.type("more\n")
    assert await grace.save() == "success"
    assert file.read_text() == "start\nsaved\nmore\n"


async def test_a_second_server_on_the_folder_is_refused(own: Served) -> None:
    (own.files / "a.txt").write_text("start\n")
    second = own.launch()
    try:
        await asyncio.to_thread(second.join, 40)
        assert second.exitcode not in (0, None)
    finally:
        second.kill()
    assert "another server works on" in own.log.read_text()
    ada = await own.join("ada", "a.txt")
    await ada.until(lambda: ada.text == "start\n")


async def test_a_document_that_becomes_unreadable_is_not_overwritten_and_edits_wait(own: Served) -> None:
    file = own.files / "a.ipynb"
    file.write_text(notebook("x = 1"))
    ada = await own.join("ada", "a.ipynb")
    await ada.until(lambda: ada.document.cell_number == 1)
    conflict = "<<<<<<< HEAD\n" + notebook("x = 2")
    file.write_text(conflict)
    ada.type_in_cell(0, "0")
    await ada.until(lambda: any(told["type"] == "unsaved" for told in ada.raw))
    await ada.acknowledged()
    assert file.read_text() == conflict
    file.write_text(notebook("x = 1", "y = 2"))
    await ada.until(lambda: ada.document.cell_number == 2)
    assert [cell["source"] for cell in ada.document.get()["cells"]] == ["x = 10", "y = 2"]


async def test_line_ends_and_permissions_of_a_file_stay_as_they_are(own: Served) -> None:
    file = own.files / "a.sh"
    file.write_bytes(b"one\r\ntwo\r\n")
    file.chmod(0o750)
    ada = await own.join("ada", "a.sh")
    await ada.until(lambda: ada.text == "one\ntwo\n")
    ada.type("three\n")
    assert await ada.save() == "success"
    assert file.read_bytes() == b"one\r\ntwo\r\nthree\r\n"
    assert file.stat().st_mode & 0o777 == 0o750


async def test_opening_and_closing_a_notebook_does_not_change_its_file(own: Served) -> None:
    file = own.files / "a.ipynb"
    file.write_text(notebook("x = 1") + "\n")
    given = file.read_bytes()
    ada = await own.join("ada", "a.ipynb")
    await ada.until(lambda: ada.document.cell_number == 1)
    ada.disconnect()
    await asyncio.sleep(3)
    assert file.read_bytes() == given


async def test_a_copied_project_opens_with_its_edits(own: Served, tmp_path: Path) -> None:
    (own.files / "a.txt").write_text("start\n")
    ada = await own.join("ada", "a.txt")
    await ada.until(lambda: ada.text == "start\n")
    ada.type("unsaved\n")
    await ada.acknowledged()
    await asyncio.to_thread(own.end, signal.SIGKILL)
    shutil.rmtree(own.state / "runtime", ignore_errors=True)
    moved = tmp_path / "moved"
    own.files.rename(moved)
    moved.rename(own.files)
    await asyncio.to_thread(own.start)
    grace = await own.join("grace", "a.txt")
    await grace.until(lambda: grace.text == "start\nunsaved\n")
