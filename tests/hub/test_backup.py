"""An installation is backed up while it runs, destroyed, and comes back whole; a damaged backup changes nothing."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url

from hub import backup
from hub.backup import BackupError, make_backup
from hub.blobs import open_store
from hub.data import users
from hub.data.engine import Database
from hub.restore import restore_backup
from hub.settings import Settings
from tests.object_store import BUCKET, object_store
from tests.platform_under_test import PlatformUnderTest
from tests.postgresql import PostgreSql

CONTENT = b"what a student handed in"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation with a database, a blob, a secret and a project's files, some of them odd."""
    settings = Settings(data_dir=tmp_path / "data")
    fill(settings)
    return settings


def fill(settings: Settings) -> None:
    settings.data_dir.mkdir(mode=0o700)
    database = Database(settings.database_url)
    database.migrate()
    database.close()
    open_store(settings.blob_store, settings.s3_endpoint_url).put(CONTENT)
    (settings.data_dir / "secrets").mkdir(mode=0o700)
    (settings.data_dir / "secrets" / "cookie").write_text("very secret")
    project = settings.projects_dir / "p1"
    (project / "empty folder").mkdir(parents=True)
    (project / "Übung “1”.ipynb").write_text("{}")
    (project / "script.sh").write_text("#!/bin/sh\n")
    (project / "script.sh").chmod(0o750)
    (project / "looks-like.sqlite").write_bytes(b"SQLite format 3\0 but is none")
    (project / "outside").symlink_to("/etc/passwd")
    (project / "loop").symlink_to(".")
    settings.run_dir.mkdir()
    (settings.run_dir / "ports.json").write_text("{}")


def picture(folder: Path) -> dict[str, tuple[int, bytes | str]]:
    """Return every path with its mode and content; databases by what they say."""
    found: dict[str, tuple[int, bytes | str]] = {}
    for path in sorted(folder.rglob("*")):
        name, mode = str(path.relative_to(folder)), path.lstat().st_mode
        if name.split("/")[0] in ("run", "logs") or name.endswith(("-wal", "-shm")):
            continue
        if path.is_symlink():
            found[name] = (mode, str(path.readlink()))
        elif path.is_dir():
            found[name] = (mode, "")
        elif name.endswith("collegium.sqlite"):
            with closing(sqlite3.connect(path)) as database:
                found[name] = (mode, "\n".join(database.iterdump()))
        else:
            found[name] = (mode, path.read_bytes())
    return found


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz"])
def test_what_was_backed_up_comes_back_as_it_was(settings: Settings, tmp_path: Path, suffix: str) -> None:
    before = picture(settings.data_dir)
    archive = tmp_path / f"backup{suffix}"
    make_backup(settings, archive)
    assert archive.stat().st_mode & 0o077 == 0
    shutil.rmtree(settings.data_dir)
    restore_backup(settings, archive)
    assert picture(settings.data_dir) == before


def test_sockets_and_pipes_are_named_as_left_out(settings: Settings, tmp_path: Path) -> None:
    os.mkfifo(settings.projects_dir / "p1" / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(settings.projects_dir / "p1")  # the path of a socket may be 107 bytes long
        listener.bind("socket")
        os.chdir(here)
        manifest = make_backup(settings, tmp_path / "backup.tar")
    assert manifest.left_out == ["data/projects/p1/pipe", "data/projects/p1/socket"]


def leave_a_journal(database: Path) -> None:
    """Have a program killed in the middle of a transaction, which its journal takes back at the next opening."""
    program = f"""
import os, sqlite3
database = sqlite3.connect({str(database)!r})
database.execute("create table results (value)")
database.execute("insert into results values ('kept')")
database.commit()
database.execute("pragma cache_size = 1")
database.execute("update results set value = 'half done'")
database.executemany("insert into results values (?)", (("x" * 4000,) for _ in range(200)))
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    assert database.with_name(f"{database.name}-journal").stat().st_size


def values(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [value for (value,) in connection.execute("select value from results")]


def test_a_project_s_unfinished_database_is_kept_with_its_journal_and_not_touched(
    settings: Settings, tmp_path: Path
) -> None:
    results = settings.projects_dir / "p1" / "results.sqlite"
    leave_a_journal(results)
    before = picture(settings.data_dir)
    manifest = make_backup(settings, tmp_path / "backup.tar")
    assert manifest.as_files == ["data/projects/p1/results.sqlite"]
    assert picture(settings.data_dir) == before, "what somebody's journal says was carried out by the platform"
    shutil.rmtree(settings.data_dir)
    restore_backup(settings, tmp_path / "backup.tar")
    assert values(results) == ["kept"]


def test_a_project_s_database_that_is_being_written_comes_as_of_one_moment(settings: Settings, tmp_path: Path) -> None:
    results = settings.projects_dir / "p1" / "results.sqlite"
    with closing(sqlite3.connect(results)) as database:
        database.execute("pragma journal_mode = wal")
        database.execute("create table results (value)")
        database.execute("insert into results values ('only in the log so far')")
        database.commit()
        database.execute("insert into results values ('not committed')")
        make_backup(settings, tmp_path / "backup.tar")
    shutil.rmtree(settings.data_dir)
    restore_backup(settings, tmp_path / "backup.tar")
    assert values(results) == ["only in the log so far"]


def test_a_locked_database_of_a_project_does_not_hold_the_backup_up(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "LOCKED_SECONDS", 0.1)
    results = settings.projects_dir / "p1" / "results.sqlite"
    with closing(sqlite3.connect(results)) as database:
        database.execute("create table results (value)")
        database.execute("insert into results values ('kept')")
        database.commit()
        database.execute("begin exclusive")
        make_backup(settings, tmp_path / "backup.tar")
    shutil.rmtree(settings.data_dir)
    restore_backup(settings, tmp_path / "backup.tar")
    assert values(results) == ["kept"]


def test_no_backup_is_made_without_the_platform_s_own_database(settings: Settings, tmp_path: Path) -> None:
    (settings.data_dir / "collegium.sqlite").write_bytes(b"SQLite format 3\0 and then nothing that makes sense")
    with pytest.raises(BackupError, match=r"collegium\.sqlite cannot be copied"):
        make_backup(settings, tmp_path / "backup.tar")
    assert not list(tmp_path.glob("*backup*"))


def test_an_installation_that_is_there_is_only_replaced_when_asked_and_then_kept(
    settings: Settings, tmp_path: Path
) -> None:
    make_backup(settings, tmp_path / "backup.tar")
    (settings.projects_dir / "p1" / "newer.txt").write_text("made after the backup")
    with pytest.raises(BackupError, match="not empty"):
        restore_backup(settings, tmp_path / "backup.tar")
    restore_backup(settings, tmp_path / "backup.tar", replace=True)
    assert not (settings.projects_dir / "p1" / "newer.txt").exists()
    (aside,) = tmp_path.glob("data.before-*")
    assert (aside / "projects" / "p1" / "newer.txt").read_text() == "made after the backup"


def cut_off(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])


def flip_a_bit(archive: Path) -> None:
    content = archive.read_bytes()
    assert content.count(CONTENT) == 1
    archive.write_bytes(content.replace(CONTENT, CONTENT.swapcase()))


def add_member(archive: Path, member: tarfile.TarInfo, content: bytes = b"") -> None:
    member.size = len(content)
    with tarfile.open(archive, "a") as tar:
        tar.addfile(member, io.BytesIO(content))


def climb(archive: Path) -> None:
    add_member(archive, tarfile.TarInfo("data/../../escaped"), b"out")


def absolute(archive: Path) -> None:
    add_member(archive, tarfile.TarInfo("/tmp/collegium-escaped"), b"out")


def write_through_a_link(archive: Path) -> None:
    link = tarfile.TarInfo("data/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/tmp"
    add_member(archive, link)
    add_member(archive, tarfile.TarInfo("data/link/collegium-escaped"), b"out")


def add_a_file(archive: Path) -> None:
    add_member(archive, tarfile.TarInfo("data/secrets/operator"), b"known to the attacker")


def another_format(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        manifest = json.loads(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
    archive.write_bytes(archive.read_bytes().replace(b'"format": 1', b'"format": 9'))
    assert manifest["format"] == 1


def nothing_like_it(archive: Path) -> None:
    archive.write_bytes(b"no archive at all")


@pytest.mark.parametrize(
    "damage",
    [cut_off, flip_a_bit, climb, absolute, write_through_a_link, add_a_file, another_format, nothing_like_it],
)
def test_a_damaged_backup_changes_nothing(settings: Settings, tmp_path: Path, damage: object) -> None:
    archive = tmp_path / "backup.tar"
    make_backup(settings, archive)
    damage(archive)  # type: ignore[operator]
    before = picture(settings.data_dir)
    with pytest.raises(BackupError):
        restore_backup(settings, archive, replace=True)
    assert picture(settings.data_dir) == before
    assert {p.name for p in tmp_path.iterdir()} == {"data", "backup.tar"}
    assert not Path("/tmp/collegium-escaped").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("backup.zip", "tar.gz"),
        ("data/backup.tar", "somewhere else"),
        ("there.tar", "already"),
        ("no/b.tar", "written"),
    ],
)
def test_a_backup_that_cannot_be_made_says_why_and_leaves_nothing(
    settings: Settings, tmp_path: Path, name: str, words: str
) -> None:
    (tmp_path / "there.tar").write_text("older")
    with pytest.raises(BackupError, match=words):
        make_backup(settings, tmp_path / name)
    assert {p.name for p in tmp_path.iterdir()} == {"data", "there.tar"}


def test_postgresql_and_an_object_store_come_back_too(
    tmp_path: Path, postgresql_server: PostgreSql, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "objects").mkdir()
    with object_store(tmp_path / "objects") as store:
        for key, value in store.env.items():
            monkeypatch.setenv(key, value)
        first, second = (postgresql_server.url(postgresql_server.new_database()) for _ in range(2))
        common = {"data_dir": tmp_path / "data", "s3_endpoint_url": store.url}
        old = Settings(**common, database_url=first, blob_store=f"s3://{BUCKET}/old")  # type: ignore[arg-type]
        fill(old)
        manifest = make_backup(old, tmp_path / "backup.tar.gz")
        assert "database.dump" in manifest.files
        shutil.rmtree(old.data_dir)

        new = Settings(**common, database_url=second, blob_store=f"s3://{BUCKET}/new")  # type: ignore[arg-type]
        restore_backup(new, tmp_path / "backup.tar.gz")
        blobs = open_store(new.blob_store, new.s3_endpoint_url)
        assert [blobs.get(digest) for digest in blobs.digests()] == [CONTENT]
    for url in (first, second):
        database = Database(make_url(url).render_as_string(hide_password=False))
        database.migrate()  # finds everything made already
        assert database.read(users.page, None, 10) == []
        database.close()


def listed(client: httpx.Client) -> set[str]:
    """Return the ids of all projects, however many pages they fill."""
    found: set[str] = set()
    cursor = None
    while True:
        page = client.get("/projects", params={"limit": 200} | ({"cursor": cursor} if cursor else {}))
        body = page.raise_for_status().json()
        found |= {project["id"] for project in body["items"]}
        if (cursor := body["next_cursor"]) is None:
            return found


def test_a_running_platform_is_backed_up_destroyed_and_restored(
    own_platform: PlatformUnderTest, tmp_path: Path
) -> None:
    own_platform.start()
    client = own_platform.client("ada")
    acknowledged: list[str] = []
    stop = threading.Event()

    def keep_writing() -> None:
        while not stop.wait(0.05):
            answer = client.post("/projects", json={"name": f"Project {len(acknowledged)}"})
            if answer.status_code == 201:
                acknowledged.append(answer.json()["id"])

    writer = threading.Thread(target=keep_writing)
    writer.start()
    while len(acknowledged) < 5:
        assert writer.is_alive()
        time.sleep(0.05)
    folder = own_platform.data_dir / "projects" / acknowledged[0]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "notes.md").write_text("# Kept")
    before = list(acknowledged)
    own_platform.collegium("backup", str(tmp_path / "backup.tar.gz"))
    stop.set()
    writer.join()

    refused = own_platform.collegium("restore", str(tmp_path / "backup.tar.gz"), check=False)
    assert refused.returncode == 1
    assert "collegium down" in refused.stderr
    own_platform.collegium("down")
    shutil.rmtree(own_platform.data_dir)
    own_platform.collegium("restore", str(tmp_path / "backup.tar.gz"))
    own_platform.start()
    own_platform.users.add("ada")
    assert set(before) <= listed(own_platform.client("ada"))
    assert (folder / "notes.md").read_text() == "# Kept"
