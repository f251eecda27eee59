"""One installation on one machine: its lock, whether it runs, whether it can be started."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from hub import runtime
from hub.settings import Settings

STOP_TIMEOUT_SECONDS = 40


class StartError(Exception):
    """The platform cannot be started; the message says why and what to do."""


def make_data_folder(settings: Settings) -> None:
    """Make the data folder, and check that it can be written.

    Raises
    ------
    StartError
        It cannot.
    """
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = settings.data_dir / f".write-test-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StartError(
            f"The data folder {settings.data_dir} cannot be written ({error.strerror}). "
            "Set another with data_dir in collegium.toml or COLLEGIUM_DATA_DIR."
        ) from error


def check_port(settings: Settings) -> None:
    """Check that the web address can be listened on.

    Raises
    ------
    StartError
        Another program uses it.
    """
    if not runtime.is_free(settings.host, settings.port):
        raise StartError(
            f"Port {settings.port} on {settings.host} is in use{_user_of(settings.port)}. End that program, or set "
            "another port with port in collegium.toml or COLLEGIUM_PORT."
        )


@contextmanager
def lock(settings: Settings) -> Iterator[None]:
    """Hold the installation's lock: one supervisor at a time.

    Raises
    ------
    StartError
        Another one holds it.
    """
    settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _lock_file(settings).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                f"Collegium runs already at {settings.public_url} (process {running_pid(settings)}). "
                "`collegium down` stops it."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
        file.truncate(0)


def running_pid(settings: Settings) -> int | None:
    """Return the number of the supervisor's process, None when there is none."""
    path = _lock_file(settings)
    if not path.exists():
        return None
    with path.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            for _ in range(20):  # the holder writes its number just after it took the lock
                if text := path.read_text().strip():
                    return int(text)
                time.sleep(0.05)
    return None


def stop(settings: Settings) -> bool:
    """Stop the running platform and wait until all of it has ended.

    Returns
    -------
    bool
        False when nothing ran.

    Raises
    ------
    StartError
        It did not end in time.
    """
    pid = running_pid(settings)
    if pid is None:
        return False
    try:
        supervisor = psutil.Process(pid)
        supervisor.terminate()
    except psutil.NoSuchProcess:
        return True
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if running_pid(settings) is None and not runtime.lives(supervisor):
            return True
        time.sleep(0.05)
    raise StartError(f"Process {pid} has not ended within {STOP_TIMEOUT_SECONDS} s; see {settings.logs_dir}.")


def part_states(settings: Settings) -> dict[str, bool]:
    """Return for each part whether it answers, asked through the proxy as a browser would."""
    base = settings.public_url if settings.public_url.startswith("http://127.") else _local_url(settings)
    # With a host for each project, the hub answers at the platform's own only.
    host = urlsplit(settings.public_url).netloc if settings.wildcard_domain else ""
    answers = {
        "proxy": _status(base, host) is not None,
        "hub": _status(f"{base}hub/health", host) == 200,
        "service": _status(f"{base.rstrip('/')}{runtime.SERVICE_PREFIX}health", host) == 200,
    }
    return answers


def is_ready(settings: Settings) -> bool:
    """Return whether everything answers, the database included."""
    ready = _status(f"{_local_url(settings).rstrip('/')}{runtime.SERVICE_PREFIX}ready") == 200
    return ready and all(part_states(settings).values())


def _local_url(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - read, not bound
    return f"http://{host}:{settings.port}/"


def _status(url: str, host: str = "") -> int | None:
    try:
        headers = {"Host": host} if host else None
        return httpx.get(url, headers=headers, timeout=5, trust_env=False).status_code
    except httpx.HTTPError:
        return None


def _lock_file(settings: Settings) -> Path:
    return settings.run_dir / "lock"


def _user_of(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            address = connection.laddr
            listens = connection.status == psutil.CONN_LISTEN and address and address.port == port
            if listens and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass  # other users' sockets may be hidden from us: then the message does without the name
    return ""
