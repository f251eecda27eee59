"""The `collegium` command: starting, stopping, and what bad circumstances are answered with."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from tests.platform_under_test import COLLEGIUM, PlatformUnderTest, free_port


def test_up_status_and_down_and_nothing_is_left(own_platform: PlatformUnderTest) -> None:
    before = json.loads(own_platform.collegium("status", "--json", check=False).stdout)
    assert (before["running"], before["ready"]) == (False, False)

    up = own_platform.collegium("up", "--detach")
    assert f"{own_platform.url}/hub/sign-in?link=" in up.stdout
    status = json.loads(own_platform.collegium("status", "--json").stdout)
    assert status["ready"]
    assert status["url"] == own_platform.url + "/"
    assert status["parts"] == {"proxy": True, "hub": True, "service": True}

    client = own_platform.client("admin")
    project = client.post("/projects", json={"name": "P"}).json()["id"]
    assert client.post(f"/projects/{project}/server").status_code == 202
    wait_for_state(own_platform, client, project, "running")
    assert len(own_platform.processes()) >= 5

    assert own_platform.collegium("down").stdout.strip() == "Stopped."
    assert [process.cmdline() for process in own_platform.processes()] == []
    assert own_platform.collegium("down").stdout.strip() == "Collegium was not running."


def wait_for_state(platform: PlatformUnderTest, client: object, project: str, state: str) -> None:
    deadline = time.monotonic() + 180
    while client.get(f"/projects/{project}/server").json()["state"] != state:  # type: ignore[attr-defined]
        assert time.monotonic() < deadline, f"the server is not {state}"
        time.sleep(0.2)


def test_secrets_and_data_are_closed_to_other_users(platform: PlatformUnderTest) -> None:
    platform.client("admin").post("/projects", json={"name": "P"})
    assert stat.S_IMODE(platform.data_dir.stat().st_mode) == 0o700
    secrets = list((platform.data_dir / "secrets").iterdir())
    assert {secret.name for secret in secrets} >= {"cookie", "metrics", "operator", "proxy", "service"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    command_lines = " ".join(" ".join(p.cmdline()) for p in platform.processes())
    assert not any(path.read_text() in command_lines for path in secrets)


def test_a_second_up_says_that_one_runs_and_leaves_it_alone(platform: PlatformUnderTest) -> None:
    for arguments in (("up",), ("up", "--detach")):
        second = platform.collegium(*arguments, check=False)
        assert second.returncode == 1
        assert f"runs already at {platform.url}" in second.stderr
    assert json.loads(platform.collegium("status", "--json").stdout)["ready"]


@pytest.mark.parametrize("arguments", [("up",), ("up", "--detach")])
def test_a_port_in_use_is_named_with_its_user_and_nothing_is_started(
    own_platform: PlatformUnderTest, arguments: tuple[str, ...]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", own_platform.port))
        other.listen()
        answer = own_platform.collegium(*arguments, check=False)
    assert answer.returncode == 1
    assert f"Port {own_platform.port}" in answer.stderr
    assert f"process {os.getpid()}" in answer.stderr
    assert own_platform.processes() == []


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    platform = PlatformUnderTest(tmp_path / "file" / "data", free_port())
    answer = platform.collegium("up", check=False)
    assert answer.returncode == 1
    assert str(platform.data_dir) in answer.stderr
    assert "COLLEGIUM_DATA_DIR" in answer.stderr


def test_a_wrong_setting_is_named_by_every_command(own_platform: PlatformUnderTest) -> None:
    for command in ("up", "status", "config", "down"):
        answer = own_platform.collegium(command, check=False, COLLEGIUM_LOG_LEVEL="loud")
        assert answer.returncode == 1
        assert "COLLEGIUM_LOG_LEVEL" in answer.stderr
        assert "warning" in answer.stderr
        assert "Traceback" not in answer.stderr


def test_config_shows_every_value_with_its_source(own_platform: PlatformUnderTest) -> None:
    out = own_platform.collegium("config").stdout
    assert "COLLEGIUM_PORT" in out
    assert "default" in out
    assert str(own_platform.port) in out


def test_ctrl_c_while_it_starts_leaves_nothing(own_platform: PlatformUnderTest) -> None:
    process = subprocess.Popen([*COLLEGIUM, "up"], env=own_platform.env, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 180
    while len(own_platform.processes()) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.wait(180)
    assert own_platform.processes() == []
    own_platform.start()  # and the next start is a normal one
    assert json.loads(own_platform.collegium("status", "--json").stdout)["ready"]


def test_commands_on_accounts_say_when_nothing_runs(own_platform: PlatformUnderTest) -> None:
    answer = own_platform.collegium("user", "add", "ada", check=False)
    assert answer.returncode == 1
    assert "collegium up" in answer.stderr


def test_projects_are_listed_shown_shared_and_stopped(platform: PlatformUnderTest) -> None:
    platform.add_user("mila")
    project = platform.client("ada").post("/projects", json={"name": "Listed by the operator"}).json()["id"]
    assert project in platform.collegium("project", "list", "--search", "operator").stdout
    assert project not in platform.collegium("project", "list", "--search", "nothing like it").stdout
    platform.collegium("project", "member", project, "mila", "viewer")
    assert "viewer  mila" in platform.collegium("project", "show", project).stdout
    assert platform.client("mila").get(f"/projects/{project}").json()["role"] == "viewer"
    assert "stopped" in platform.collegium("project", "stop", project).stdout
    unknown = platform.collegium("project", "show", "nothere", check=False)
    assert unknown.returncode == 1
    assert "nothere" in unknown.stderr


def test_accounts_are_added_listed_and_deactivated(platform: PlatformUnderTest) -> None:
    added = platform.collegium("user", "add", "mary", "--display-name", "Mary Somerville")
    assert "/hub/sign-in?link=" in added.stdout
    assert "Mary Somerville" in platform.collegium("user", "list").stdout
    again = platform.collegium("user", "add", "mary", check=False)
    assert "taken" in again.stderr
    assert platform.collegium("user", "add", "../x", check=False).returncode == 1
    platform.collegium("user", "deactivate", "mary")
    platform.collegium("user", "activate", "mary")
