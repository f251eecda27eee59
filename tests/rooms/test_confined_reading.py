"""The service is told a project's past, whatever the project's own code has put in its place."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kernels import ForkServer
from spawner import ConfinedState, isolation_problem
from spawner.confinement import user_id_of
from spawner.local import STATE_READER
from spawner.rooms import confined_reading
from spawner.rooms.talk.store import TalkStore

USER_IDS = [0, pytest.param(1, marks=pytest.mark.skipif(bool(isolation_problem()), reason=isolation_problem() or "-"))]


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    module, _, _function = STATE_READER.partition(":")
    server = ForkServer(preload=[module], target=STATE_READER, runtime_dir=tmp_path_factory.mktemp("run"))
    yield server
    server.stop()


@pytest.fixture(params=USER_IDS, ids=["unconfined", "confined"])
def state_of(request: pytest.FixtureRequest, tmp_path: Path, parent: ForkServer) -> Callable[[str], ConfinedState]:
    """Projects in each of which something happened."""

    def make(name: str) -> ConfinedState:
        files, state = tmp_path / name / "files", tmp_path / name / "state"
        files.mkdir(parents=True)
        (state / "rooms").mkdir(parents=True)
        with closing(TalkStore(state / "rooms" / "talk.db")) as talk:
            talk.note(1.0, "ada", "opened", f"{name}.txt", "")
        return ConfinedState(parent, files, state, None, user_id_of(tmp_path, name) if request.param else 0)

    return make


def test_what_the_state_tells_is_told(state_of: Callable[[str], ConfinedState]) -> None:
    told = state_of("mine").ask("activity", None, 10)
    assert [each["path"] for each in told] == ["mine.txt"]
    with pytest.raises(KeyError, match=r"none\.txt"):
        state_of("other").ask("history", "none.txt")


def test_a_project_in_which_nothing_has_run_has_no_past(parent: ForkServer, tmp_path: Path) -> None:
    new = ConfinedState(parent, tmp_path / "files", tmp_path / "state", None, 0)
    assert new.ask("snapshots") == []
    with pytest.raises(KeyError):
        new.ask("history", "a.txt")


@pytest.mark.parametrize("linked", ["rooms/talk.db", "rooms"])
def test_a_link_does_not_lead_to_somebody_elses(
    state_of: Callable[[str], ConfinedState], tmp_path: Path, linked: str
) -> None:
    state_of("theirs")
    mine = state_of("mine")
    place = tmp_path / "mine" / "state" / linked
    place.rename(place.with_name("kept"))
    place.symlink_to(tmp_path / "theirs" / "state" / linked)
    assert mine.ask("activity", None, 10) == []


def test_a_database_whose_reading_never_ends_holds_nobody_up(
    state_of: Callable[[str], ConfinedState], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confined_reading, "LONGEST_SECONDS", 2.0)
    mine = state_of("mine")
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, i AS path FROM n"
    with closing(sqlite3.connect(tmp_path / "mine" / "state" / "file_id.sqlite")) as database:
        database.execute(f"CREATE VIEW Files AS {endless}")
    with pytest.raises(OSError, match="in time"):
        mine.ask("history", "a.txt")
