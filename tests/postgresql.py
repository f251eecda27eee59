"""A real PostgreSQL for the tests, from the distribution's package, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg

from tests.platform_under_test import free_port

SERVER_USER = "postgres"  # PostgreSQL refuses to run as root; the package has made this user
_numbers = count()


@dataclass(frozen=True)
class PostgreSql:
    """A running database server."""

    folder: Path
    port: int

    def url(self, name: str) -> str:
        """Return SQLAlchemy's address of a database."""
        return f"postgresql+psycopg://{SERVER_USER}@127.0.0.1:{self.port}/{name}"

    def new_database(self, template: str = "template1") -> str:
        """Make a database, empty or a copy of another, and return its name."""
        name = f"test_{next(_numbers)}"
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"'.encode())
        return name

    def end_connections(self, name: str) -> int:
        """Cut every connection to a database, as a restart of the server would; return how many there were."""
        others = "datname = %s AND pid <> pg_backend_pid()"
        ask = f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {others}"
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            row = connection.execute(ask, (name,)).fetchone()
        return 0 if row is None else int(row[0])

    def backends(self, name: str) -> list[int]:
        """Return the processes that serve connections to a database."""
        ask = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            return [int(pid) for (pid,) in connection.execute(ask, (name,)).fetchall()]

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        self._run(
            "pg_ctl",
            "start",
            "--wait",
            "--silent",
            "-D",
            self.folder / "data",
            "-o",
            options,
            "-l",
            self.folder / "log",
        )

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "stop", "--wait", "--silent", "-D", self.folder / "data", "-m", mode)

    def make(self) -> None:
        """Initialise the folder."""
        if os.geteuid() == 0:
            shutil.chown(self.folder, SERVER_USER)
        self._run(
            "initdb", "-D", self.folder / "data", "-U", SERVER_USER, "--auth=trust", "--encoding=UTF8", "--no-sync"
        )

    @property
    def _conninfo(self) -> str:
        return f"host=127.0.0.1 port={self.port} user={SERVER_USER} dbname=postgres"

    def _run(self, program: str, *args: str | Path) -> None:
        command = [str(program_path(program)), *map(str, args)]
        user = SERVER_USER if os.geteuid() == 0 else None
        done = subprocess.run(
            command, cwd="/", user=user, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert done.returncode == 0, done.stdout.decode(errors="replace")


def program_path(name: str) -> Path:
    """Return where a program of the newest installed PostgreSQL is; Debian keeps them out of PATH."""
    if found := shutil.which(name):
        return Path(found)
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: float(p.parts[-3]))
    assert versions, "These tests need PostgreSQL; `make test` installs it."
    return versions[-1]


@contextmanager
def postgresql(folder: Path) -> Iterator[PostgreSql]:
    """Run a server in a folder."""
    server = PostgreSql(folder, free_port())
    server.make()
    server.start()
    try:
        yield server
    finally:
        server.stop()
