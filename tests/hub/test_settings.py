"""Settings: where values come from, and what a wrong one is answered with."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.settings import Settings, SettingsError, load


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"COLLEGIUM_{name.upper()}", raising=False)
    monkeypatch.delenv("COLLEGIUM_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_file_every_value_is_a_default_and_only_loopback_is_listened_on() -> None:
    loaded = load()
    assert loaded.settings.host == "127.0.0.1"
    assert set(loaded.sources.values()) == {"default"}


def test_the_file_of_this_folder_is_read_and_each_value_knows_its_line(empty_folder: Path) -> None:
    (empty_folder / "collegium.toml").write_text('# our site\nport = 8200\n\nadmin = "ada"\n')
    loaded = load()
    assert (loaded.settings.port, loaded.settings.admin) == (8200, "ada")
    assert loaded.sources["admin"].endswith("collegium.toml:4")


def test_the_environment_wins_over_the_file(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (empty_folder / "collegium.toml").write_text("port = 8200\n")
    monkeypatch.setenv("COLLEGIUM_PORT", "8300")
    loaded = load()
    assert loaded.settings.port == 8300
    assert loaded.sources["port"] == "environment COLLEGIUM_PORT"


def test_the_public_address_follows_from_host_and_port_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLEGIUM_PORT", "8300")
    assert load().settings.public_url == "http://127.0.0.1:8300/"
    monkeypatch.setenv("COLLEGIUM_PUBLIC_URL", "https://notebooks.example.org")
    assert load().settings.public_url == "https://notebooks.example.org/"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("port = 99999\n", ["collegium.toml:1", "port", "65535"]),
        ('\nlog_level = "loud"\n', ["collegium.toml:2", "'debug', 'info', 'warning' or 'error'"]),
        ("hots = 1\n", ["collegium.toml:1", "hots", "host"]),
        ("port = = 1\n", ["not valid TOML", "line 1"]),
    ],
)
def test_a_wrong_file_is_answered_with_the_line_and_what_is_allowed(
    empty_folder: Path, text: str, expected: list[str]
) -> None:
    (empty_folder / "collegium.toml").write_text(text)
    with pytest.raises(SettingsError) as error:
        load()
    assert all(part in str(error.value) for part in expected), str(error.value)


def test_a_wrong_variable_is_answered_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLEGIUM_PORT", "http")
    with pytest.raises(SettingsError, match="COLLEGIUM_PORT"):
        load()


def test_a_named_file_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLEGIUM_CONFIG", "nowhere.toml")
    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        load()
