"""Tell webhooks and people how a run has ended."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json
import smtplib
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from hub.api.context import Platform
from hub.data import projects, users
from hub.errors import ForbiddenError, InvalidError, NotFoundError
from hub.policy import Actor, Capability

if TYPE_CHECKING:
    from pipelines.graph import Automation, NoticeRow, PipelineService, RunRow

TIMEOUT_SECONDS = 10.0
ATTEMPTS = 5
FIRST_WAIT_SECONDS = 2.0
SIGNATURE_HEADER = "X-Collegium-Signature"
ALLOW_INTERNAL = False  # a test's own receiver is on this machine


class DeliveryError(Exception):
    """The receiver did not take it; it is tried again."""


class Notices:
    """Sends what notices ask for; each is an execution of the engine, so that a restart loses none.

    Parameters
    ----------
    platform
        Database, mailer, settings.
    automation, pipelines
        Where notices and runs are.
    """

    def __init__(
        self,
        platform: Platform,
        automation: Callable[[], Automation],
        pipelines: Callable[[str], PipelineService],
    ) -> None:
        self._platform, self._automation, self._pipelines = platform, automation, pipelines

    def handle(self, payload: dict[str, Any]) -> str:
        """Send one; what becomes of it is noted beside the notice."""
        scope = payload["scope"]
        notice = next((n for n in self._automation().notices(scope) if n.id == payload["notice"]), None)
        run = self._pipelines(scope).history.run(payload["run_id"])
        if notice is None or run is None:
            return "gone"
        try:
            status = self._send_mail(notice, run) if notice.kind == "email" else self._send_hook(notice, run)
        except (DeliveryError, InvalidError, OSError, smtplib.SMTPException) as error:
            status = f"failed: {error}"
        self._automation().note(notice, f"{self._platform.now():%Y-%m-%d %H:%M} UTC: {status}")
        return status

    def link(self, scope: str, run: RunRow) -> str:
        """Address of a run's page."""
        return f"{self._platform.settings.public_url}services/collegium/projects/{scope}/runs/{run.id}"

    def _send_mail(self, notice: NoticeRow, run: RunRow) -> str:
        if not self._platform.mailer.can_send:
            return "not sent: the operator has named no mail server"
        address = self._platform.database.read(_address_of, notice)
        if not address:
            return f"not sent: “{notice.target}” has no confirmed address, or is no member any more"
        said = f"The run {run.id} of {run.pipeline} ended: {run.status}."
        text = "\n\n".join(part for part in (said, run.message, self.link(notice.scope, run)) if part)
        retrying = _retrying(OSError, smtplib.SMTPException)
        retrying(self._platform.mailer.send, address, f"{run.pipeline}: {run.status}", text)
        return "sent"

    def _send_hook(self, notice: NoticeRow, run: RunRow) -> str:
        body = json.dumps(
            {
                "event": "run.ended",
                "project": notice.scope,
                "run": run.id,
                "pipeline": run.pipeline,
                "status": run.status,
                "message": run.message,
                "ended_at": run.ended_at.isoformat() if run.ended_at else None,
                "url": self.link(notice.scope, run),
            }
        ).encode()
        at = int(self._platform.now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Collegium",
            "X-Collegium-Delivery": f"{run.id}.g{run.generation}.{notice.id}",
            SIGNATURE_HEADER: f"t={at},v1={signature(notice.secret, at, body)}",
        }
        return f"answered {_retrying(DeliveryError, OSError)(post, notice.target, body, headers)}"


def signature(secret: str, at: int, body: bytes) -> str:
    """HMAC-SHA256 of `<at>.<body>` in hexadecimal; the receiver computes the same and compares."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def check_address(url: str) -> None:
    """Check the form of a webhook's address; where it leads is looked at whenever something is sent.

    Raises
    ------
    InvalidError
        If it is none that may be called.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not ALLOW_INTERNAL:
        raise InvalidError("A webhook's address begins with https://.", {"target": "must begin with https://"})
    if not parts.hostname or parts.username or parts.fragment:
        raise InvalidError("This is no address of a webhook.", {"target": "is no address"})
    try:
        if not ALLOW_INTERNAL and not ipaddress.ip_address(parts.hostname).is_global:
            raise InvalidError("Webhooks to internal addresses are not sent.", {"target": "is an internal address"})
    except ValueError:
        return  # a name


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a request to a public address; redirects are not followed.

    The name is looked up once, the address is checked, and the connection goes to that address, so that the answer to
    a second look-up cannot lead into the internal network.

    Raises
    ------
    InvalidError
        If it is an internal address.
    DeliveryError, OSError
        If the receiver does not take it.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = public_address(host, port)
    raw = socket.create_connection((address, port), timeout=TIMEOUT_SECONDS)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        secure = parts.scheme == "https"
        connection.sock = ssl.create_default_context().wrap_socket(raw, server_hostname=host) if secure else raw
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, headers)
        status = connection.getresponse().status
    except http.client.HTTPException as error:
        raise DeliveryError(f"{host} does not answer as a web server does") from error
    finally:
        connection.close()
        raw.close()
    if status >= 300:
        raise DeliveryError(f"{host} answered {status}")
    return status


def public_address(host: str, port: int) -> str:
    """Look a name up; every address that it has must be one of the public network.

    Raises
    ------
    InvalidError
        If one is internal.
    OSError
        If there is none.
    """
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for text in found:
        address = ipaddress.ip_address(text.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
        if not ALLOW_INTERNAL and (not mapped.is_global or mapped.is_multicast):
            raise InvalidError(f"{host} is an internal address; webhooks are not sent there.")
    return found[0]


def _retrying(*errors: type[Exception]) -> Retrying:
    return Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(FIRST_WAIT_SECONDS, 60),
        retry=retry_if_exception_type(errors),
        reraise=True,
    )


def _address_of(session: Session, notice: NoticeRow) -> str:
    try:
        projects.get(session, notice.scope, Actor(notice.target), Capability.READ)
        user = users.get(session, notice.target)
    except (NotFoundError, ForbiddenError):
        return ""
    return (user.email or "") if user.is_active and user.email_verified_at is not None else ""
