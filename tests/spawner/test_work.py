"""What counts as work, what is measured, and how sizes and quotas combine."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.data.quotas import Limits, combine
from spawner.size import Size
from spawner.work import Meter, last_work

LONG_AGO = 1_000_000_000.0


def server(root: Path, state: str = "idle", terminals: dict[str, object] | None = None) -> SimpleNamespace:
    kernel = SimpleNamespace(last_activity=datetime.fromtimestamp(LONG_AGO + 50, UTC))
    manager = SimpleNamespace(
        list_kernels=lambda: [{"id": "k", "execution_state": state}], get_kernel=lambda _id: kernel
    )
    settings = {"terminal_manager": SimpleNamespace(terminals=terminals or {})}
    return SimpleNamespace(
        kernel_manager=manager,
        web_app=SimpleNamespace(settings=settings),
        contents_manager=SimpleNamespace(root_dir=str(root)),
    )


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root, rooms = tmp_path / "files", tmp_path / "state" / "rooms"
    root.mkdir()
    rooms.mkdir(parents=True)
    (rooms / "document").write_text("x")
    for path in (rooms / "document", root):
        os.utime(path, (LONG_AGO, LONG_AGO))
    monkeypatch.setenv("COLLEGIUM_STATE_DIR", str(tmp_path / "state"))
    return root


@pytest.mark.parametrize("state", ["busy", "starting", "restarting"])
def test_a_kernel_that_runs_something_is_work_without_end(root: Path, state: str) -> None:
    assert last_work(server(root, state)) is None


def test_the_last_output_an_edit_and_a_changed_folder_are_work(root: Path, tmp_path: Path) -> None:
    assert last_work(server(root)) == LONG_AGO + 50
    os.utime(tmp_path / "state" / "rooms" / "document", (LONG_AGO + 60, LONG_AGO + 60))
    assert last_work(server(root)) == LONG_AGO + 60
    os.utime(root, (LONG_AGO + 70, LONG_AGO + 70))
    assert last_work(server(root)) == LONG_AGO + 70


def test_a_program_in_a_terminal_is_work_and_a_waiting_shell_is_none(root: Path) -> None:
    ptyprocess = pytest.importorskip("ptyprocess")
    shell = ptyprocess.PtyProcess.spawn(["bash", "--norc", "-i"])
    try:
        terminals = {"1": SimpleNamespace(ptyproc=shell)}
        time.sleep(1)
        assert last_work(server(root, terminals=terminals)) == LONG_AGO + 50
        shell.write(b"sleep 60\n")
        deadline = time.monotonic() + 180
        while last_work(server(root, terminals=terminals)) is not None:
            assert time.monotonic() < deadline, "the program was not seen"
            time.sleep(0.1)
    finally:
        shell.terminate(force=True)


def test_what_is_used_is_measured_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1000)
    meter = Meter(tmp_path)
    meter.measure()
    spent = meter.cpu_seconds
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    meter.measure(gpus=2)
    assert 0.2 < meter.cpu_seconds - spent < 2
    report = meter.report()
    assert report["storage_bytes"] == 1000
    assert meter.gpu_seconds > 0
    assert meter.memory_byte_seconds > 0
    meter.forget(report)
    assert meter.cpu_seconds == pytest.approx(0)


def test_a_profile_becomes_the_size_of_a_server() -> None:
    size = Size.from_options({"memory_gb": 2, "cpus": 1.5, "gpus": 1, "idle_minutes": 3})
    assert size == Size(2_000_000_000, 1.5, 1, 180.0)
    assert size.environment()["COLLEGIUM_IDLE_SECONDS"] == "180.0"
    assert Size.from_options({}) == Size()


limits = st.builds(Limits, running_servers=st.none() | st.integers(0, 9), profiles=st.none() | st.frozensets(st.text()))


@given(limits, st.lists(limits, max_size=3), limits)
def test_ones_own_rule_wins_then_the_most_generous_group_then_everybodys(
    everybody: Limits, groups: list[Limits], own: Limits
) -> None:
    found = combine(everybody, groups, own)
    counts = [g.running_servers for g in groups if g.running_servers is not None]
    expected = (
        own.running_servers if own.running_servers is not None else max(counts, default=everybody.running_servers)
    )
    assert found.running_servers == expected
    if own.profiles is None and all(g.profiles is None for g in groups):
        assert found.profiles == everybody.profiles
