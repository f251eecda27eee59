"""Notebooks plant links, pipes and folders where the service looks: it neither reads nor writes anything else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.graph import Confinement, LocalLauncher, Order, Store, no_follow
from pipelines.graph.attempts import (
    Ending,
    known_outcome,
    newest_record,
    prepare,
    progress_in,
    read_ending,
    write_ending,
)
from pipelines.graph.orders import Outcome

SECRET = "the operator's secret"
KEY = "ab" * 32


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of the platform that looks like what an attempt leaves."""
    folder = tmp_path / "platform"
    (folder / "output").mkdir(parents=True)
    for name in ("record.ipynb", "secret", "output/secret"):
        (folder / name).write_text(SECRET)
    write_ending(folder, Ending(Outcome("ok"), {"secret": SECRET}))
    (folder / "progress.json").write_text('{"cell": 1, "of": 2}')
    return folder


@pytest.fixture
def order(tmp_path: Path) -> Order:
    store, attempt = tmp_path / "store", tmp_path / "project" / "runs" / "run" / "step" / "0" / "1-1"
    parts = {"code": "", "cells": [], "parameters": {}, "inputs": {}, "environment": {}, "upstream": {}}
    return Order("run.g1/step/0/1", KEY, parts, "n.ipynb", {}, str(tmp_path), str(attempt), str(store))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def succeed(order: Order) -> Path:
    """Leave what a worker leaves."""
    folder = Path(order.attempt_folder)
    (folder / "output").mkdir(exist_ok=True)
    (folder / "output" / "table.csv").write_text("1,2")
    (folder / "record.ipynb").write_text("{}")
    write_ending(folder, Ending(Outcome("ok"), {"score": 1}))
    return folder


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_result_is_taken_once_and_is_not_the_notebooks_any_more(order: Order, store: Store) -> None:
    prepare(order, store)
    folder = succeed(order)
    assert known_outcome(order, store) == Outcome("ok")
    result = store.find(KEY)
    assert result is not None
    (folder / "record.ipynb").write_text("changed later")
    assert (result.values, result.record.read_text()) == ({"score": 1}, "{}")
    assert (result.output / "table.csv").read_text() == "1,2"
    assert not (folder / "output").exists()
    other = replace(order, execution="other.g1/step/0/1", attempt_folder=str(folder.parent / "other"))
    assert known_outcome(other, store) == Outcome("ok")
    store.forget(KEY)
    assert known_outcome(other, store) is None


@pytest.mark.parametrize("part", ["runs", "runs/run", "runs/run/step/0", "runs/run/step/0/1-1"])
def test_a_link_in_the_way_to_an_attempt_leads_nowhere(
    tmp_path: Path, order: Order, store: Store, outside: Path, part: str
) -> None:
    link = tmp_path / "project" / part
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    before = sorted(outside.rglob("*"))
    with pytest.raises(OSError, match="cannot be used"):
        prepare(order, store)
    assert read_ending(Path(order.attempt_folder)) is None
    assert known_outcome(order, store) is None
    assert progress_in(Path(order.attempt_folder).parent) is None
    assert newest_record(Path(order.attempt_folder).parent) is None
    no_follow.remove_tree(Path(order.attempt_folder))
    no_follow.remove_tree(tmp_path / "project" / "runs" / "run")
    assert sorted(outside.rglob("*")) == before


@pytest.mark.parametrize("name", ["outcome.json", "record.ipynb", "progress.json", "output", "output/table.csv"])
@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "socket-like device"])
def test_what_is_not_a_file_is_not_read(order: Order, store: Store, outside: Path, name: str, kind: str) -> None:
    prepare(order, store)
    planted = succeed(order) / name
    shutil.rmtree(planted) if planted.is_dir() else planted.unlink(missing_ok=True)
    if kind == "link":
        planted.symlink_to(outside / (name if name != "output/table.csv" else "secret"))
    elif kind == "pipe":
        os.mkfifo(planted)
    elif kind == "folder":
        planted.mkdir()
    else:
        planted.symlink_to("/dev/zero")
    assert progress_in(Path(order.attempt_folder).parent) is None
    try:
        outcome = known_outcome(order, store)
    except OSError:
        assert name == "record.ipynb"
    else:
        assert (outcome is None) == (name == "outcome.json")
    assert SECRET.encode() not in everything_in(store.folder)
    if name.startswith("output"):
        found = store.find(KEY)
        assert found is not None
        assert found.files == {} or name == "output"


def test_a_folder_that_is_exchanged_again_and_again_shows_nothing_of_the_platform(
    order: Order, store: Store, outside: Path
) -> None:
    prepare(order, store)
    folder = succeed(order)
    taken = attempts = 0
    with exchanged(folder, outside):
        while attempts < 500 or (not taken and attempts < 50_000):  # the real folder has its turn, too
            attempts += 1
            try:
                taken += known_outcome(order, store) is not None
            except OSError:
                continue
            store.forget(KEY)
    assert taken
    assert SECRET.encode() not in everything_in(store.folder)
    assert (outside / "output" / "secret").read_text() == SECRET


@contextmanager
def exchanged(folder: Path, outside: Path) -> Iterator[None]:
    """A folder and a link to another take turns at one name, as fast as can be."""
    link, away = folder.parent / "link", folder.parent / "away"
    ended = threading.Event()

    def exchange() -> None:
        while not ended.is_set():
            folder.rename(away)
            link.symlink_to(outside)
            link.rename(folder)
            folder.unlink()
            away.rename(folder)

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize(
    "said",
    [
        "",
        "[]",
        "null",
        "[" * 100_000,
        '{"outcome": {"status": "wonderful", "message": "", "error": null}}',
        '{"outcome": {"status": "error", "message": "", "error": {"name": "E", "value": "v", "cell": "x"}}}',
    ],
)
def test_an_outcome_that_makes_no_sense_is_none(order: Order, store: Store, said: str) -> None:
    prepare(order, store)
    (Path(order.attempt_folder) / "outcome.json").write_text(said)
    assert known_outcome(order, store) is None


def test_an_outcome_without_end_is_none(order: Order, store: Store) -> None:
    prepare(order, store)
    with (Path(order.attempt_folder) / "outcome.json").open("wb") as file:
        file.truncate(10 * 1024**3)
    assert known_outcome(order, store) is None


def test_nobody_else_is_killed_in_the_place_of_a_worker(
    order: Order, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.graph.local_launcher._GRACE_SECONDS", 0.2)
    monkeypatch.setattr("pipelines.graph.local_launcher._LONGEST_CANCEL_SECONDS", 0.4)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:
        with store.lock(KEY) as held:
            assert held is not None
            held.write(str(victim.pid).encode())
            held.flush()
            LocalLauncher(store, user_id=os.geteuid() + 1).cancel(order)
        assert victim.poll() is None
        victim.kill()


ATTACKS: dict[str, Callable[[Path, Path], None]] = {
    "link": lambda path, outside: path.symlink_to(outside / "secret"),
    "link to a device": lambda path, _outside: path.symlink_to("/dev/zero"),
    "pipe": lambda path, _outside: os.mkfifo(path),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_pipelines_files_are_opened_in_the_project_only(tmp_path: Path, outside: Path, attack: str) -> None:
    files = tmp_path / "files"
    (files / "data").mkdir(parents=True)
    (files / "data" / "good.csv").write_text("1")
    (files / "data" / "inner.csv").symlink_to("good.csv")
    ATTACKS[attack](files / "data" / "bad.csv", outside)
    (files / "away").symlink_to(outside)
    access = Confinement(files)
    with pytest.raises(OSError, match="no such file in the project"):
        access.open(files / "data" / "bad.csv")
    with access.open(files / "data" / "inner.csv") as file:
        assert file.read() == b"1"
    found = {pattern: [path.name for path in access.glob(files, pattern)] for pattern in ("data/*.csv", "**/*.csv")}
    assert found == {pattern: ["good.csv", "inner.csv"] for pattern in found}
    for pattern in ("away/*", "*/secret", "**/secret", "../platform/*", str(outside / "*")):
        assert list(access.glob(files, pattern)) == []


def test_a_file_that_is_exchanged_after_it_was_checked_is_not_read(tmp_path: Path, outside: Path) -> None:
    files = tmp_path / "files"
    (files / "folder").mkdir(parents=True)
    (files / "folder" / "secret").write_text("the project's own")
    seen = set()
    with exchanged(files / "folder", outside):
        for _attempt in range(500):
            try:
                with Confinement(files).open(files / "folder" / "secret") as file:
                    seen.add(file.read())
            except OSError:
                continue
    assert seen <= {b"the project's own"}
