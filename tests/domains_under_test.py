"""A real platform with a host for each project, behind a real TLS proxy, under names that only the tests resolve."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from hub import node
from tests.e2e.browsing import come_in
from tests.platform_under_test import PlatformUnderTest, be_patient, chromium, free_port

PARENT = "example.test"  # of the platform's host and of the projects' domain: the hardest case, cookies can be tossed
HOST = f"notebooks.{PARENT}"
DOMAIN = f"projects.{PARENT}"
RESOLVER = f"--host-resolver-rules=MAP {PARENT} 127.0.0.1,MAP *.{PARENT} 127.0.0.1"


class Loopback(httpx.HTTPTransport):
    """Connects to this machine, whatever the name; the Host header and the cookies are those of the name."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = request.headers.copy()
        address = request.url.copy_with(host="127.0.0.1")
        extensions = {**request.extensions, "sni_hostname": request.url.host}
        return super().handle_request(
            httpx.Request(request.method, address, headers=headers, stream=request.stream, extensions=extensions)
        )


@dataclass
class DomainsPlatform(PlatformUnderTest):
    """A platform whose projects have hosts of their own."""

    tls_port: int = 0

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.tls_port}"

    def origin(self, project: str) -> str:
        return f"https://{project}.{DOMAIN}:{self.tls_port}"

    def http(self, **options: Any) -> httpx.Client:
        return httpx.Client(trust_env=False, timeout=180, transport=Loopback(verify=False), **options)

    def new_project(self, client: httpx.Client, name: str, *, is_started: bool = True) -> str:
        project = str(client.post("/projects", json={"name": name}).raise_for_status().json()["id"])
        if is_started:
            self.start_server(client, project)
        return project

    def start_server(self, client: httpx.Client, project: str) -> None:
        client.post(f"/projects/{project}/server").raise_for_status()
        with client.stream("GET", f"/projects/{project}/server/events") as events:
            for _ in events.iter_lines():
                pass
        assert client.get(f"/projects/{project}/server").json()["state"] == "running"


@contextmanager
def domains_platform(folder: Path, **settings: str) -> Iterator[DomainsPlatform]:
    """Yield a running one, with TLS ended by a proxy in front of it as operators have."""
    port, tls_port = free_port(), free_port()
    given = {
        "COLLEGIUM_PUBLIC_URL": f"https://{HOST}:{tls_port}/",
        "COLLEGIUM_WILDCARD_DOMAIN": DOMAIN,
        **settings,
    }
    platform = DomainsPlatform(folder / "data", port, settings=given, tls_port=tls_port)
    with tls_proxy(folder, tls_port, port):
        platform.start()
        try:
            yield platform
        finally:
            platform.collegium("down", check=False)


@contextmanager
def tls_proxy(folder: Path, port: int, target: int) -> Iterator[None]:
    """Run a proxy that speaks TLS on `port` and passes all on to `target`, Host and WebSockets included."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    key.write_bytes(_key().private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()))
    names = f"subjectAltName=DNS:{HOST},DNS:*.{DOMAIN}"
    made = ["-subj", f"/CN={HOST}", "-addext", names, "-key", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", *made], check=True, capture_output=True)
    proxy = subprocess.Popen(
        [
            *node.proxy_command(),
            *("--ip", "127.0.0.1", "--port", str(port), "--api-port", str(free_port())),
            *("--ssl-key", str(key), "--ssl-cert", str(certificate)),
            *("--default-target", f"http://127.0.0.1:{target}", "--log-level", "error"),
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        proxy.terminate()
        proxy.wait()


def launch(playwright: Playwright, flags: list[str]) -> Browser:
    """Return a browser that finds the names, and trusts the proxy's key as it would a certificate that was bought."""
    public = _key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    trusted = base64.b64encode(hashlib.sha256(public).digest()).decode()
    args = [*flags, RESOLVER, f"--ignore-certificate-errors-spki-list={trusted}"]
    return be_patient(playwright.chromium.launch(executable_path=chromium(), args=args))


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def sign_in_at(browser: Browser, platform: DomainsPlatform, name: str) -> Page:
    """Return a page of the web app, signed in."""
    context: BrowserContext = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    come_in(page, platform.sign_in_link(name))
    return page
