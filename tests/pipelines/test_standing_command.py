"""`collegium run` in a fork of a process that stands ready does what it does without one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer.main

from hub.cli.app import COMMANDS, make_app

COLLEGIUM = Path(sys.executable).with_name("collegium")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which a process stands ready."""
    folder = tmp_path_factory.mktemp("standing")
    environment = os.environ | {"XDG_CACHE_HOME": str(folder)}
    subprocess.run([sys.executable, "-m", "hub.cli.forked"], env=environment, check=True, timeout=180)
    assert len(list((folder / "collegium").glob("run-*"))) == 1
    return environment


def run(environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COLLEGIUM, "run", *arguments], env=environment, capture_output=True, text=True, timeout=180)


def test_a_run_is_done_by_the_standing_process(environment: dict[str, str], notebooks: Path) -> None:
    done = run(environment, notebooks / "typed_parameters.ipynb", "--help")
    assert done.returncode == 0
    assert "NAME=VALUE" in done.stdout
    here = run(environment | {"COLLEGIUM_STANDING": "0"}, notebooks / "typed_parameters.ipynb", "--help")
    assert here.stdout == done.stdout


def test_exit_status_output_and_messages_come_through(
    environment: dict[str, str], notebooks: Path, tmp_path: Path
) -> None:
    failed = run(environment, notebooks / "fails_in_third_cell.ipynb", "-o", tmp_path / "record.ipynb")
    assert failed.returncode == 1
    assert "Failed in cell" in failed.stderr
    assert (tmp_path / "record.ipynb").exists()
    assert run(environment, tmp_path / "missing.ipynb").returncode == 2
    printed = run(environment, notebooks / "many_cells.ipynb", "-q", "-o", "-")
    assert (printed.returncode, bool(json.loads(printed.stdout)["cells"])) == (0, True)


def test_ctrl_c_ends_the_run(environment: dict[str, str], notebooks: Path, tmp_path: Path) -> None:
    command = [COLLEGIUM, "run", notebooks / "never_ends.ipynb", "-o", tmp_path / "record.ipynb"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 180
    while not (tmp_path / "record.ipynb").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=180) != 0


@pytest.mark.parametrize("command", [name for names in COMMANDS.values() for name in names])
def test_a_command_that_is_imported_alone_is_in_its_module(command: str) -> None:
    assert command in typer.main.get_command(make_app(command)).commands  # type: ignore[attr-defined]
    assert command in typer.main.get_command(make_app()).commands  # type: ignore[attr-defined]
