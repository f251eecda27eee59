"""All files of a project can be visited and brought back, at a cost that does not grow with their size."""

from __future__ import annotations

import asyncio
import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.rooms.snapshots.browse import folder, search
from spawner.rooms.snapshots.retention import Keep, kept
from spawner.rooms.snapshots.store import PIECE_BYTES, Limits, SnapshotStore
from tests.rooms.peers import Served
from tests.rooms.test_execution import call

DAY = 86_400.0
NOW = 1_790_000_000.0


def store_of(tmp_path: Path, keep: Keep | None = None) -> tuple[SnapshotStore, Path]:
    root = tmp_path / "files"
    (root / "data").mkdir(parents=True)
    (root / "a.txt").write_text("one")
    (root / "data" / "b.csv").write_text("1,2")
    (root / "link").symlink_to("a.txt")
    return SnapshotStore(tmp_path / "snapshots", keep), root


def bytes_kept(tmp_path: Path) -> int:
    return sum(path.stat().st_size for path in (tmp_path / "snapshots" / "pieces").rglob("*") if path.is_file())


def test_every_state_comes_back_as_it_was(tmp_path: Path) -> None:
    store, root = store_of(tmp_path)
    (root / "run.sh").write_text("x")
    (root / "run.sh").chmod(0o750)
    first = store.take(root, NOW, "timer")
    assert first is not None
    (root / "a.txt").write_text("two")
    (root / "data" / "b.csv").unlink()
    (root / "run.sh").unlink()
    (root / "link").unlink()
    (root / "new.txt").write_text("stays")
    store.take(root, NOW + 1, "timer")
    done, failed = store.restore(first.id, root, None)
    assert sorted(done) == ["a.txt", "data/b.csv", "link", "run.sh"]
    assert failed == {}
    assert (root / "a.txt").read_text() == "one"
    assert (root / "data" / "b.csv").read_text() == "1,2"
    assert str((root / "link").readlink()) == "a.txt"
    assert (root / "run.sh").stat().st_mode & 0o777 == 0o750
    assert (root / "new.txt").read_text() == "stays"


def test_nothing_new_makes_no_snapshot_and_what_is_excluded_or_too_large_is_left_out(tmp_path: Path) -> None:
    store, root = store_of(tmp_path)
    (root / ".venv").mkdir()
    (root / ".venv" / "x").write_text("x")
    (root / "big.bin").write_bytes(bytes(2000))
    limits = Limits(file_bytes=1000)
    first = store.take(root, NOW, "timer", limits=limits)
    assert first is not None
    assert first.skipped == ("big.bin",)
    assert sorted(store.files(first.id)) == ["a.txt", "data/b.csv", "link"]
    assert store.take(root, NOW + 1, "timer", limits=limits) is None
    assert store.take(root, NOW + 2, "asked", limits=limits) is not None


def test_a_large_file_that_grows_costs_what_was_added(tmp_path: Path) -> None:
    store, root = store_of(tmp_path)
    with (root / "log").open("wb") as file:
        file.write(os.urandom(3 * PIECE_BYTES))
    store.take(root, NOW, "timer")
    before = bytes_kept(tmp_path)
    with (root / "log").open("ab") as file:
        file.write(b"one more line\n")
    second = store.take(root, NOW + 1, "timer")
    assert second is not None
    assert bytes_kept(tmp_path) - before < 1000
    assert b"".join(store.content(store.files(second.id)["log"])) == (root / "log").read_bytes()


def test_old_snapshots_go_with_their_contents_and_damage_is_noticed(tmp_path: Path) -> None:
    store, root = store_of(tmp_path, Keep(2, 0, 0, 0))
    for number in range(5):
        (root / "a.txt").write_text(f"state {number} " + "x" * 1000)
        store.take(root, NOW + number, "timer")
    found = store.all()
    assert len(found) == 2
    pieces = list((tmp_path / "snapshots" / "pieces").rglob("*"))
    assert sum(path.is_file() for path in pieces) == 3
    entry = store.files(found[0].id)["a.txt"]
    piece = next(path for path in pieces if path.is_file() and path.parent.name + path.name == entry.pieces[0])
    piece.write_bytes(zlib.compress(b"forged"))
    done, failed = store.restore(found[0].id, root, ["a.txt"])
    assert (done, list(failed)) == ([], ["a.txt"])
    assert (root / "a.txt").read_text().startswith("state 4")


def test_a_restore_never_leaves_the_project(tmp_path: Path) -> None:
    store, root = store_of(tmp_path)
    first = store.take(root, NOW, "timer")
    assert first is not None
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "data" / "b.csv").unlink()
    (root / "data").rmdir()
    (root / "data").symlink_to(outside)
    _, failed = store.restore(first.id, root, ["data"])
    assert list(failed) == ["data/b.csv"]
    assert list(outside.iterdir()) == []


def test_folders_are_browsed_and_versions_found(tmp_path: Path) -> None:
    store, root = store_of(tmp_path)
    store.take(root, NOW, "timer")
    (root / "data" / "b.csv").write_text("1,2,3")
    last = store.take(root, NOW + 1, "timer")
    assert last is not None
    entries = folder(store.files(last.id), "")
    assert [(each["name"], each["type"]) for each in entries] == [
        ("data", "folder"),
        ("a.txt", "file"),
        ("link", "file"),
    ]
    assert [each["name"] for each in folder(store.files(last.id), "data")] == ["b.csv"]
    with pytest.raises(KeyError):
        folder(store.files(last.id), "none")
    assert [len(each["versions"]) for each in search(store, "B.CSV", 10)] == [2]  # type: ignore[arg-type]


def test_by_default_24_newest_14_days_7_weeks_4_months_are_kept() -> None:
    hourly = [(number, NOW - number * 3600) for number in range(24 * 200)]
    found = kept(hourly, Keep())
    counts = {
        kind: sum(kind in kinds for kinds in found.values()) for kind in ("frequent", "daily", "weekly", "monthly")
    }
    assert counts == {"frequent": 24, "daily": 14, "weekly": 7, "monthly": 4}
    assert max(NOW - at for number, at in hourly if number in found) > 80 * DAY


@given(st.lists(st.floats(NOW - 400 * DAY, NOW), max_size=60))
def test_the_newest_is_always_kept_and_thinning_twice_changes_nothing(times: list[float]) -> None:
    snapshots = list(enumerate(times))
    found = kept(snapshots, Keep(3, 2, 2, 2))
    if snapshots:
        assert max(snapshots, key=lambda each: (each[1], each[0]))[0] in found
    assert len(found) <= 9
    assert kept([each for each in snapshots if each[0] in found], Keep(3, 2, 2, 2)).keys() == found.keys()


async def test_over_http_an_open_document_takes_over_what_is_restored(served: Served) -> None:
    served.set_roles(ada="owner", grace="editor", vera="viewer")
    (served.files / "doc.txt").write_text("first\n")

    async def ask(name: str, method: str, path: str, **given: object) -> object:
        answer = await asyncio.to_thread(call, served, name, method, f"collaboration/snapshots{path}", **given)
        return answer.json() if answer.status_code < 300 and "json" in answer.headers["Content-Type"] else answer

    assert (await ask("vera", "POST", "")).status_code == 403  # type: ignore[attr-defined]
    taken = await ask("ada", "POST", "")
    assert isinstance(taken, dict)
    ada = await served.join("ada", "doc.txt")
    await ada.until(lambda: ada.text == "first\n")
    ada.type("second\n")
    await ada.acknowledged()
    assert await ada.save() == "success"
    body = {"paths": ["doc.txt"]}
    refused = await ask("vera", "POST", f"/{taken['id']}/restore", json=body)
    assert refused.status_code == 403  # type: ignore[attr-defined]
    told = await ask("ada", "POST", f"/{taken['id']}/restore", json=body)
    assert isinstance(told, dict)
    assert told["restored"] == ["doc.txt"]
    await ada.until(lambda: ada.text == "first\n")
    before = await ask("vera", "GET", f"/{told['snapshot']}/file/doc.txt")
    assert before.text == "first\nsecond\n"  # type: ignore[attr-defined]
    listed = await ask("vera", "GET", "")
    assert isinstance(listed, dict)
    assert [each["id"] for each in listed["snapshots"]] == [told["snapshot"], taken["id"]]
    found = await ask("vera", "GET", "/search", params={"query": "doc"})
    assert isinstance(found, dict)
    assert len(found["found"][0]["versions"]) == 2
    outside = await ask("ada", "POST", f"/{taken['id']}/restore", json={"paths": None, "to": "../x"})
    assert outside.status_code == 400  # type: ignore[attr-defined]
