"""Sending mail through the operator's mail server."""

from __future__ import annotations

import asyncio
import logging
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from functools import partial

from hub.settings import Settings

log = logging.getLogger("collegium.mail")
TIMEOUT_SECONDS = 30


class Mailer:
    """Sends plain text mails.

    Parameters
    ----------
    settings
        Names the mail server; without one nothing can be sent.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def can_send(self) -> bool:
        """Whether a mail server is named in the settings."""
        return bool(self._settings.smtp_host)

    def send_later(self, to: str, subject: str, text: str) -> None:
        """Send a mail without waiting for it: how long it takes tells nobody whether there was one to send."""
        task = asyncio.create_task(self._try(to, subject, text))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def close(self) -> None:
        """Wait for the mails under way."""
        await asyncio.gather(*self._under_way)

    async def _try(self, to: str, subject: str, text: str) -> None:
        try:
            await asyncio.to_thread(self.send, to, subject, text)
        except (OSError, smtplib.SMTPException) as error:
            log.error("a mail could not be sent by %s: %s", self._settings.smtp_host, error)

    def send(self, to: str, subject: str, text: str) -> None:
        """Send a mail now; blocks.

        Raises
        ------
        OSError, smtplib.SMTPException
            The mail server cannot be reached or refuses.
        """
        s = self._settings
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = s.mail_from, to, subject
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="collegium.invalid")
        message["Auto-Submitted"] = "auto-generated"  # so that nobody's holiday notice answers
        message.set_content(text)
        secure = ssl.create_default_context()
        connect = partial(smtplib.SMTP_SSL, context=secure) if s.smtp_security == "tls" else smtplib.SMTP
        with connect(s.smtp_host, s.smtp_port, timeout=TIMEOUT_SECONDS) as server:
            if s.smtp_security == "starttls":
                server.starttls(context=secure)
            if s.smtp_user:
                server.login(s.smtp_user, s.smtp_password.get_secret_value())
            server.send_message(message)
