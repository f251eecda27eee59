"""A real platform for the tests: started by the real command, on ports and in a folder of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from playwright.sync_api import Browser

COLLEGIUM = [sys.executable, "-m", "hub.cli"]
SLOW_MS = 180_000  # what a page may take on a machine that has much else to do
WEB_HEADERS = {"X-Collegium-Client": "web"}


@dataclass
class PlatformUnderTest:
    """A running platform."""

    data_dir: Path
    port: int
    users: set[str] = field(default_factory=set)
    settings: dict[str, str] = field(default_factory=dict)  # further COLLEGIUM_ variables

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api(self) -> str:
        return f"{self.url}/services/collegium/api"

    @property
    def env(self) -> dict[str, str]:
        ours = {"COLLEGIUM_DATA_DIR": str(self.data_dir), "COLLEGIUM_PORT": str(self.port), "COLUMNS": "200"}
        ours |= {"COLLEGIUM_WARM_KERNELS": "false"}  # most tests start servers and no kernel
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COLLEGIUM_")}
        return kept | ours | self.settings

    def collegium(self, *args: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COLLEGIUM, *args], env=self.env | env, capture_output=True, text=True, check=check, timeout=300
        )

    def http(self, **options: Any) -> httpx.Client:
        """Return a client that reaches the platform at its address."""
        return httpx.Client(trust_env=False, timeout=180, **options)

    def operate(self, method: str, path: str, body: dict[str, object] | None = None) -> httpx.Response:
        """Ask the API as the operator's commands do, without the second that a command takes to be imported."""
        token = (self.data_dir / "secrets" / "operator").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        with self.http(headers=headers) as operator:
            return operator.request(method, f"{self.api}{path}", json=body).raise_for_status()

    def add_user(self, name: str, display_name: str | None = None) -> None:
        if name not in self.users:
            self.operate("POST", "/users", {"name": name, "display_name": display_name})
            self.users.add(name)

    def sign_in_link(self, name: str) -> str:
        return str(self.operate("POST", f"/users/{name}/sign-in-links").json()["url"])

    def client(self, name: str) -> httpx.Client:
        """Return a signed-in HTTP client, as a browser would be after the one-time link."""
        if name != "admin":
            self.add_user(name)
        client = self.http(base_url=self.api, follow_redirects=True, headers=WEB_HEADERS)
        link = self.sign_in_link(name)
        client.get(link).raise_for_status()
        token = next(c.value for c in client.cookies.jar if c.name == "_xsrf" and c.path == "/hub/")
        form = {"link": link.partition("link=")[2], "_xsrf": token or ""}
        client.post(f"{self.url}/hub/sign-in", data=form).raise_for_status()
        client.get(f"{self.url}/services/collegium/login").raise_for_status()
        return client

    def start(self) -> None:
        self.collegium("up", "--detach")

    def processes(self) -> list[psutil.Process]:
        """Return every living process of this installation.

        A forked process shows the command line and environment of its parent, so folders are looked at too.
        """
        return [process for process in psutil.process_iter() if self._owns(process)]

    def _owns(self, process: psutil.Process) -> bool:
        try:
            traces = [*process.cmdline(), *process.environ().values(), process.cwd()]
            lives = process.status() != psutil.STATUS_ZOMBIE
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False
        return lives and process.pid != os.getpid() and any(str(self.data_dir) in trace for trace in traces)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def be_patient(browser: Browser) -> Browser:
    """Have every page of a browser wait as long as a busy machine may take."""
    browser.on("context", lambda context: context.set_default_timeout(SLOW_MS))
    return browser


def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found, "The browser tests need Chromium; `make test` installs it."
    return found
